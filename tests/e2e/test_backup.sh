#!/usr/bin/env bash
#
# Backup, restore and doctor as an operator uses them: backups while a job trains, each restored and
# found sound; a daemon on the restored data goes on, and its models answer as before.
#
# SOURCE is the project, BUILD the build folder. Everything lies in a temporary folder; daemons listen
# on free ports and are ended by their id.
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

# start DATA_DIR OPTION…
start() {
    local data=$1
    shift
    rm -f "$scratch/port"
    "$BUILD/finetuned" --data-dir "$data" --models-dir "$SOURCE/examples" --listen 127.0.0.1:0 \
        --port-file "$scratch/port" --min-free-bytes 0 "$@" </dev/null >"$scratch/said" 2>"$scratch/log" &
    daemon=$!
    wait_until is_ready_or_gone
    [ -s "$scratch/port" ] || fail "the daemon did not start"
    url=http://127.0.0.1:$(cat "$scratch/port")
}

stop() {
    local status=0
    kill -TERM "$daemon"
    wait "$daemon" || status=$?
    daemon=
    [ "$status" -eq 0 ] || fail "SIGTERM ended the daemon with $status"
}

# request STATUS ARGUMENT...: curl must be answered with STATUS; the body is in answer.
request() {
    local wanted=$1 status
    shift
    status=$(curl --silent --show-error --noproxy '*' --max-time 120 --output "$scratch/answer" \
        --write-out '%{http_code}' "$@") || fail "curl $*"
    [ "$status" = "$wanted" ] || fail "$* was answered $status, not $wanted"
}

# string KEY: the first such member of the answer.
string() {
    { grep -o "\"$1\": *\"[^\"]*\"" "$scratch/answer" || true; } | head -n 1 | cut -d '"' -f 4
}

# finetuned_ends STATUS ARGUMENT...: what it prints is in said and complained.
finetuned_ends() {
    local wanted=$1 status=0
    shift
    "$BUILD/finetuned" "$@" </dev/null >"$scratch/said" 2>"$scratch/complained" || status=$?
    [ "$status" -eq "$wanted" ] || fail "finetuned $* ended with $status, not $wanted"
}

complains() {
    grep -qE -e "$1" "$scratch/complained" || fail "'$1' was not complained of"
}

says() {
    grep -qE -e "$1" "$scratch/said" || fail "'$1' was not said"
}

# doctor STATUS DATA_DIR OPTION…
doctor() {
    local wanted=$1 data=$2
    shift 2
    finetuned_ends "$wanted" doctor --data-dir "$data" --models-dir "$SOURCE/examples" \
        --min-free-bytes 0 "$@"
}

create_job() {
    request 200 "$url/v1/fine_tuning/jobs" -H 'Content-Type: application/json' \
        -d "{\"model\": \"tiny-bert\", \"training_file\": \"$file\", \"seed\": 5, $1}"
    job=$(string id)
}

has_status() {
    request 200 "$url/v1/fine_tuning/jobs/$job"
    [ "$(string status)" = "$1" ]
}

has_reached_a_step() {
    request 200 "$url/v1/fine_tuning/jobs/$job/metrics?limit=1"
    grep -q '"step":' "$scratch/answer"
}

# The row of a state is written behind its files, by another thread than the steps.
has_a_resume_state() {
    "$BUILD/finetuned" doctor --data-dir "$scratch/data" --models-dir "$SOURCE/examples" \
        --min-free-bytes 0 2>/dev/null | grep -q 'resume states'
}

classify() {
    request 200 "$url/v1/classifications" -H 'Content-Type: application/json' \
        -d "{\"model\": \"$model\", \"input\": [\"When do you open?\", \"I lost my card.\"]}"
    grep -o '"results":.*' "$scratch/answer" | sed 's/"usage".*//'
}

