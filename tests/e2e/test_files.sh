#!/usr/bin/env bash
#
# Files and models over HTTP with curl and tar: an upload in parts, what a file holds, the measures of
# a job, a checkpoint used as a model, an archive that tar unpacks and that is imported again, archives
# of GNU tar and hostile ones, a crash in between. The files of examples/ are the data.
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
    for file in log answer; do
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
    "$BUILD/finetuned" --data-dir "$scratch/data" --models-dir "$scratch/models" \
        --import-dir "$SOURCE/examples" --listen 127.0.0.1:0 --port-file "$scratch/port" \
        --max-file-bytes 8M </dev/null >"$scratch/said" 2>"$scratch/log" &
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
        --dump-header "$scratch/head" --write-out '%{http_code}' "$@") || fail "curl $*"
    [ "$status" = "$wanted" ] || fail "$* was answered $status, not $wanted"
}

post_json() {
    local wanted=$1
    shift
    request "$wanted" -H 'Content-Type: application/json' --data "$2" "$url$1"
}

answers() {
    grep -qE -e "$1" "$scratch/answer" || fail "the answer lacks '$1'"
}

# string KEY: the first such member of the answer.
string() {
    { grep -o "\"$1\":\"[^\"]*\"" "$scratch/answer" || true; } | head -n 1 | cut -d '"' -f 4
}

nothing_is_half_done() {
    [ -z "$(ls -A "$scratch/data/tmp")" ] || fail "tmp/ holds $(ls "$scratch/data/tmp")"
}

a_file_comes_in_parts_and_over_a_crash() {
    local rows=$SOURCE/examples/library/train.jsonl bytes upload first second
    bytes=$(wc -c <"$rows")
    head -c 20000 "$rows" >"$scratch/first"
    tail -c +20001 "$rows" >"$scratch/second"
    post_json 200 /v1/uploads "{\"filename\":\"train.jsonl\",\"purpose\":\"fine-tune\",\"bytes\":$bytes}"
    upload=$(string id)
    request 200 -F "data=@$scratch/second" "$url/v1/uploads/$upload/parts"
    second=$(string id)
    kill -KILL "$daemon"
    wait "$daemon" 2>/dev/null || true
    start
    request 200 -F "data=@$scratch/first" "$url/v1/uploads/$upload/parts"
    first=$(string id)
    post_json 400 "/v1/uploads/$upload/complete" "{\"part_ids\":[\"$first\"]}"
    answers 'announced'
    post_json 200 "/v1/uploads/$upload/complete" \
        "{\"part_ids\":[\"$first\",\"$second\"],\"md5\":\"$(md5sum <"$rows" | cut -d ' ' -f 1)\"}"
    answers '"status":"completed"'
    file=$(grep -o '"file-[A-Za-z0-9]*"' "$scratch/answer" | head -n 1 | tr -d '"')
    request 200 "$url/v1/files/$file/content"
    cmp "$rows" "$scratch/answer" || fail "the file is not what was sent"
    post_json 409 "/v1/uploads/$upload/complete" "{\"part_ids\":[\"$first\"]}"
    [ -z "$(ls -A "$scratch/data/uploads")" ] || fail "parts stayed behind"
    nothing_is_half_done
}

the_file_can_be_looked_into() {
    request 200 "$url/v1/files/$file/report"
    answers '"rows":468,'
    answers '"label":"renewals","rows":78'
    request 200 "$url/v1/files/$file/rows?offset=466&limit=5"
    answers '"total":468,.*"has_more":false'
    answers '"line":467,"row":\{"text":'
}

a_model_is_imported_by_its_path() {
    post_json 400 /v1/models/import '{"path":"/etc"}'
    answers '"code":"invalid_parameter"'
    post_json 201 /v1/models/import '{"path":"tiny-bert"}'
    answers '"id":"tiny-bert"'
    grep -qi '^location: /v1/models/tiny-bert' "$scratch/head" || fail "no Location"
    post_json 409 /v1/models/import '{"path":"tiny-bert"}'
    nothing_is_half_done
}

a_job_leaves_its_measures() {
    local job
    post_json 200 /v1/fine_tuning/jobs \
        "{\"model\":\"tiny-bert\",\"training_file\":\"$file\",\"n_epochs\":2,\"learning_rate\":0.003}"
    job=$(string id)
    has_ended() {
        request 200 "$url/v1/fine_tuning/jobs/$job"
        grep -qE '"status":"(succeeded|failed)"' "$scratch/answer"
    }
    wait_until has_ended
    answers '"status":"succeeded"'
    model=$(string fine_tuned_model)
    results=$(grep -o '"result_files":\["[^"]*"' "$scratch/answer" | cut -d '"' -f 4)
    request 200 "$url/v1/files/$results/content"
    grep -qi '^content-type: text/csv' "$scratch/head" || fail "the measures are not text/csv"
    head -n 1 "$scratch/answer" |
        grep -q '^step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy,' ||
        fail "the table's titles are others"
    awk -F, 'NR > 1 { for (i = 1; i <= NF; i++) if ($i != "" && $i + 0 != $i) exit 1 }' \
        "$scratch/answer" || fail "a cell is no number"
    request 200 -H 'Accept: application/octet-stream' "$url/v1/files/$results/content"
    grep -qi '^content-type: application/octet-stream' "$scratch/head" || fail "not as asked"
    request 200 "$url/v1/files?purpose=fine-tune-results"
    answers "$results"
    request 200 "$url/v1/fine_tuning/jobs/$job/checkpoints"
    checkpoint=$(string fine_tuned_model_checkpoint)
}

