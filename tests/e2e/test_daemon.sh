#!/usr/bin/env bash
#
# The daemon as an operator meets it: configuration, start, a job over HTTP with curl, kill -9 and
# start again, a stop in order. The files of examples/ are the data.
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

start() {
    rm -f "$scratch/port"
    "$BUILD/finetuned" --data-dir "$scratch/data" --models-dir "$SOURCE/examples" \
        --listen 127.0.0.1:0 --port-file "$scratch/port" --max-file-bytes 100K "$@" \
        </dev/null >"$scratch/said" 2>"$scratch/log" &
    daemon=$!
    wait_until is_ready_or_gone
    [ -s "$scratch/port" ] || fail "the daemon did not start"
    url=http://127.0.0.1:$(cat "$scratch/port")
}

# stop SIGNAL STATUS: it must end with that status.
stop() {
    local status=0
    kill -"$1" "$daemon"
    wait "$daemon" || status=$?
    daemon=
    [ "$status" -eq "$2" ] || fail "SIG$1 ended the daemon with $status, not $2"
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

a_configuration_is_checked_without_starting() {
    printf 'listen = 127.0.0.1:0\nthread = 2\n' >"$scratch/bad.conf"
    finetuned_ends 1 -n --config "$scratch/bad.conf"
    complains "bad.conf, line 2: unknown key 'thread'; did you mean 'threads'"
    printf 'listen = 127.0.0.1:0\nthreads = 2\ndata_dir = %s/untouched\n' "$scratch" \
        >"$scratch/good.conf"
    finetuned_ends 0 -n --config "$scratch/good.conf"
    FINETUNED_CONFIG=$scratch/good.conf finetuned_ends 0 -n
    [ ! -e "$scratch/untouched" ] || fail "-n made the data directory"
    finetuned_ends 1 -n --listen 0.0.0.0:0
    complains 'not a loopback address'
    finetuned_ends 1 -n --models-dir "$scratch/absent"
    complains 'models_dir'
    FINETUNED_THREADS=many finetuned_ends 1 -n
    complains 'FINETUNED_THREADS: threads is "many"'
}

wrong_starts_are_refused_and_leave_nothing() {
    finetuned_ends 2 --listn 127.0.0.1:0
    complains "did you mean '--listen'"
    finetuned_ends 2 trian
    complains "no program 'trian'"
    finetuned_ends 2 --threads many
    complains '\-\-threads'
    finetuned_ends 1 --data-dir "$scratch/refused" --listen 0.0.0.0:0 --port-file "$scratch/port"
    complains '^error .*not a loopback address'
    [ ! -e "$scratch/port" ] || fail "a daemon that did not start wrote its port"
    echo file >"$scratch/occupied"
    finetuned_ends 1 --data-dir "$scratch/occupied" --listen 127.0.0.1:0
    complains 'occupied'
}

helps_are_printed() {
    finetuned_ends 0 --version
    grep -qE '^finetuned [0-9]+\.[0-9]+\.[0-9]+$' "$scratch/said" || fail "no version"
    finetuned_ends 0 --help
    awk 'length($0) > 80 { exit 1 }' "$scratch/said" || fail "--help is wider than 80"
    finetuned_ends 0 --help-parameters
    grep -q '^  n_epochs' "$scratch/said" || fail "--help-parameters lacks n_epochs"
}

has_ready_line() {
    grep -q '^info ready ' "$scratch/log"
}

it_says_when_it_is_ready() {
    start
    wait_until has_ready_line # the engine's rate is measured for it, after the port is told
    grep -qE "^info ready address=127.0.0.1:[0-9]+ data_dir=\"$scratch/data\" engine=[a-z]+-[^ ]+ gflops_per_thread=[0-9]+ threads=[0-9]+\$" \
        "$scratch/log" || fail "no ready line"
    [ "$(grep -c ' ready ' "$scratch/log")" -eq 1 ] || fail "more than one ready line"
    [ ! -s "$scratch/said" ] || fail "it wrote to standard output"
    [ "$(stat -c %a "$scratch/data")" = 700 ] || fail "others may look into the data directory"
    request 200 "$url/livez"
    request 200 "$url/readyz"
    request 200 "$url/version"
    answers '"version":"[0-9.]+"'
    answers '"api":"v1"'
}

a_second_daemon_on_the_same_data_is_refused() {
    finetuned_ends 1 --data-dir "$scratch/data" --listen 127.0.0.1:0
    complains '^error .*data'
    request 200 "$url/readyz"
}

upload() {
    request 200 -F purpose=fine-tune -F "file=@$1" "$url/v1/files"
    answers '"status":"processed"'
    string id
}

# create STATUS MEMBERS: a job about the library questions.
create() {
    request "$1" -H 'Content-Type: application/json' --data-binary @- "$url/v1/fine_tuning/jobs" <<END
{"model": "tiny-bert", "training_file": "$training", "test_file": "$testing", $2}
END
}

job_is() {
    request 200 "$url/v1/fine_tuning/jobs/$1"
    [ "$(string status)" = "$2" ]
}

job_has_ended() {
    ! job_is "$1" queued && ! job_is "$1" running
}

job_steps() {
    request 200 "$url/v1/fine_tuning/jobs/$1/metrics?limit=1"
    grep -q '"object":"fine_tuning.job.metric"' "$scratch/answer"
}

# succeeds JOB
succeeds() {
    wait_until job_has_ended "$1"
    [ "$(string status)" = succeeded ] || fail "job $1 did not succeed"
}

all_faults_of_a_job_come_in_one_answer() {
    training=$(upload "$SOURCE/examples/library/train.jsonl")
    testing=$(upload "$SOURCE/examples/library/test.jsonl")
    create 400 '"n_epoch": 3, "batch_size": 0, "lora": {"rank": 4}'
    answers "did you mean 'n_epochs'"
    answers 'batch_size is 0; it must be a whole number from 1 to 256'
    answers "'lora' is not supported yet"
    create 400 '"seed": 1,'
    answers '"code":"invalid_json"'
    head -c 200000 /dev/zero | tr '\0' 'x' >"$scratch/large.jsonl"
    request 413 -F purpose=fine-tune -F "file=@$scratch/large.jsonl" "$url/v1/files"
}

a_job_trains_and_its_model_answers() {
    create 200 '"seed": 7, "learning_rate": 1e-3, "max_steps": 40, "suffix": "e2e"'
    local job model
    job=$(string id)
    succeeds "$job"
    model=$(string fine_tuned_model)
    answers '"progress":\{"step":40,"total_steps":40,'
    answers '"test_accuracy":[0-9]'
    case $model in ft:tiny-bert:*:e2e:*) ;; *) fail "the model is called '$model'" ;; esac
    request 200 "$url/v1/fine_tuning/jobs/$job/events"
    answers 'Chosen for this job|learning_rate'
    request 200 -H 'Content-Type: application/json' --data-binary \
        "{\"model\": \"$model\", \"input\": [\"where is the printer\"]}" "$url/v1/classifications"
    answers '"results":\[\{"label":\{"scores":\{'
    same_bytes_as_run "$model"
}

