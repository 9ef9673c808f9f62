#!/usr/bin/env bash
#
# A job of each task through the daemon: the task is told or follows from the labels, the job says
# task and labels, its test loss is measured, its model is the same bytes as that of `finetuned run`
# and is asked where its task belongs; what a task cannot use is refused.
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
    for file in said complained log answer; do
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
    "$BUILD/finetuned" --data-dir "$scratch/data" --models-dir "$SOURCE/examples" \
        --listen 127.0.0.1:0 --port-file "$scratch/port" </dev/null >"$scratch/said" \
        2>"$scratch/log" &
    daemon=$!
    wait_until is_ready_or_gone
    [ -s "$scratch/port" ] || fail "the daemon did not start"
    url=http://127.0.0.1:$(cat "$scratch/port")
}

# request STATUS ARGUMENT...: curl must be answered with STATUS; the body is in answer.
request() {
    local wanted=$1 status
    shift
    status=$(curl --silent --show-error --noproxy '*' --max-time 120 --output "$scratch/answer" \
        --write-out '%{http_code}' "$@") || fail "curl $*"
    [ "$status" = "$wanted" ] || fail "$* was answered $status, not $wanted"
}

answers() {
    grep -qE -e "$1" "$scratch/answer" || fail "the answer lacks '$1'"
}

# string KEY: the first such member of the answer.
string() {
    { grep -o "\"$1\":\"[^\"]*\"" "$scratch/answer" || true; } | head -n 1 | cut -d '"' -f 4
}

upload() {
    request 200 -F purpose=fine-tune -F "file=@$1" "$url/v1/files"
    answers '"status":"processed"'
    string id
}

# create STATUS QUERY MEMBERS: a job on the rows that were uploaded last.
create() {
    request "$1" -H 'Content-Type: application/json' --data-binary @- \
        "$url/v1/fine_tuning/jobs$2" <<END
{"model": "tiny-bert", "training_file": "$training", "test_file": "$testing", "seed": 3,
 "max_steps": 6, "batch_size": 8$3}
END
}

job_has_ended() {
    request 200 "$url/v1/fine_tuning/jobs/$1"
    case $(string status) in queued | running) return 1 ;; esac
}

# The rows of each task: 40 to learn from, 8 to test with.
write_rows() {
    awk -v rows="$2" -v task="$1" 'BEGIN {
        for (i = 0; i < rows; i++) {
            words = "the printer in room " i % 7 " is " (i % 2 ? "on" : "off")
            if (task == "tokens") {
                n = split(words, word, " ")
                text = tags = ""
                for (k = 1; k <= n; k++) {
                    text = text (k > 1 ? "," : "") "\"" word[k] "\""
                    tags = tags (k > 1 ? "," : "") (k == 5 ? "\"B-room\"" : "\"O\"")
                }
                printf "{\"tokens\":[%s],\"labels\":[%s]}\n", text, tags
            } else if (task == "lists") {
                printf "{\"text\":\"%s\",\"labels\":[%s]}\n", words,
                    i % 4 == 0 ? "" : i % 4 == 1 ? "\"on\"" : "\"on\",\"printer\""
            } else if (task == "numbers") {
                printf "{\"text\":\"%s\",\"label\":%.2f}\n", words, 20 + i % 7 + 0.25
            } else {
                printf "{\"text\":\"%s\",\"label\":\"%s\"}\n", words, i % 2 ? "on" : "off"
            }
        }
    }' >"$3"
}

use_rows() {
    write_rows "$1" 40 "$scratch/$1.jsonl"
    write_rows "$1" 8 "$scratch/$1-test.jsonl"
    training=$(upload "$scratch/$1.jsonl")
    testing=$(upload "$scratch/$1-test.jsonl")
}

# train ROWS TASK LABELS [MEMBERS]: a job that ends well and says what it is.
train() {
    use_rows "$1"
    create 200 '?dry_run=true' "${4:-}"
    answers "\"task\":\"$2\""
    create 200 '' "${4:-}"
    answers "\"task\":\"$2\""
    answers "\"labels\":\[$3\]"
    local job
    job=$(string id)
    wait_until job_has_ended "$job"
    [ "$(string status)" = succeeded ] || fail "the job of task $2 did not succeed"
    answers "\"task\":\"$2\""
    answers '"test_loss":[0-9]'
    model=$(string fine_tuned_model)
    request 200 "$url/v1/models/$model"
    answers "\"task\":\"$2\""
    same_bytes_as_run "$1" "${4:-}"
    answers_by_its_task "$2"
    is_measured_and_compared "$2"
}

evaluation_has_ended() {
    request 200 "$url/v1/evaluations/$1"
    grep -qE '"status":"(succeeded|failed)"' "$scratch/answer"
}

