#!/usr/bin/env bash
#
# What a job measured of its model, and the same model measured on the same file by POST
# /v1/evaluations, are the same document, to the byte; an evaluation survives kill -9; two models
# are compared; early stopping and the best checkpoint; `finetuned run` says the same.
#
# SOURCE is the project, BUILD the build folder. Everything lies in a temporary folder; the daemon
# listens on a free port and is ended by its id.
set -euo pipefail
export LC_ALL=C
unset NOTIFY_SOCKET STATE_DIRECTORY "${!FINETUNED_@}"
scratch=$(mktemp -d)
daemon=
url=

clean_up() {
    [ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null || true
    rm -rf "$scratch"
}
trap clean_up EXIT

fail() {
    echo "FAILED: $*"
    for file in log answer complained; do
        [ ! -s "$scratch/$file" ] || { echo "--- $file"; tail -n 30 "$scratch/$file" | cut -c1-2000; }
    done
    exit 1
}

# wait_until COMMAND…: at most two minutes, then a failure.
wait_until() {
    local tries=0
    until "$@"; do
        [ "$tries" -lt 1200 ] || fail "waited in vain: $*"
        sleep 0.1
        tries=$((tries + 1))
    done
}

is_ready_or_gone() {
    [ -s "$scratch/port" ] || ! kill -0 "$daemon" 2>/dev/null
}

start() {
    rm -f "$scratch/port"
    "$BUILD/finetuned" --data-dir "$scratch/data" --models-dir "$SOURCE/examples" \
        --listen 127.0.0.1:0 --port-file "$scratch/port" </dev/null >/dev/null 2>"$scratch/log" &
    daemon=$!
    wait_until is_ready_or_gone
    [ -s "$scratch/port" ] || fail "the daemon did not start"
    url=http://127.0.0.1:$(cat "$scratch/port")
}

stop() {
    kill -"$1" "$daemon"
    wait "$daemon" 2>/dev/null || [ "$1" = KILL ] || fail "the daemon did not end in order"
    daemon=
}

# request STATUS ARGUMENT...: curl must be answered with STATUS; the body is in answer.
request() {
    local wanted=$1 status
    shift
    status=$(curl --silent --show-error --noproxy '*' --max-time 120 --output "$scratch/answer" \
        --write-out '%{http_code}' "$@") || fail "curl $*"
    [ "$status" = "$wanted" ] || fail "$* was answered $status, not $wanted"
}

# ask STATUS PATH JSON
ask() {
    request "$1" -H 'Content-Type: application/json' --data-binary "$3" "$url/v1/$2"
}

answers() {
    grep -qF -- "$1" "$scratch/answer" || fail "the answer has no $1"
}

lacks() {
    ! grep -qF -- "$1" "$scratch/answer" || fail "the answer has $1"
}

# The first value of "id" in the answer.
id_of_answer() {
    sed 's/^[^{]*{"id":"\([^"]*\)".*/\1/' "$scratch/answer"
}

upload() {
    request 200 -F purpose=fine-tune -F "file=@$1" "$url/v1/files"
    id_of_answer
}

# has_status PATH STATUS
has_status() {
    request 200 "$url/v1/$1"
    ! grep -q '"status":"failed"' "$scratch/answer" || [ "$2" = failed ] || fail "$1 failed"
    grep -q "\"status\":\"$2\"" "$scratch/answer"
}

# What was measured, from the task on: the same for a job and for a request.
measured() {
    sed 's/.*\("task":"classification".*\)/\1/; s/}*$//' | tr -d '\n'
}

rows() {
    local i=0
    while [ "$i" -lt "$1" ]; do
        printf '{"text":"good day number %d","label":"calm"}\n' $((i + $2))
        printf '{"text":"bad night, %d times over","label":"sad"}\n' $((i + $2))
        printf '{"text":"why the %d","label":"odd"}\n' $((i + $2))
        i=$((i + 1))
    done
}

rows 20 0 >"$scratch/train.jsonl"
rows 6 100 >"$scratch/valid.jsonl"
{
    rows 7 200
    printf '{"text":"good day","label":"sad"}\n{"text":"good day","label":"odd"}\n'
} >"$scratch/test.jsonl"
printf '{"text":"x","label":"unheard of"}\n' >"$scratch/strange.jsonl"
base=$(cd "$SOURCE/examples" && for folder in */config.json; do dirname "$folder"; break; done)

start
training=$(upload "$scratch/train.jsonl")
validation=$(upload "$scratch/valid.jsonl")
test=$(upload "$scratch/test.jsonl")
strange=$(upload "$scratch/strange.jsonl")
common="\"model\":\"$base\",\"training_file\":\"$training\",\"validation_file\":\"$validation\",\"test_file\":\"$test\",\"seed\":3"

ask 200 fine_tuning/jobs "{$common,\"n_epochs\":2}"
job=$(id_of_answer)
request 200 "$url/v1/fine_tuning/jobs/$job/evaluation"
wait_until has_status "fine_tuning/jobs/$job" succeeded
answers '"valid_macro_f1":'
answers '"test_mcc":'
model=$(sed 's/.*"fine_tuned_model":"\([^"]*\)".*/\1/' "$scratch/answer")
request 200 "$url/v1/fine_tuning/jobs/$job/evaluation"
answers '"object":"fine_tuning.job.evaluation"'
cp "$scratch/answer" "$scratch/of_job"
sed 's/.*"test":{//' "$scratch/of_job" | measured >"$scratch/test_of_job"
grep -q '"rows":23' "$scratch/test_of_job" || fail "the job's test evaluation has not all rows"
grep -q '"line":22,"text":"good day"' "$scratch/test_of_job" || fail "no error with its line"

# The same model and file by request: the same document.
ask 201 evaluations "{\"model\":\"$model\",\"file\":\"$test\"}"
evaluation=$(id_of_answer)
wait_until has_status "evaluations/$evaluation" succeeded
measured <"$scratch/answer" >"$scratch/test_by_request"
cmp -s "$scratch/test_of_job" "$scratch/test_by_request" ||
    { diff <(tr , '\n' <"$scratch/test_of_job") <(tr , '\n' <"$scratch/test_by_request") | head -20; fail "job and request disagree"; }

# Asked for, then kill -9: it is carried out after the next start.
ask 201 evaluations "{\"model\":\"$model\",\"file\":\"$test\",\"compare_to\":\"$model\"}"
evaluation=$(id_of_answer)
stop KILL
start
wait_until has_status "evaluations/$evaluation" succeeded
answers '"comparison":{"only_this_right":0,"only_other_right":0,"p_value":1,'
request 200 "$url/v1/evaluations?limit=1"
answers "\"first_id\":\"$evaluation\""
answers '"has_more":true'
answers '"measures":{"accuracy":'
lacks '"per_class":'
request 200 -X DELETE "$url/v1/evaluations/$evaluation"
request 404 "$url/v1/evaluations/$evaluation"
answers evaluation_not_found

# What cannot be measured is refused at once, or fails with the line.
ask 400 evaluations "{\"model\":\"$base\",\"file\":\"$test\"}"
answers model_not_fine_tuned
ask 400 evaluations "{\"model\":\"$model\",\"file\":\"file-none\"}"
answers file_not_found
ask 400 evaluations "{\"model\":\"$model\"}"
answers missing_parameter
ask 201 evaluations "{\"model\":\"$model\",\"file\":\"$strange\"}"
evaluation=$(id_of_answer)
wait_until has_status "evaluations/$evaluation" failed
answers '"code":"invalid_file"'
answers 'strange.jsonl line 1: label \"unheard of\" does not occur in the model'

# Early stopping: the model of the best step, whose measures the job shows.
ask 200 fine_tuning/jobs "{$common,\"n_epochs\":40,\"eval_steps\":2,\"learning_rate\":0.02,\"lr_scheduler\":\"constant\",\"early_stopping\":{\"patience\":3,\"metric\":\"valid_accuracy\"}}"
job=$(id_of_answer)
answers '"load_best_model":true'
answers '"early_stopping":{"patience":3,"min_delta":0'
wait_until has_status "fine_tuning/jobs/$job" succeeded
request 200 "$url/v1/fine_tuning/jobs/$job/events?limit=100"
answers 'Early stopping: in 3 validations valid_accuracy has not become better'
answers 'becomes the final one: its valid_accuracy was the best'
best=$(sed 's/.*The model of step \([0-9]*\) becomes the final one.*/\1/' "$scratch/answer")
request 200 "$url/v1/fine_tuning/jobs/$job/checkpoints?limit=100"
answers ":ckpt-step-$best\""
model=$(sed "s/.*\"fine_tuned_model_checkpoint\":\"\([^\"]*\):ckpt-step-$best\".*/\1/" "$scratch/answer")
request 200 "$url/v1/models/$model/files"
final=$(sed 's/.*"name":"model.safetensors","bytes":[0-9]*,"sha256":"\([^"]*\)".*/\1/' "$scratch/answer")
request 200 "$url/v1/models/$model:ckpt-step-$best/files"
answers "$final"
request 200 "$url/v1/fine_tuning/jobs/$job"
accuracy=$(sed 's/.*"valid_accuracy":\([^,}]*\).*/\1/' "$scratch/answer")
request 200 "$url/v1/fine_tuning/jobs/$job/evaluation"
answers "\"measures\":{\"accuracy\":$accuracy,"
ask 400 fine_tuning/jobs "{\"model\":\"$base\",\"training_file\":\"$training\",\"validation_split\":0,\"early_stopping\":{\"patience\":3}}"
answers '"param":"early_stopping"'
# The client says the same.
export FINETUNED_URL=$url
"$BUILD/finetunectl" evaluation "$job" >"$scratch/answer" || fail "finetunectl evaluation"
answers 'measures    accuracy'
"$BUILD/finetunectl" evaluate --model "$model" "$scratch/test.jsonl" >"$scratch/answer" || fail "finetunectl evaluate"
answers 'succeeded, 23 rows'
! "$BUILD/finetunectl" evaluate --model "$model" "$strange" >"$scratch/answer" 2>"$scratch/complained" ||
    fail "finetunectl evaluates what cannot be"
grep -q 'does not occur in the model' "$scratch/complained" || fail "finetunectl does not say why"
stop TERM

# `finetuned run` trains the same model and says the same.
printf '{"model":"%s","training_file":"%s","validation_file":"%s","test_file":"%s","seed":3,"n_epochs":2,"output_dir":"%s"}' \
    "$SOURCE/examples/$base" "$scratch/train.jsonl" "$scratch/valid.jsonl" "$scratch/test.jsonl" \
    "$scratch/out" >"$scratch/job.json"
"$BUILD/finetuned" run "$scratch/job.json" >"$scratch/lines" 2>"$scratch/complained" || fail "run"
tail -n 1 "$scratch/lines" | sed 's/.*"test":{//' | measured >"$scratch/test_of_run"
cmp -s "$scratch/test_of_job" "$scratch/test_of_run" ||
    { diff <(tr , "\n" <"$scratch/test_of_job") <(tr , "\n" <"$scratch/test_of_run") | head -20; fail "daemon and run disagree"; }
echo "all passed"
