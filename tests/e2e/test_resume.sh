#!/usr/bin/env bash
#
# Interrupted jobs as a person meets them: `finetuned run` killed and resumed, the daemon killed under
# its job. The model is the one of an undisturbed run, byte for byte.
#
# SOURCE is the project, BUILD the build folder. Everything lies in a temporary folder.
set -euo pipefail
export LC_ALL=C
scratch=$(mktemp -d)
started=

clean_up() {
    [ -z "$started" ] || kill -KILL "$started" 2>/dev/null || true
    rm -rf "$scratch"
}
trap clean_up EXIT

fail() {
    echo "FAILED: $*"
    for file in said complained log answer; do
        [ ! -s "$scratch/$file" ] || { echo "--- $file"; tail -n 5 "$scratch/$file" | cut -c1-1000; }
    done
    exit 1
}

# wait_until COMMAND...: a bounded number of looks.
wait_until() {
    for _ in $(seq 3000); do
        "$@" && return 0
        sleep 0.05
    done
    fail "waited in vain: $*"
}

# job NAME OUTPUT: a job file whose model goes to OUTPUT.
job() {
    cat >"$scratch/$1.json" <<END
{"model": "$SOURCE/examples/tiny-bert", "training_file": "$SOURCE/examples/library/train.jsonl",
 "test_file": "$SOURCE/examples/library/test.jsonl", "seed": 7, "learning_rate": 1e-3,
 "max_steps": 600, "batch_size": 16, "output_dir": "$scratch/$2"}
END
}

same_model() {
    local part
    for part in "$1"/*; do
        cmp "$part" "$2/${part##*/}" || fail "another model: ${part##*/}"
    done
}

# begin ARGUMENT...: finetuned run in the background.
begin() {
    "$BUILD/finetuned" run "$@" >"$scratch/said" 2>"$scratch/complained" &
    started=$!
}

printed_points() {
    [ "$(grep -c 'fine_tuning.job.metric' "$scratch/said")" -ge "$1" ]
}

has_states() {
    [ "$(find "$1" -maxdepth 1 -name 'step-*' 2>/dev/null | wc -l)" -ge "$2" ]
}

an_undisturbed_run() {
    job whole whole
    "$BUILD/finetuned" run "$scratch/whole.json" >"$scratch/said" || fail "the run failed"
    tail -n 1 "$scratch/said" >"$scratch/whole.job"
    [ ! -e "$scratch/whole.resume" ] || fail "states were left of a run that succeeded"
}

# Stopped by SIGTERM, then killed, then finished: two interruptions of two kinds.
a_stopped_and_a_killed_run_go_on() {
    local status=0 first
    job pieces pieces
    begin --resume-interval 0 "$scratch/pieces.json"
    wait_until printed_points 60
    kill -TERM "$started"
    wait "$started" || status=$?
    [ "$status" -eq 143 ] || fail "SIGTERM ended it with $status"
    grep -q 'saved after step [0-9]* of 600; go on with: finetuned run --resume' \
        "$scratch/complained" || fail "it does not say how to go on"
    has_states "$scratch/pieces.resume" 1 || fail "no state was saved"

    begin --resume --resume-interval 0 "$scratch/pieces.json"
    wait_until printed_points 60
    wait_until has_states "$scratch/pieces.resume" 2
    kill -KILL "$started"
    wait "$started" 2>/dev/null || true
    first=$(grep -m 1 -o 'metric","step":[0-9]*' "$scratch/said" | grep -o '[0-9]*$')
    [ "$first" -gt 60 ] || fail "it did not go on but began at step $first"

    begin --resume "$scratch/pieces.json"
    wait "$started" || fail "the resumed run failed"
    started=
    grep -q 'The run goes on from step [0-9]* of 600' "$scratch/said" || fail "it does not say so"
    same_model "$scratch/whole" "$scratch/pieces"
    [ ! -e "$scratch/pieces.resume" ] || fail "states were left of a run that succeeded"
    local name
    for name in train_loss valid_loss valid_accuracy test_loss test_accuracy; do
        grep -o "\"metrics\":{.*\"$name\":[^,}]*" "$scratch/whole.job" | grep -o "$name\":[^,}]*$" \
            >"$scratch/one"
        tail -n 1 "$scratch/said" | grep -o "\"metrics\":{.*\"$name\":[^,}]*" |
            grep -o "$name\":[^,}]*$" | diff "$scratch/one" - || fail "another $name"
    done
}

a_damaged_state_is_passed_by() {
    job damaged damaged
    begin --resume-interval 0 "$scratch/damaged.json"
    wait_until has_states "$scratch/damaged.resume" 2
    kill -KILL "$started"
    wait "$started" 2>/dev/null || true
    local newest
    newest=$(find "$scratch/damaged.resume" -maxdepth 1 -name 'step-*' | sort -V | tail -n 1)
    printf x | dd of="$newest/state.safetensors" bs=1 seek=5000 conv=notrunc status=none
    "$BUILD/finetuned" run --resume "$scratch/damaged.json" >"$scratch/said" || fail "it failed"
    grep -q 'is damaged and was removed: state.safetensors' "$scratch/said" || fail "not a word"
    same_model "$scratch/whole" "$scratch/damaged"
}

