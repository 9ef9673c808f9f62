#!/usr/bin/env bash
#
# Each code of the error table, produced by a request to the daemon as it is. /openapi.json lists the
# codes (x-errors): a code that no line here produces must stand in the list at the end, with the
# reason and the test that does produce it.
set -euo pipefail
export LC_ALL=C
unset NOTIFY_SOCKET STATE_DIRECTORY "${!FINETUNED_@}"
scratch=$(mktemp -d)
daemon=

clean_up() {
    [ -z "$daemon" ] || { kill -KILL "$daemon" && wait "$daemon"; } 2>/dev/null || true
    rm -rf "$scratch"
}
trap clean_up EXIT

"$BUILD/finetuned" --data-dir "$scratch/data" --models-dir "$SOURCE/examples" --listen 127.0.0.1:0 \
    --port-file "$scratch/port" --max-file-bytes 100K </dev/null 2>"$scratch/log" &
daemon=$!
for _ in $(seq 1200); do
    [ ! -s "$scratch/port" ] || break
    kill -0 "$daemon" || { cat "$scratch/log"; exit 1; }
    sleep 0.1
done
url=http://127.0.0.1:$(cat "$scratch/port")
jobs=$url/v1/fine_tuning/jobs
json='Content-Type: application/json'

# expect STATUS CODE CURL-ARGUMENT…: an error in both shapes.
expect() {
    local status=$1 code=$2 got
    shift 2
    got=$(curl -sS -o "$scratch/answer" -w '%{http_code}' --path-as-is "$@")
    if [ "$got" != "$status" ] || ! grep -q '"error":{.*"code":"'"$code"'"' "$scratch/answer"; then
        echo "wanted $status $code, got $got from: $*"
        cut -c1-1000 "$scratch/answer"
        exit 1
    fi
    echo "$code" >>"$scratch/produced"
}

# member NAME: of the JSON on standard input, a string.
member() {
    sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p' | head -n 1
}
id() {
    sed -n 's/^{"id":"\([^"]*\)".*/\1/p'
}
upload() {
    curl -sS "$url/v1/files" -F purpose=fine-tune -F "file=@$1" | id
}
post() {
    curl -sS "$1" -H "$json" -d "$2"
}

good=$(upload "$SOURCE/examples/library/train.jsonl")
printf '{"text": 1}\n' >"$scratch/bad.jsonl"
bad=$(upload "$scratch/bad.jsonl")
for i in $(seq 60); do
    echo '{"messages": [{"role": "user", "content": "q '"$i"'"}, {"role": "assistant", "content": "a '"$i"'"}]}'
done >"$scratch/talk.jsonl"
talk=$(upload "$scratch/talk.jsonl")
curl -sS -X POST "$url/v1/queue/pause" >"$scratch/queue"
waiting=$(post "$jobs" '{"model": "tiny-bert", "training_file": "'"$good"'"}' | id)
ended=$(post "$jobs" '{"model": "tiny-bert", "training_file": "'"$good"'"}' | id)
curl -sS -X POST "$jobs/$ended/cancel" | grep -q '"status":"cancelled"'

# What the framing and the headers say.
expect 400 bad_request "$url/v1/files/a%00b"
expect 403 host_not_allowed -H 'Host: somewhere.example' "$url/v1/files"
expect 403 proxy_without_key -H 'X-Forwarded-For: 192.0.2.1' "$url/v1/files"
expect 404 not_found "$url/v1/nothing"
expect 405 method_not_allowed -X PUT "$url/v1/files"
expect 411 length_required -X POST -H 'Content-Length:' -H "$json" "$jobs"
expect 412 precondition_failed -X POST -H 'If-Match: "old"' "$jobs/$waiting/cancel"
head -c 300000 /dev/zero >"$scratch/large.jsonl"
expect 413 body_too_large -F purpose=fine-tune -F "file=@$scratch/large.jsonl" "$url/v1/files"
expect 415 unsupported_media_type -H 'Content-Type: text/plain' -d '{}' "$jobs"

