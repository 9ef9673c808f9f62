#!/usr/bin/env bash
#
# SIGHUP: the daemon reads its configuration again while it runs. What may change takes effect, what
# may not is named, and a configuration with a mistake changes nothing.
#
# SOURCE is the project, BUILD the build folder. Everything lies in a temporary folder; the daemon
# listens on a free port and is ended by its id.
set -euo pipefail
export LC_ALL=C
unset STATE_DIRECTORY NOTIFY_SOCKET "${!FINETUNED_@}"
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

# configure LINE…: the configuration file, from the lines that every test has and these.
configure() {
    printf '%s\n' "listen = 127.0.0.1:0" "data_dir = $scratch/data" "models_dir = $scratch/models" \
        "port_file = $scratch/port" "$@" >"$scratch/conf"
}

# lines_like PATTERN: how many such lines the log has.
lines_like() {
    grep -cE "$1" "$scratch/log" || true
}

has_one_more() {
    [ "$(lines_like "$1")" -gt "$2" ]
}

# reload PATTERN: ask for it, and wait for a line that says how it went.
reload() {
    local before
    before=$(lines_like "$1")
    kill -HUP "$daemon"
    wait_until has_one_more "$1" "$before"
}

logged() {
    grep -qE "$1" "$scratch/log" || fail "'$1' was not logged"
}

# request STATUS ARGUMENT...: curl must be answered with STATUS; the body is in answer.
request() {
    local wanted=$1 status
    shift
    status=$(curl --silent --show-error --noproxy '*' --max-time 120 --output "$scratch/answer" \
        --write-out '%{http_code}' "$@") || fail "curl $*"
    [ "$status" = "$wanted" ] || fail "$* was answered $status, not $wanted"
}

post() {
    request "$1" -H 'Content-Type: application/json' --data-binary "$3" "$url$2"
}

string() {
    { grep -o "\"$1\":\"[^\"]*\"" "$scratch/answer" || true; } | head -n 1 | cut -d '"' -f 4
}

start() {
    mkdir -p "$scratch/models"
    cp -R "$SOURCE/examples/tiny-bert" "$scratch/models/first"
    configure 'log_level = info'
    "$BUILD/finetuned" --config "$scratch/conf" </dev/null >"$scratch/log" 2>&1 &
    daemon=$!
    wait_until is_ready_or_gone
    [ -s "$scratch/port" ] || fail "the daemon did not start"
    url=http://127.0.0.1:$(cat "$scratch/port")
}

new_base_models_appear_and_old_ones_go() {
    request 404 "$url/v1/models/second"
    cp -R "$SOURCE/examples/tiny-bert" "$scratch/models/second"
    reload '^info reload done changed=0'
    logged 'scan models base_models=2 added=1 removed=0 kept=0'
    request 200 "$url/v1/models/second"
    rm -rf "$scratch/models/second"
    reload '^info reload done changed=0'
    request 404 "$url/v1/models/second"
    request 200 "$url/v1/models/first"
}

changed_keys_take_effect_and_are_named() {
    mkdir -p "$scratch/more"
    cp -R "$SOURCE/examples/tiny-bert" "$scratch/more/third"
    configure "models_dir = $scratch/more" 'model_alias = gpt-4o-mini=third' 'max_file_bytes = 1000' \
        'log_level = debug' 'keep_files_days = 3'
    reload '^info reload done changed=5'
    logged '^info reload key=log_level before="?info"? after="?debug"?'
    logged '^info reload key=max_file_bytes before="?536870912"? after="?1000"?'
    logged '^info reload key=model_alias before="?"? after="?gpt-4o-mini=third"?'
    logged "^info reload key=models_dir .*$scratch/more"
    request 200 "$url/v1/models/third"
    request 200 "$url/v1/models/gpt-4o-mini"
    [ "$(string id)" = third ] || fail "the alias leads to $(string id)"
    request 413 -F purpose=fine-tune -F "file=@$SOURCE/examples/library/train.jsonl" "$url/v1/files"
    configure 'log_format = json'
    reload '"reload done","changed":6'
    request 404 "$url/v1/models/gpt-4o-mini"
    tail -n 1 "$scratch/log" | grep -q '^{' || fail "the log is not JSON"
    configure
    reload '^info reload done changed=1'
    request 200 -F purpose=fine-tune -F "file=@$SOURCE/examples/library/train.jsonl" "$url/v1/files"
    training=$(string id)
}