# probabilities MODEL FILE
probabilities() {
    post_json 200 /v1/classifications "{\"model\":\"$1\",\"input\":\"When do you open on Sunday?\"}"
    grep -o '"scores":{[^}]*}' "$scratch/answer" >"$2"
}

a_checkpoint_is_a_model() {
    request 200 "$url/v1/models"
    ! grep -q 'ckpt-step' "$scratch/answer" || fail "checkpoints are listed"
    request 200 "$url/v1/models/$checkpoint"
    answers '"type":"fine-tuned"'
    request 200 "$url/v1/models/$checkpoint/files"
    answers '"name":"model.safetensors"'
    probabilities "$checkpoint" "$scratch/of_checkpoint"
    probabilities "$model" "$scratch/of_model"
    cmp "$scratch/of_checkpoint" "$scratch/of_model" || fail "the last checkpoint is another model"
    # Going on from it, with a step that is next to nothing: its head is kept.
    post_json 200 /v1/fine_tuning/jobs "{\"model\":\"$checkpoint\",\"training_file\":\"$file\",
        \"max_steps\":1,\"learning_rate\":1e-12,\"validation_split\":0}"
    local job
    job=$(string id)
    has_gone_on() {
        request 200 "$url/v1/fine_tuning/jobs/$job"
        grep -qE '"status":"(succeeded|failed)"' "$scratch/answer"
    }
    wait_until has_gone_on
    answers '"status":"succeeded"'
    probabilities "$(string fine_tuned_model)" "$scratch/gone_on"
    cmp "$scratch/of_checkpoint" "$scratch/gone_on" || fail "the head was not kept"
}

an_archive_is_unpacked_by_tar_and_imported_again() {
    request 200 --head "$url/v1/models/$model/archive"
    local length
    length=$(grep -i '^content-length' "$scratch/head" | tr -dc 0-9)
    request 200 "$url/v1/models/$model/archive"
    [ "$(wc -c <"$scratch/answer")" = "$length" ] || fail "HEAD and GET disagree"
    cp "$scratch/answer" "$scratch/model.tar"
    request 206 -r 100-10099 "$url/v1/models/$model/archive"
    cmp "$scratch/answer" <(tail -c +101 "$scratch/model.tar" | head -c 10000) || fail "a wrong range"
    mkdir "$scratch/unpacked"
    tar -C "$scratch/unpacked" -xf "$scratch/model.tar"
    local folder
    folder=$(ls "$scratch/unpacked")
    request 200 "$url/v1/models/$model/files/model.safetensors"
    cmp "$scratch/answer" "$scratch/unpacked/$folder/model.safetensors" || fail "other weights"
    request 201 -H 'Content-Type: application/x-tar' --data-binary "@$scratch/model.tar" \
        "$url/v1/models/import?id=again"
    probabilities "$model" "$scratch/of_model"
    probabilities again "$scratch/of_import"
    cmp "$scratch/of_model" "$scratch/of_import" || fail "the import is another model"
    for format in gnu pax ustar v7; do
        tar -C "$scratch/unpacked" --format=$format -cf "$scratch/other.tar" "$folder"
        request 201 -H 'Content-Type: application/x-tar' --data-binary "@$scratch/other.tar" \
            "$url/v1/models/import?id=by-$format"
    done
    request 200 -X DELETE "$url/v1/models/by-gnu"
    request 404 "$url/v1/models/by-gnu"
    nothing_is_half_done
}

hostile_archives_are_refused() {
    local folder=$scratch/hostile
    mkdir -p "$folder/model"
    cp "$SOURCE/examples/tiny-bert/"* "$folder/model/"
    ln -s /etc/passwd "$folder/model/tokenizer.json"
    tar -C "$folder" -cf "$scratch/link.tar" model
    rm "$folder/model/tokenizer.json"
    tar -C "$folder/model" -cf "$scratch/up.tar" --transform 's#^#../#' config.json vocab.txt
    tar -C "$folder/model" -cPf "$scratch/absolute.tar" --transform 's#^#/tmp/#' config.json vocab.txt
    tar -C "$folder" -czf "$scratch/packed.tar" model
    tar -C "$folder" -cf "$scratch/whole.tar" model
    head -c 1500 "$scratch/whole.tar" >"$scratch/cut.tar"
    for archive in link up absolute packed cut; do
        request 400 -H 'Content-Type: application/x-tar' --data-binary "@$scratch/$archive.tar" \
            "$url/v1/models/import?id=hostile"
        answers '"code":"invalid_model"'
        request 404 "$url/v1/models/hostile"
    done
    head -c 9000000 /dev/zero >"$scratch/large.tar"
    request 413 -H 'Content-Type: application/x-tar' --data-binary "@$scratch/large.tar" \
        "$url/v1/models/import?id=hostile"
    nothing_is_half_done
}

imports_are_there_after_a_restart() {
    kill -TERM "$daemon"
    wait "$daemon" || fail "the daemon did not stop in order"
    start
    request 200 "$url/v1/models/again"
    probabilities again "$scratch/of_import"
    cmp "$scratch/of_model" "$scratch/of_import" || fail "the import changed"
    ! grep -E '^error ' "$scratch/log" || fail "the log has errors"
}

mkdir "$scratch/models"
start
a_file_comes_in_parts_and_over_a_crash
the_file_can_be_looked_into
a_model_is_imported_by_its_path
a_job_leaves_its_measures
a_checkpoint_is_a_model
an_archive_is_unpacked_by_tar_and_imported_again
hostile_archives_are_refused
imports_are_there_after_a_restart
echo "files and models: all is well"
