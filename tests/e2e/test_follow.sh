#!/usr/bin/env bash
#
# Following a job without hammering the daemon, with curl: an event stream that breaks off a hundred
# times, also because the daemon is killed and started again; entity tags, conditions and long polls.
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
    "$BUILD/finetuned" --data-dir "$scratch/data" --models-dir "$SOURCE/examples" \
        --listen 127.0.0.1:0 --port-file "$scratch/port" </dev/null >"$scratch/log" 2>&1 &
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

# string KEY: the first such member of the answer.
string() {
    { grep -o "\"$1\":\"[^\"]*\"" "$scratch/answer" || true; } | head -n 1 | cut -d '"' -f 4
}

etag() {
    sed -n 's/^[Ee][Tt][Aa][Gg]: *\("[^"]*"\).*/\1/p' "$scratch/head"
}

create() {
    request 200 -F purpose=fine-tune -F "file=@$SOURCE/examples/library/train.jsonl" "$url/v1/files"
    request 200 -H 'Content-Type: application/json' --data-binary \
        "{\"model\": \"tiny-bert\", \"training_file\": \"$(string id)\", \"seed\": 7, $1}" \
        "$url/v1/fine_tuning/jobs"
    job=$(string id)
    jobs=$url/v1/fine_tuning/jobs
}

# take NAME DATA: a whole event came.
take() {
    case $1 in
    metrics) [[ $2 =~ \"step\":([0-9]+) ]] && echo "${BASH_REMATCH[1]}" >>"$scratch/steps" ;;
    event) [[ $2 =~ \"id\":\"(ftevent-[^\"]+) ]] && echo "${BASH_REMATCH[1]}" >>"$scratch/events" ;;
    end) ended=$2 ;;
    state | checkpoint) ;;
    *) fail "an event is called '$1'" ;;
    esac
}

# follow COUNT: read so many events at most behind the last one, and drop the connection.
follow() {
    local line name='' id='' data='' count=0
    while IFS= read -r line; do
        case $line in
        'event: '*) name=${line#event: } ;;
        'id: '*) id=${line#id: } ;;
        'data: '*) data=${line#data: } ;;
        '')
            [ -n "$name" ] || continue
            take "$name" "$data"
            last=$id name='' count=$((count + 1))
            [ "$count" -lt "$1" ] || break
            ;;
        esac
    done < <(exec curl --silent --no-buffer --noproxy '*' --max-time 120 \
        ${last:+-H "Last-Event-ID: $last"} "$url/v1/fine_tuning/jobs/$job/stream")
}

all_events() {
    request 200 "$jobs/$job/events?limit=1000&order=asc"
    grep -o '"id":"ftevent-[^"]*"' "$scratch/answer" | cut -d '"' -f 4
}

all_steps() {
    request 200 "$jobs/$job/metrics?limit=2000"
    grep -o '"step":[0-9]*' "$scratch/answer" | cut -d : -f 2
}

a_stream_that_breaks_a_hundred_times_loses_and_repeats_nothing() {
    local drops=0
    create '"max_steps": 600, "batch_size": 4'
    last='' ended=''
    : >"$scratch/steps"
    : >"$scratch/events"
    while [ -z "$ended" ]; do
        follow $((drops < 100 ? 1 + drops % 6 : 100000))
        drops=$((drops + 1))
        if [ "$drops" -eq 20 ]; then
            kill -KILL "$daemon"
            wait "$daemon" 2>/dev/null || true
            start
            jobs=$url/v1/fine_tuning/jobs
        fi
        [ "$drops" -lt 1000 ] || fail "the stream does not end"
    done
    [[ $ended == *'"status":"succeeded"'* ]] || fail "it ended with ${ended:0:200}"
    seq 600 | cmp - "$scratch/steps" || fail "the stream's points are not those of the steps 1 to 600"
    all_steps | cmp - "$scratch/steps" || fail "the stream's points are not those of the job"
    all_events | cmp - "$scratch/events" || fail "the stream's events are not those of the job"
    last='' ended=''
    follow 100000
    [ -n "$ended" ] || fail "the stream of a finished job does not end"
    request 400 "$jobs/$job/stream?after=nonsense"
    [ "$(string code)" = invalid_cursor ] || fail "a wrong cursor is called $(string code)"
}

what_is_known_is_not_sent_again() {
    local tag
    request 200 "$jobs/$job"
    tag=$(etag)
    request 304 -H "If-None-Match: $tag" "$jobs/$job"
    [ "$(etag)" = "$tag" ] || fail "the tag changed"
    request 304 -H "If-None-Match: $tag" "$jobs/$job?wait=30" # it has ended: at once
    request 200 "$jobs/$job/metrics?max_points=50"
    [ "$(grep -o '"object":"fine_tuning.job.metric"' "$scratch/answer" | wc -l)" -le 50 ] ||
        fail "max_points=50 answered more"
}

runs() {
    request 200 "$jobs/$1"
    [ "$(string status)" = running ]
}

# The poll waits for the cancelling, and is told by it.
waiting_ends_with_a_change() {
    local tag running
    create '"max_steps": 1000000'
    running=$job
    wait_until runs "$running"
    create '"max_steps": 1000000' # this one waits
    request 200 "$jobs/$job"
    tag=$(etag)
    request 412 -X POST -H 'If-Match: "wrong"' "$jobs/$job/cancel"
    curl --silent --noproxy '*' --max-time 120 -H "If-None-Match: $tag" "$jobs/$job?wait=30" \
        >"$scratch/polled" &
    local poll=$!
    request 200 -X POST -H "If-Match: $tag" "$jobs/$job/cancel"
    wait "$poll"
    grep -q '"status":"cancelled"' "$scratch/polled" || fail "the poll was not told"
    request 200 -X POST "$jobs/$running/cancel"
}

a_stop_ends_streams_in_order() {
    create '"max_steps": 1000000'
    wait_until runs "$job"
    curl --silent --no-buffer --noproxy '*' --max-time 120 "$jobs/$job/stream" >"$scratch/stream" &
    local reader=$! status=0
    wait_until grep -q '^event: state' "$scratch/stream"
    kill -TERM "$daemon"
    wait "$daemon" || status=$?
    daemon=
    [ "$status" -eq 0 ] || fail "the daemon ended with $status"
    wait "$reader" || fail "the stream was cut"
    tail -n 2 "$scratch/stream" | grep -q '^: the daemon stops' || fail "the stream had no last word"
    grep -q '^data: .*"code":"stopped"' "$scratch/stream" || fail "that the job stopped was not told"
    ! grep -E '^(error|fatal) ' "$scratch/log" || fail "errors were logged"
}

start
a_stream_that_breaks_a_hundred_times_loses_and_repeats_nothing
what_is_known_is_not_sent_again
waiting_ends_with_a_change
a_stop_ends_streams_in_order
echo "all is well"
