#!/usr/bin/env bash
#
# The life of a job over HTTP: paused while it runs, over a restart, resumed and finished; sent again;
# deleted; the queue paused; a dry run; a crash that comes back three times.
#
# SOURCE is the project, BUILD the build folder. Everything lies in a temporary folder; daemons listen
# on free ports and are ended by their id.
set -euo pipefail
export LC_ALL=C
unset NOTIFY_SOCKET STATE_DIRECTORY "${!FINETUNED_@}"
scratch=$(mktemp -d)
daemon=
url=
ulimit -c 0

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

# wait_until COMMAND...: at most two minutes, then a failure.
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
        --listen 127.0.0.1:0 --port-file "$scratch/port" --min-free-bytes 1 "$@" \
        </dev/null >/dev/null 2>"$scratch/log" &
    daemon=$!
    wait_until is_ready_or_gone
    [ -s "$scratch/port" ] || fail "the daemon did not start"
    url=http://127.0.0.1:$(cat "$scratch/port")
    jobs=$url/v1/fine_tuning/jobs
}

# die SIGNAL: the daemon is ended by it, whatever it is doing.
die() {
    kill -"$1" "$daemon"
    wait "$daemon" 2>/dev/null || true
    daemon=
}

# request STATUS ARGUMENT...: curl must be answered with STATUS; the body is in answer.
request() {
    local wanted=$1 status
    shift
    status=$(curl --silent --show-error --noproxy '*' --max-time 120 --output "$scratch/answer" \
        --dump-header "$scratch/head" --write-out '%{http_code}' "$@") || fail "curl $*"
    [ "$status" = "$wanted" ] || fail "$* was answered $status, not $wanted"
}

post() {
    local wanted=$1
    shift
    request "$wanted" --request POST "$@"
}

answers() {
    grep -qE -e "$1" "$scratch/answer" || fail "the answer lacks '$1'"
}

# string KEY: the first such member of the answer.
string() {
    { grep -o "\"$1\":\"[^\"]*\"" "$scratch/answer" || true; } | head -n 1 | cut -d '"' -f 4
}

number() {
    { grep -o "\"$1\":[-0-9]*" "$scratch/answer" || true; } | head -n 1 | cut -d : -f 2
}

# create MEMBERS: a job on the example's file; its id goes to $job.
create() {
    request 200 "$jobs" --header 'Content-Type: application/json' \
        --data "{\"model\":\"tiny-bert\",\"training_file\":\"$file\"$1}"
    job=$(string id)
}

has_status() {
    request 200 "$jobs/$1"
    [ "$(string status)" = "$2" ]
}

has_trained() {
    request 200 "$jobs/$1"
    [ "$(number step)" -gt 0 ]
}

events_have() {
    request 200 "$jobs/$1/events?limit=100"
    answers "$2"
}

upload() {
    request 200 "$url/v1/files" --form purpose=fine-tune \
        --form "file=@$SOURCE/examples/library/train.jsonl"
    file=$(string id)
}

a_running_job_is_paused_over_a_restart_and_resumed() {
    create ',"max_steps":2000,"batch_size":2,"seed":1'
    wait_until has_trained "$job"
    post 200 "$jobs/$job/pause"
    answers '"status":"paus(ing|ed)"'
    post 200 "$jobs/$job/pause"
    wait_until has_status "$job" paused
    die TERM
    start
    has_status "$job" paused || fail "the job is no longer paused after a restart"
    post 200 "$jobs/$job/resume"
    wait_until has_status "$job" succeeded
    answers '"attempt":2'
    events_have "$job" 'goes on from step'
}

a_finished_job_refuses_with_what_can_be_done() {
    post 409 "$jobs/$job/pause"
    answers '"code":"conflict"'
    answers 'is succeeded, so it cannot be paused; it can be deleted'
    grep -qi '^x-should-retry: false' "$scratch/head" || fail "SDKs would try this again"
}

a_cancelled_job_is_sent_again() {
    create ',"max_steps":2000,"batch_size":2,"seed":1'
    wait_until has_trained "$job"
    post 200 "$jobs/$job/cancel"
    post 200 "$jobs/$job/retry"
    answers "\"id\":\"$job\""
    wait_until has_status "$job" succeeded
    answers '"attempt":2'
}

a_deleted_job_leaves_its_model() {
    request 200 "$jobs/$job"
    local model
    model=$(string fine_tuned_model)
    request 200 --request DELETE "$jobs/$job"
    answers "\"id\":\"$job\",\"object\":\"fine_tuning.job\",\"deleted\":true"
    request 404 "$jobs/$job"
    [ ! -e "$scratch/data/jobs/$job" ] || fail "the job's folder is still there"
    request 200 "$url/v1/models/$model"
}

a_paused_queue_takes_nothing() {
    post 200 "$url/v1/queue/pause"
    create ',"n_epochs":1,"priority":2'
    answers '"priority":2'
    request 200 --request PATCH "$jobs/$job" --header 'Content-Type: application/json' \
        --data '{"priority":9,"metadata":{"team":"a"}}'
    answers '"priority":9'
    die TERM
    start
    request 200 "$url/v1/system"
    answers '"queue":\{"object":"queue","paused":true'
    has_status "$job" queued || fail "a job left the paused queue"
    post 200 "$url/v1/queue/resume"
    wait_until has_status "$job" succeeded
}

a_dry_run_stores_nothing() {
    request 200 "$jobs?limit=100"
    local before
    before=$(grep -o '"ftjob-[A-Za-z0-9]*"' "$scratch/answer" | sort -u | wc -l)
    request 200 "$jobs?dry_run=true" --header 'Content-Type: application/json' \
        --data "{\"model\":\"tiny-bert\",\"training_file\":\"$file\"}"
    answers '"object":"fine_tuning.job.estimate"'
    answers '"disk_bytes":[1-9]'
    request 200 "$jobs?limit=100"
    [ "$(grep -o '"ftjob-[A-Za-z0-9]*"' "$scratch/answer" | sort -u | wc -l)" -eq "$before" ] ||
        fail "a dry run stored a job"
}

# The third crash is the last one; ends by kill -9 do not count like that.
a_job_that_crashes_the_daemon_is_given_up() {
    create ',"max_steps":100000000,"batch_size":2'
    for signal in SEGV KILL ABRT; do
        wait_until has_status "$job" running
        die "$signal"
        start
    done
    wait_until has_status "$job" running
    die BUS
    start
    has_status "$job" failed || fail "the job was not given up after three crashes"
    answers '"code":"crashed"'
    post 200 "$jobs/$job/retry"
    wait_until has_status "$job" running
    post 200 "$jobs/$job/cancel"
}

start
upload
a_running_job_is_paused_over_a_restart_and_resumed
a_finished_job_refuses_with_what_can_be_done
a_cancelled_job_is_sent_again
a_deleted_job_leaves_its_model
a_paused_queue_takes_nothing
a_dry_run_stores_nothing
a_job_that_crashes_the_daemon_is_given_up
die TERM
echo "the life of a job is as it should be"