# refused WORDS ARGUMENT...: nothing is trained.
refused() {
    local words=$1 status=0
    shift
    "$BUILD/finetuned" run "$@" >"$scratch/said" 2>"$scratch/complained" || status=$?
    [ "$status" -eq "${wanted:-2}" ] || fail "run $* ended with $status"
    grep -qE "$words" "$scratch/complained" || fail "it does not say '$words'"
    ! grep -q 'fine_tuning.job.metric' "$scratch/said" || fail "it trained"
}

what_does_not_fit_is_refused() {
    job other other
    begin --resume-interval 0 "$scratch/other.json"
    wait_until has_states "$scratch/other.resume" 1
    kill -KILL "$started"
    wait "$started" 2>/dev/null || true
    started=
    refused 'holds the state of an interrupted run' "$scratch/other.json"
    sed 's/1e-3/2e-3/' "$scratch/other.json" >"$scratch/changed.json"
    wanted=1 refused 'learning_rate is 0.002 but was 0.001' --resume "$scratch/changed.json"
    sed 's/, "output_dir": "[^"]*"//' "$scratch/other.json" >"$scratch/nowhere.json"
    refused 'needs output_dir' --resume "$scratch/nowhere.json"
    refused 'from 0 to 86400' --resume-interval=-1 "$scratch/other.json"
    has_states "$scratch/other.resume" 1 || fail "the state is gone"
}

# ---- the daemon -----------------------------------------------------------------------------------

start_daemon() {
    rm -f "$scratch/port"
    "$BUILD/finetuned" --data-dir "$scratch/data" --models-dir "$scratch/models" \
        --listen 127.0.0.1:0 --port-file "$scratch/port" --resume-interval 0 --threads 1 \
        >>"$scratch/log" 2>&1 &
    started=$!
    wait_until test -s "$scratch/port"
    url=http://127.0.0.1:$(cat "$scratch/port")
}

ask() {
    curl -sS --max-time 60 -o "$scratch/answer" "$@" || fail "curl $*"
}

upload() {
    ask -F purpose=fine-tune -F "file=@$1" "$url/v1/files"
    grep -oE '"id": ?"file-[^"]*' "$scratch/answer" | head -n 1 | grep -oE 'file-.*'
}

reached() {
    ask "$url/v1/fine_tuning/jobs/$id"
    local step
    step=$(grep -oE '"step": ?[0-9]+' "$scratch/answer" | head -n 1 | grep -oE '[0-9]+$')
    [ "${step:-0}" -ge "$1" ]
}

has_status() {
    ask "$url/v1/fine_tuning/jobs/$id"
    grep -qE "\"status\": ?\"$1\"" "$scratch/answer"
}

a_daemon_killed_twice_ends_with_the_same_model() {
    local training test_file id
    mkdir "$scratch/models"
    cp -r "$SOURCE/examples/tiny-bert" "$scratch/models/tiny-bert"
    start_daemon
    training=$(upload "$SOURCE/examples/library/train.jsonl")
    test_file=$(upload "$SOURCE/examples/library/test.jsonl")
    ask -H 'Content-Type: application/json' "$url/v1/fine_tuning/jobs" -d "{\"model\": \"tiny-bert\",
        \"training_file\": \"$training\", \"test_file\": \"$test_file\", \"seed\": 7,
        \"learning_rate\": 1e-3, \"max_steps\": 600, \"batch_size\": 16}"
    id=$(grep -oE 'ftjob-[A-Za-z0-9]+' "$scratch/answer" | head -n 1)
    local goal
    for goal in 150 350; do
        wait_until reached "$goal"
        kill -KILL "$started"
        wait "$started" 2>/dev/null || true
        start_daemon
    done
    wait_until has_status succeeded
    ask "$url/v1/fine_tuning/jobs/$id/events?limit=100"
    [ "$(grep -oE 'Attempt [23] goes on from step [0-9]+ of 600' "$scratch/answer" | wc -l)" -eq 2 ] ||
        fail "it did not go on twice"
    kill -TERM "$started"
    wait "$started" || fail "the daemon did not end well"
    started=
    same_model "$scratch/whole" "$scratch/data/models/$id"
    [ ! -e "$scratch/data/jobs/$id/resume" ] || fail "states were left of a job that succeeded"
}

an_undisturbed_run
a_stopped_and_a_killed_run_go_on
a_damaged_state_is_passed_by
what_does_not_fit_is_refused
a_daemon_killed_twice_ends_with_the_same_model
echo "all is well"