# Bodies and parameters.
expect 400 invalid_json -H "$json" -d '{' "$jobs"
expect 400 invalid_parameter "$url/v1/files?limit=0"
expect 400 unknown_parameter -H "$json" -d '{"model": "m", "training_file": "f", "lerning_rate": 1}' "$jobs"
expect 400 missing_parameter -H "$json" -d '{}' "$jobs"
expect 400 not_supported_yet -H "$json" -d '{"model": "m", "training_file": "f", "lora": {"rank": 4}}' "$jobs"
expect 400 invalid_cursor "$jobs?after=nothing"

# Files and models of a job.
expect 400 invalid_training_file -H "$json" -d '{"model": "tiny-bert", "training_file": "'"$bad"'"}' "$jobs"
expect 400 invalid_validation_file -H "$json" \
    -d '{"model": "tiny-bert", "training_file": "'"$good"'", "validation_file": "'"$bad"'"}' "$jobs"
expect 400 invalid_test_file -H "$json" \
    -d '{"model": "tiny-bert", "training_file": "'"$good"'", "test_file": "'"$bad"'"}' "$jobs"
expect 400 not_a_classification_set -H "$json" -d '{"model": "tiny-bert", "training_file": "'"$talk"'"}' "$jobs"
expect 400 model_not_found -H "$json" -d '{"model": "none", "training_file": "'"$good"'"}' "$jobs"
expect 400 file_not_found -H "$json" -d '{"model": "tiny-bert", "training_file": "file-none"}' "$jobs"
expect 400 model_not_fine_tuned -H "$json" -d '{"model": "tiny-bert", "input": "a"}' "$url/v1/classifications"
mkdir "$scratch/empty"
tar -cf "$scratch/empty.tar" -C "$scratch" empty
expect 400 invalid_model -H 'Content-Type: application/x-tar' --data-binary "@$scratch/empty.tar" \
    "$url/v1/models/import?id=new"

# Things that are not there, and states.
expect 404 model_not_found "$url/v1/models/none"
expect 404 file_not_found "$url/v1/files/file-none"
expect 404 job_not_found "$jobs/ftjob-none"
expect 404 evaluation_not_found "$url/v1/evaluations/eval-none"
expect 404 upload_not_found -X POST "$url/v1/uploads/upload_none/cancel"
expect 403 base_model_protected -X DELETE "$url/v1/models/tiny-bert"
expect 409 conflict -X POST "$jobs/$ended/cancel"
expect 409 in_use -X DELETE "$url/v1/files/$good"

# A thousand uploads may be pending.
begin='{"filename": "a.jsonl", "purpose": "fine-tune", "bytes": 1, "mime_type": "text/jsonl"}'
for _ in $(seq 1000); do
    printf 'url = "%s"\nheader = "%s"\ndata = "%s"\noutput = "/dev/null"\nnext\n' \
        "$url/v1/uploads" "$json" "${begin//\"/\\\"}"
done | sed '$d' | curl -sS -K -
expect 429 queue_full -H "$json" -d "$begin" "$url/v1/uploads"

# Our own failure: the place for files on their way in is gone.
mv "$scratch/data/tmp" "$scratch/data/gone"
expect 500 internal -F purpose=fine-tune -F "file=@$scratch/bad.jsonl" "$url/v1/files"
mv "$scratch/data/gone" "$scratch/data/tmp"

# What cannot be produced here, and which test does produce it.
cat >>"$scratch/produced" <<'ELSEWHERE'
not_ready
too_many_streams
disk_full
ELSEWHERE
# not_ready:        api/test_server_stop (requests while the daemon stops)
# too_many_streams: api/test_server_stream (a thousand open streams)
# disk_full:        api/test_server_files (needs a full disk; the service is made to say so)

curl -sS "$url/openapi.json" | tr '{' '\n' | sed -n 's/^"code":"\([a-z_]*\)","status":[0-9]*,"type".*/\1/p' |
    sort -u >"$scratch/table"
[ "$(wc -l <"$scratch/table")" -gt 20 ] || { echo "the error table was not found"; exit 1; }
sort -u "$scratch/produced" | diff "$scratch/table" - || {
    echo "codes of the table (<) and codes that were produced or are listed (>) differ"
    exit 1
}
kill -0 "$daemon"