# is_measured_and_compared TASK: its measures have intervals, and a model is never better than itself.
is_measured_and_compared() {
    local evaluation interval='":\[-?[0-9.e-]+,-?[0-9.e-]+\]'
    ask 201 evaluations "\"file\": \"$testing\", \"compare_to\": \"$model\""
    evaluation=$(string id)
    wait_until evaluation_has_ended "$evaluation"
    answers '"status":"succeeded"'
    answers '"p_value":1(\.0)?,'
    case $1 in
    classification) answers "\"macro_f1$interval" ;;
    multi_label)
        answers "\"macro_f1$interval"
        answers '"calibration":\{"ece":[0-9.e-]+,"brier":[0-9.e-]+,"temperature":null,"bins":\['
        ;;
    regression)
        answers "\"pearson$interval"
        answers '"this_nearer":0,"other_nearer":0,"p_value":1(\.0)?,"test":"wilcoxon_signed_rank"'
        ;;
    token_classification)
        answers "\"accuracy$interval"
        answers '"test":"mcnemar","unit":"sentences"'
        ;;
    esac
}

# ask STATUS PATH MEMBERS: of the model.
ask() {
    request "$1" -H 'Content-Type: application/json' \
        -d "{\"model\": \"$model\", $3}" "$url/v1/$2"
}

# answers_by_its_task TASK: each kind of model where it is asked, and nowhere else; the program and
# both interfaces say the same.
answers_by_its_task() {
    local text='"the printer in room 3 is off"' moderations=400 words=400 texts=200
    local chat='"messages": [{"role": "user", "content": '$text'}]'
    case $1 in
    multi_label) moderations=200 ;;
    token_classification) words=200 texts=400 ;;
    esac
    ask "$moderations" moderations "\"input\": $text"
    [ "$moderations" = 400 ] || answers '"flagged":(true|false),"categories":\{"o'
    ask "$words" token_classifications "\"input\": [$text, {\"tokens\": [\"the\", \"room\"]}]"
    [ "$words" = 400 ] || answers '"tokens":\[\{"text":"the","start":0,"end":3,"label":"'
    ask "$texts" classifications "\"input\": $text"
    [ "$texts" = 400 ] || answers '"results":\[\{"label":\{"scores":\{"'
    ask 200 chat/completions "$chat"
    case $1 in
    multi_label | token_classification) answers '"content":"\[' ;;
    regression) answers '"content":"-?[0-9.]+"' ;;
    esac
    echo "$text" | "$BUILD/finetuned" predict --model "$scratch/model" >"$scratch/said" ||
        fail "finetuned predict failed"
    "$BUILD/finetunectl" --url "$url" predict --model "$model" 'the printer in room 3 is off' \
        >"$scratch/complained" || fail "finetunectl predict failed"
    grep -q 'the printer in room 3' "$scratch/complained" || fail "finetunectl did not answer"
}

# same_bytes_as_run ROWS MEMBERS
same_bytes_as_run() {
    local name
    rm -rf "$scratch/model"
    cat >"$scratch/job.json" <<END
{"model": "$SOURCE/examples/tiny-bert", "training_file": "$scratch/$1.jsonl",
 "test_file": "$scratch/$1-test.jsonl", "seed": 3, "max_steps": 6, "batch_size": 8$2,
 "output_dir": "$scratch/model"}
END
    "$BUILD/finetuned" run "$scratch/job.json" >"$scratch/said" 2>"$scratch/complained" ||
        fail "finetuned run failed"
    for name in config.json model.safetensors; do
        request 200 "$url/v1/models/$model/files/$name"
        cmp "$scratch/answer" "$scratch/model/$name" || fail "daemon and run differ in $name"
    done
}

the_labels_say_the_task() {
    train texts classification '"off","on"'
    train lists multi_label '"on","printer"'
    train numbers regression '"label"'
    train tokens token_classification '"B-room","O"'
}

the_request_may_say_another_task() {
    train texts multi_label '"off","on"' ', "task": "multi_label", "focal_gamma": 2'
    train numbers classification '"20.25",.*"26.25"' \
        ', "task": "classification", "class_weights": "balanced"'
    train texts classification '"off","on"' \
        ', "class_weights": {"on": 2.5}, "label_smoothing": 0.1'
}

what_a_task_has_no_use_for_is_refused() {
    use_rows numbers
    create 400 '' ', "class_weights": "balanced"'
    answers '"param":"class_weights"'
    create 400 '' ', "label_smoothing": 0.1'
    answers '"param":"label_smoothing"'
    use_rows texts
    create 400 '' ', "task": "regression"'
    answers 'is no number'
    create 400 '' ', "task": "token_classification"'
    answers 'classification'
    create 400 '' ', "class_weights": {"absent": 2}'
    answers '\\"absent\\"'
    create 400 '' ', "label_smoothing": 0.1, "focal_gamma": 2'
    answers 'one of the two'
}

start
the_labels_say_the_task
the_request_may_say_another_task
what_a_task_has_no_use_for_is_refused
kill -TERM "$daemon"
wait "$daemon" || fail "the daemon did not end in order"
daemon=
echo "every task trains through the daemon, and refuses what it cannot use"
