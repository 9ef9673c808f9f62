#!/usr/bin/env bash
#
# A program that used a fine-tuned chat model as a classifier goes on unchanged: its training file
# trains under the model name that it carries, and chat completions, responses, embeddings and
# classifications answer over HTTP with curl, for the model, an alias of it and its checkpoint.
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

# start ALIAS…
start() {
    local aliases=()
    for alias in "$@"; do
        aliases+=(--model-alias "$alias")
    done
    rm -f "$scratch/port"
    "$BUILD/finetuned" --data-dir "$scratch/data" --models-dir "$SOURCE/examples" \
        --listen 127.0.0.1:0 --port-file "$scratch/port" "${aliases[@]}" \
        </dev/null >/dev/null 2>"$scratch/log" &
    daemon=$!
    wait_until is_ready_or_gone
    [ -s "$scratch/port" ] || fail "the daemon did not start"
    url=http://127.0.0.1:$(cat "$scratch/port")
}

stop() {
    kill -TERM "$daemon"
    wait "$daemon" || fail "the daemon did not end in order"
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
    grep -qE -e "$1" "$scratch/answer" || fail "the answer lacks '$1'"
}

# string KEY: the first such member of the answer.
string() {
    { grep -o "\"$1\":\"[^\"]*\"" "$scratch/answer" || true; } | head -n 1 | cut -d '"' -f 4
}

job_has_ended() {
    request 200 "$url/v1/fine_tuning/jobs/$1"
    [ "$(string status)" != queued ] && [ "$(string status)" != running ]
}

question='[{"role":"system","content":"Sort the question."},{"role":"user","content":"The printer is out of paper again."}]'

a_chat_file_trains_under_an_aliased_name() {
    sed -E 's/^\{"text": ("([^"\\]|\\.)*"), "label": ("[^"]*")\}$/{"messages": [{"role": "system", "content": "Sort the question."}, {"role": "user", "content": \1}, {"role": "assistant", "content": \3}]}/' \
        "$SOURCE/examples/library/train.jsonl" >"$scratch/chat.jsonl"
    [ "$(grep -c '"messages"' "$scratch/chat.jsonl")" -eq "$(wc -l <"$scratch/chat.jsonl")" ] ||
        fail "the example's rows are not what this test takes them for"
    request 200 -F purpose=fine-tune -F "file=@$scratch/chat.jsonl" "$url/v1/files"
    answers '"status":"processed"'
    ask 200 fine_tuning/jobs "{\"model\":\"gpt-4o-mini-2024-07-18\",\"training_file\":\"$(string id)\",\"seed\":7}"
    job=$(string id)
    wait_until job_has_ended "$job"
    [ "$(string status)" = succeeded ] || fail "the job did not succeed"
    model=$(string fine_tuned_model)
    request 200 "$url/v1/fine_tuning/jobs/$job/checkpoints?limit=1"
    checkpoint=$(string fine_tuned_model_checkpoint)
}

# says_printing MODEL: its label, from where a chat model's answer is read.
says_printing() {
    ask 200 chat/completions "{\"model\":\"$1\",\"messages\":$question,\"temperature\":0}"
    answers '"choices":\[\{"index":0,"message":\{"role":"assistant","content":"printing","refusal":null\}'
    answers "\"model\":\"$2\""
}

chat_completions_answer_for_model_and_checkpoint() {
    says_printing "$model" "$model"
    says_printing "$checkpoint" "$checkpoint"
    ask 200 chat/completions "{\"model\":\"$model\",\"messages\":$question,\"logprobs\":true,\"top_logprobs\":2}"
    answers '"logprobs":\{"content":\[\{"token":"printing","logprob":-[0-9.e-]+,"bytes":\[112,'
    ask 200 chat/completions "{\"model\":\"$model\",\"messages\":$question,\"stream\":true}"
    answers '^data: \{.*"content":"printing"'
    [ "$(tail -n 2 "$scratch/answer" | head -n 1)" = 'data: [DONE]' ] || fail "the stream does not end"
    ask 400 chat/completions "{\"model\":\"tiny-bert\",\"messages\":$question}"
    answers '"code":"model_not_fine_tuned"'
}

responses_answer_the_same() {
    ask 200 responses "{\"model\":\"$model\",\"input\":$question}"
    answers '"type":"output_text","text":"printing"'
    ask 200 responses "{\"model\":\"$model\",\"input\":$question,\"stream\":true}"
    answers '^event: response.output_text.delta$'
    answers '^data: \{"type":"response.completed","sequence_number":8,'
}

classifications_take_texts_and_conversations() {
    ask 200 classifications "{\"model\":\"$model\",\"input\":\"The printer is out of paper again.\"}"
    local text conversation
    text=$(grep -o '"results".*' "$scratch/answer")
    ask 200 chat/classifications "{\"model\":\"$model\",\"input\":{\"messages\":$question}}"
    conversation=$(grep -o '"results".*' "$scratch/answer")
    [ "$text" = "$conversation" ] || fail "a conversation is classified unlike its text"
}

embeddings_are_vectors() {
    ask 200 embeddings "{\"model\":\"$model\",\"input\":[\"a\",\"b\"],\"dimensions\":3}"
    answers '"index":1,"embedding":\[-?[0-9.e-]+,-?[0-9.e-]+,-?[0-9.e-]+\]\}\]'
    ask 200 embeddings "{\"model\":\"$model\",\"input\":\"a\",\"encoding_format\":\"base64\",\"pooling\":\"cls\"}"
    answers '"embedding":"[A-Za-z0-9+/]+=*"'
    ask 400 embeddings "{\"model\":\"tiny-bert\",\"input\":\"a\"}"
    answers 'has no weights'
}

an_alias_may_name_a_fine_tuned_model() {
    stop
    start "my-old-model=$model"
    says_printing my-old-model "$model"
}

predict_reads_the_training_file_as_it_is() {
    head -n 20 "$scratch/chat.jsonl" | "$BUILD/finetuned" predict --batch 7 \
        --model "$scratch/data/models/$job" >"$scratch/answer" 2>"$scratch/complained" ||
        fail "predict failed"
    [ "$(wc -l <"$scratch/answer")" -eq 20 ] || fail "twenty lines in, other lines out"
    answers '^\{"label":"renewals",'
    local status=0
    printf '"one"\n["two", "texts"]\n{"messages": []}\n' | "$BUILD/finetuned" predict \
        --model "$scratch/data/models/$job" >"$scratch/answer" 2>"$scratch/complained" || status=$?
    [ "$status" -eq 1 ] || fail "a line without a message ended with $status"
    grep -q 'line 3: messages must' "$scratch/complained" || fail "the bad line is not named"
    [ "$(wc -l <"$scratch/answer")" -eq 2 ] || fail "the lines before it were not answered"
}

start gpt-4o-mini-2024-07-18=tiny-bert
for step in a_chat_file_trains_under_an_aliased_name chat_completions_answer_for_model_and_checkpoint \
    responses_answer_the_same classifications_take_texts_and_conversations embeddings_are_vectors \
    an_alias_may_name_a_fine_tuned_model predict_reads_the_training_file_as_it_is; do
    "$step"
    echo "ok $step"
done
stop
