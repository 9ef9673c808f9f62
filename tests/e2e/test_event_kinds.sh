#!/usr/bin/env bash
#
# One event of each kind, from a daemon as it is: states are changed, the daemon is stopped, killed
# under its job, states and models are damaged. daemon/store/events.c has the table of kinds; a
# kind that no job here tells of must stand in the list at the end, with the test that produces it.
#
# SOURCE is the project, BUILD the build folder. Everything lies in a temporary folder.
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

fail() {
    echo "FAILED: $*"
    tail -n 5 "$scratch/log" | cut -c1-1000
    [ ! -s "$scratch/answer" ] || cut -c1-1000 "$scratch/answer"
    exit 1
}

wait_until() {
    for _ in $(seq 3000); do
        "$@" && return 0
        sleep 0.05
    done
    fail "waited in vain: $*"
}

start() {
    rm -f "$scratch/port"
    "$BUILD/finetuned" --data-dir "$scratch/data" --models-dir "$scratch/models" --listen 127.0.0.1:0 \
        --port-file "$scratch/port" --resume-interval 0 --threads 1 --workers 1 </dev/null 2>>"$scratch/log" &
    daemon=$!
    wait_until test -s "$scratch/port"
    jobs=http://127.0.0.1:$(cat "$scratch/port")/v1/fine_tuning/jobs
    queue=${jobs%/fine_tuning*}/queue
}

# end SIGNAL: and wait until it is gone.
end() {
    kill "-$1" "$daemon"
    wait "$daemon" 2>/dev/null || true
    daemon=
}

ask() {
    curl -sS -H 'Content-Type: application/json' -o "$scratch/answer" --max-time 60 "$@" || fail "curl $*"
}

# create NAME MEMBERS: a job whose id is in $NAME.
create() {
    ask "$jobs" -d "{\"model\": \"tiny-bert\", \"training_file\": \"$training\", \"seed\": 7, $2}"
    printf -v "$1" '%s' "$(sed -n 's/^{"id":"\(ftjob-[^"]*\)".*/\1/p' "$scratch/answer")"
    [ -n "${!1}" ] || fail "no job was made"
}

act() {
    ask -X POST "$jobs/$1/$2"
    grep -q '"status":"' "$scratch/answer" || fail "$2 was refused"
}

# is JOB STATUS
is() {
    ask "$jobs/$1"
    grep -q "\"status\":\"$2\"" "$scratch/answer"
}

told() {
    ask "$jobs/$1/events?limit=1000"
    grep -q "\"code\":\"$2\"" "$scratch/answer"
}

# goes JOB: it runs, and has made another step.
goes() {
    local before
    before=$(step_of "$1")
    wait_until is "$1" running
    wait_until is_beyond "$1" "$before"
}
step_of() {
    ask "$jobs/$1"
    sed -n 's/.*"progress":{"step":\([0-9]*\).*/\1/p' "$scratch/answer"
}
is_beyond() {
    [ "$(step_of "$1")" -gt "$2" ]
}

long='"max_steps": 1000000, "batch_size": 8'
mkdir "$scratch/models"
cp -R "$SOURCE/examples/tiny-bert" "$scratch/models/tiny-bert"
start
training=$(curl -sS "${jobs%/fine_tuning*}/files" -F purpose=fine-tune \
    -F "file=@$SOURCE/examples/library/train.jsonl" | sed -n 's/^{"id":"\([^"]*\)".*/\1/p')

# A job that ends well: created, choices, started, checkpoint, note (it ends early), succeeded.
create good '"n_epochs": 9, "learning_rate": 1e-12, "early_stopping": {"patience": 1}'
wait_until is "$good" succeeded

# A job that waits: paused, resumed, priority_changed, cancelled, retried.
ask -X POST "$queue/pause"
create waiting '"max_steps": 4'
act "$waiting" pause
act "$waiting" resume
ask -X PATCH "$jobs/$waiting" -d '{"priority": 3}'
act "$waiting" cancel
act "$waiting" retry
act "$waiting" cancel
ask -X POST "$queue/resume"

# A job that runs: pausing, then continues; its daemon stops, is killed.
create running "$long"
goes "$running"
act "$running" pause
wait_until is "$running" paused
act "$running" resume
goes "$running"
end TERM
start
goes "$running"
end KILL
start
goes "$running"
end KILL

# Every state of it is damaged: state_damaged, restarts.
find "$scratch/data/jobs/$running/resume" -name state.safetensors | while read -r file; do
    printf x | dd of="$file" bs=1 seek=3000 conv=notrunc status=none
done
start
wait_until told "$running" restarts
goes "$running"

# A state that cannot be saved: its folder's place is taken.
rm -rf "$scratch/data/jobs/$running/resume"
mkdir -p "$scratch/data/jobs/$running"
touch "$scratch/data/jobs/$running/resume"
act "$running" pause
wait_until told "$running" state_not_saved
act "$running" cancel
rm "$scratch/data/jobs/$running/resume"

# A base model that is gone when the job goes on: failed.
create orphan "$long"
goes "$orphan"
end TERM
rm -r "$scratch/models/tiny-bert"
start
wait_until is "$orphan" failed

for id in "$good" "$waiting" "$running" "$orphan"; do
    ask "$jobs/$id/events?limit=1000"
    ! grep -q '"code":null' "$scratch/answer" || fail "an event of job $id is of no kind"
    grep -o '"code":"[a-z_]*","type":' "$scratch/answer" | cut -d '"' -f 4
done >"$scratch/produced"

# elsewhere KIND TEST: that test asserts it by its name in the table.
elsewhere() {
    grep -q "\"$1\"" "$SOURCE/tests/$2" || fail "tests/$2 does not look for \"$1\""
    echo "$1" >>"$scratch/produced"
}
elsewhere waits daemon/test_store_queue.c             # no room beside other jobs
elsewhere crashed daemon/test_store_jobs_life.c       # needs a signal in a job's own thread
elsewhere disk_full daemon/test_service_full_disk.c   # needs a full disk
elsewhere rate_halved daemon/test_service_resume.c    # needs a loss that is no number

sed -n '/^static const char \*const kinds/,/^};/s/.*= "\([a-z_]*\)".*/\1/p' \
    "$SOURCE/daemon/store/events.c" | sort -u >"$scratch/table"
[ "$(wc -l <"$scratch/table")" -gt 20 ] || fail "the table of kinds was not found"
sort -u "$scratch/produced" | diff "$scratch/table" - || fail "kinds of the table (<) and kinds that were told (>)"
end TERM
! grep '^error ' "$scratch/log" | grep -v 'resume' || fail "the daemon failed"
echo "all kinds"