# The promise: the same job, files and seed give the same bytes, by daemon or `run`.
same_bytes_as_run() {
    local name
    cat >"$scratch/job.json" <<END
{"model": "$SOURCE/examples/tiny-bert", "seed": 7, "learning_rate": 1e-3, "max_steps": 40,
 "training_file": "$SOURCE/examples/library/train.jsonl",
 "test_file": "$SOURCE/examples/library/test.jsonl", "output_dir": "$scratch/model"}
END
    "$BUILD/finetuned" run "$scratch/job.json" >"$scratch/run" 2>"$scratch/complained" ||
        fail "finetuned run failed"
    for name in config.json model.safetensors tokenizer.json tokenizer_config.json vocab.txt; do
        request 200 "$url/v1/models/$1/files/$name"
        cmp "$scratch/answer" "$scratch/model/$name" || fail "daemon and run differ in $name"
    done
}

# Long enough that it runs when the daemon is killed.
a_killed_daemon_goes_on_with_its_job() {
    create 200 '"seed": 7, "max_steps": 400'
    local job
    job=$(string id)
    create 200 '"seed": 8, "max_steps": 2'
    local waiting
    waiting=$(string id)
    wait_until job_is "$job" running
    kill -KILL "$daemon"
    wait "$daemon" 2>/dev/null || true
    start
    request 200 "$url/v1/fine_tuning/jobs/$job/events?limit=100"
    answers 'queue'
    succeeds "$job"
    answers '"attempt":2'
    answers '"step":400'
    succeeds "$waiting"
    answers '"attempt":1'
}

a_stop_puts_the_running_job_back() {
    create 200 '"seed": 7, "max_steps": 1000000'
    local job
    job=$(string id)
    wait_until job_steps "$job"
    stop TERM 0
    [ ! -e "$scratch/port" ] || fail "the port file is still there"
    grep -q '^info stop signal=SIGTERM' "$scratch/log" || fail "no stop line"
    start
    wait_until job_steps "$job"
    job_is "$job" running || fail "the job did not go on"
    request 200 -X POST "$url/v1/fine_tuning/jobs/$job/cancel"
    answers '"status":"cancelled"'
    request 409 -X POST "$url/v1/fine_tuning/jobs/$job/cancel"
    stop INT 0
}

the_log_holds_no_complaint() {
    ! grep -E '^(error|fatal) ' "$scratch/log" || fail "errors were logged"
}

a_unix_socket_serves_as_well() {
    start --listen "unix:$scratch/socket" --log-level warn
    [ "$(stat -c %a "$scratch/socket")" = 600 ] || fail "others may use the socket"
    request 200 --unix-socket "$scratch/socket" http://localhost/livez
    [ ! -s "$scratch/log" ] || fail "log_level warn logged: $(cat "$scratch/log")"
    stop TERM 0
    [ ! -e "$scratch/socket" ] || fail "the socket file is still there"
}

a_configuration_is_checked_without_starting
wrong_starts_are_refused_and_leave_nothing
helps_are_printed
it_says_when_it_is_ready
a_second_daemon_on_the_same_data_is_refused
all_faults_of_a_job_come_in_one_answer
a_job_trains_and_its_model_answers
a_killed_daemon_goes_on_with_its_job
a_stop_puts_the_running_job_back
the_log_holds_no_complaint
a_unix_socket_serves_as_well
echo "all is well"