start "$scratch/data" --resume-interval 0
request 200 "$url/v1/files" -F purpose=fine-tune -F "file=@$SOURCE/examples/library/train.jsonl"
file=$(string id)
create_job '"n_epochs": 1'
wait_until has_status succeeded
model=$(string fine_tuned_model)
classify >"$scratch/first"
[ -s "$scratch/first" ] || fail "the model does not answer"

# A job that trains for as long as backups are made; its states are replaced at every step.
create_job '"max_steps": 100000, "save_steps": 20'
long=$job
wait_until has_reached_a_step
wait_until has_a_resume_state
for number in 1 2 3 4 5; do
    finetuned_ends 0 backup "$scratch/backup-$number" --data-dir "$scratch/data"
    says '^Backed up .*schema [0-9]+'
    finetuned_ends 0 restore "$scratch/backup-$number" --data-dir "$scratch/copy-$number"
    doctor 0 "$scratch/copy-$number"
    says '^ok +stored +.*resume states'
done
doctor 0 "$scratch/data"
says "^ok +data_dir .*$daemon"
awk 'length($0) > 80 { exit 1 }' "$scratch/said" || fail "the doctor is wider than 80 columns"
doctor 0 "$scratch/data" --json
says '^\{"status":"ok","checks":\[\{"name":"configuration"'
has_status running || fail "the job no longer runs"

tar -xf "$scratch/backup-1" -C "$scratch"
(cd "$scratch/finetuned-backup" && sha256sum --quiet -c SHA256SUMS) || fail "tar and sha256sum disagree"

finetuned_ends 2 backup "$scratch/backup-1" --data-dir "$scratch/data"
complains 'there already'
finetuned_ends 0 backup "$scratch/backup-1" --data-dir "$scratch/data" --force
finetuned_ends 2 restore "$scratch/backup-1" --data-dir "$scratch/copy-1"
complains 'holds something'
finetuned_ends 2 restore "$scratch/backup-1"
finetuned_ends 2 backup
finetuned_ends 2 backup "$scratch/x" --data-dir "$scratch/absent"
finetuned_ends 2 doctor --jsn
complains "did you mean '--json'"
for name in backup restore doctor; do
    finetuned_ends 0 "$name" --help
    awk 'length($0) > 80 { exit 1 }' "$scratch/said" || fail "$name --help is wider than 80"
done

head -c 100000 "$scratch/backup-2" >"$scratch/cut"
finetuned_ends 1 restore "$scratch/cut" --data-dir "$scratch/never"
complains 'cut off|damaged'
finetuned_ends 1 restore "$SOURCE/README.md" --data-dir "$scratch/never"
[ -z "$(ls -d "$scratch"/never* 2>/dev/null)" ] || fail "a refused backup left something"
kill -KILL "$daemon"
wait "$daemon" 2>/dev/null || true
daemon=

# The daemon on what was restored: the model answers the same, the job goes on where it was.
start "$scratch/copy-5"
classify >"$scratch/second"
cmp -s "$scratch/first" "$scratch/second" || fail "the restored model answers otherwise"
request 200 "$url/v1/fine_tuning/jobs/$long/events?order=asc&limit=100"
grep -q 'interrupted' "$scratch/answer" || fail "the job that ran was not queued again"
job=$long
wait_until has_status running
request 200 -X POST "$url/v1/fine_tuning/jobs/$long/cancel"
stop
start "$scratch/copy-5" # sweeps what the job had reached before it began again
stop
doctor 0 "$scratch/copy-5"

# A stored file that is damaged stops a backup, and the doctor says which.
echo "{}" >>"$scratch/copy-5/files/$file"
doctor 2 "$scratch/copy-5"
says "^FAIL stored +files/$file is"
finetuned_ends 1 backup "$scratch/bad" --data-dir "$scratch/copy-5"
complains "files/$file is damaged"
[ -z "$(ls -d "$scratch"/bad* 2>/dev/null)" ] || fail "a backup that failed left something"

# What is not old enough stays when old things are to go.
start "$scratch/copy-4" --keep-models-days 1
request 200 "$url/v1/models/$model"
stop
echo "backup: all is well"