what_is_read_at_the_start_only_is_named() {
    configure 'threads = 1' 'listen = 127.0.0.1:1'
    reload '^info reload done changed=2'
    logged '^warn reload key=threads in_force="?0"? configured="?1"? reason="read at the start only'
    logged '^warn reload key=listen '
    reload '^info reload done changed=2' # they still differ
    configure
    reload '^info reload done changed=0'
}

# refused PATTERN LINE…: a configuration of these lines is refused with such a message.
refused() {
    local pattern=$1
    shift
    configure 'model_alias = other=first' "$@"
    reload "^warn reload refused error=.*$pattern"
    request 404 "$url/v1/models/other"
}

a_mistake_anywhere_changes_nothing() {
    refused 'line 6: unknown key .*log_levle.*did you mean .*log_level' 'log_levle = debug'
    refused 'max_file_bytes is .*many' 'max_file_bytes = many'
    refused 'nowhere' "models_dir = $scratch/nowhere"
    mkdir -p "$scratch/twice"
    cp -R "$SOURCE/examples/tiny-bert" "$scratch/twice/first"
    refused 'two base models are called .*first' "models_dir = $scratch/twice"
    refused 'which is an alias itself' 'model_alias = first=x'
    configure 'model_alias = first=x'
    reload '^warn reload refused error=.*first.* is also the name of a base model'
    rm "$scratch/conf"
    reload "^warn reload refused error=.*conf"
    configure 'model_alias = other=first'
    reload '^info reload done changed=1'
    request 200 "$url/v1/models/other"
}

runs() {
    request 200 "$url/v1/fine_tuning/jobs/$1"
    [ "$(string status)" = running ]
}

models_that_a_job_needs_stay() {
    local running waiting
    post 200 /v1/fine_tuning/jobs "{\"model\": \"first\", \"training_file\": \"$training\", \"max_steps\": 1000000}"
    running=$(string id)
    wait_until runs "$running"
    cp -R "$SOURCE/examples/tiny-bert" "$scratch/models/fourth"
    reload '^info reload done changed=0'
    post 200 /v1/fine_tuning/jobs "{\"model\": \"fourth\", \"training_file\": \"$training\", \"max_steps\": 1}"
    waiting=$(string id)
    mv "$scratch/models/fourth" "$scratch/fourth"
    reload '^info reload done changed=0'
    logged '^warn reload keep=fourth '
    request 200 "$url/v1/models/fourth"
    runs "$running" || fail "the job that ran was disturbed"
    request 200 -X POST "$url/v1/fine_tuning/jobs/$waiting/cancel"
    reload '^info reload done changed=0'
    request 404 "$url/v1/models/fourth"
    request 200 -X POST "$url/v1/fine_tuning/jobs/$running/cancel"
}

it_stops_in_order_afterwards() {
    local status=0
    kill -HUP "$daemon"
    kill -TERM "$daemon"
    wait "$daemon" || status=$?
    daemon=
    [ "$status" -eq 0 ] || fail "the daemon ended with $status"
    ! grep -E '^(error|fatal) ' "$scratch/log" || fail "errors were logged"
}

start
for test in new_base_models_appear_and_old_ones_go changed_keys_take_effect_and_are_named \
    what_is_read_at_the_start_only_is_named a_mistake_anywhere_changes_nothing \
    models_that_a_job_needs_stay it_stops_in_order_afterwards; do
    echo "$test"
    $test
done
echo "all passed"
