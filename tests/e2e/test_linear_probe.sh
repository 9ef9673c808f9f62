#!/usr/bin/env bash
#
# Linear probes through the daemon, of each task: a job of that method ends in one step with a model that
# answers and that is the same bytes as that of `finetuned run`; every job tells its baseline, and finetunectl
# shows it.
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
    "$BUILD/finetuned" --data-dir "$scratch/data" --models-dir "$SOURCE/examples" \
        --listen 127.0.0.1:0 --port-file "$scratch/port" </dev/null >"$scratch/said" \
        2>"$scratch/log" &
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

upload() {
    request 200 -F purpose=fine-tune -F "file=@$1" "$url/v1/files"
    answers '"status":"processed"'
    string id
}

# create STATUS MEMBERS: a job on the rows that were uploaded last.
create() {
    request "$1" -H 'Content-Type: application/json' --data-binary @- "$url/v1/fine_tuning/jobs" <<END
{"model": "tiny-bert", "training_file": "$training", "test_file": "$testing", "seed": 3, $2}
END
}

job_has_ended() {
    request 200 "$url/v1/fine_tuning/jobs/$1"
    case $(string status) in queued | running) return 1 ;; esac
}

# The rows of each task: 40 to learn from, 8 to test with.
write_rows() {
    awk -v rows="$2" -v task="$1" 'BEGIN {
        for (i = 0; i < rows; i++) {
            words = "the printer in room " i % 7 " is " (i % 2 ? "on" : "off")
            if (task == "tokens") {
                n = split(words, word, " ")
                text = tags = ""
                for (k = 1; k <= n; k++) {
                    text = text (k > 1 ? "," : "") "\"" word[k] "\""
                    tags = tags (k > 1 ? "," : "") (k == 5 ? "\"B-room\"" : "\"O\"")
                }
                printf "{\"tokens\":[%s],\"labels\":[%s]}\n", text, tags
            } else if (task == "lists") {
                printf "{\"text\":\"%s\",\"labels\":[%s]}\n", words,
                    i % 4 == 0 ? "" : i % 4 == 1 ? "\"on\"" : "\"on\",\"printer\""
            } else if (task == "numbers") {
                printf "{\"text\":\"%s\",\"label\":%.2f}\n", words, 20 + i % 7 + 0.25
            } else {
                printf "{\"text\":\"%s\",\"label\":\"%s\"}\n", words, i % 2 ? "on" : "off"
            }
        }
    }' >"$3"
}

use_rows() {
    write_rows "$1" 40 "$scratch/$1.jsonl"
    write_rows "$1" 8 "$scratch/$1-test.jsonl"
    training=$(upload "$scratch/$1.jsonl")
    testing=$(upload "$scratch/$1-test.jsonl")
}

# finish MEMBERS: a job that ends well; it stands in answer.
finish() {
    create 200 "$1"
    job=$(string id)
    wait_until job_has_ended "$job"
    [ "$(string status)" = succeeded ] || fail "the job did not succeed"
}

# same_bytes_as_run ROWS
same_bytes_as_run() {
    local name model
    model=$(string fine_tuned_model)
    rm -rf "$scratch/model"
    cat >"$scratch/job.json" <<END
{"model": "$SOURCE/examples/tiny-bert", "training_file": "$scratch/$1.jsonl",
 "test_file": "$scratch/$1-test.jsonl", "seed": 3, "method": "linear_probe",
 "output_dir": "$scratch/model"}
END
    "$BUILD/finetuned" run "$scratch/job.json" >"$scratch/said" 2>"$scratch/complained" ||
        fail "finetuned run failed"
    tail -n 1 "$scratch/said" | grep -q '"baseline":{"metric":"test_' || fail "run tells no baseline"
    for name in config.json model.safetensors; do
        request 200 "$url/v1/models/$model/files/$name"
        cmp "$scratch/answer" "$scratch/model/$name" || fail "daemon and run differ in $name"
    done
}

a_probe_of_each_task_is_a_model() {
    local rows
    for rows in texts lists numbers tokens; do
        use_rows "$rows"
        finish '"method": {"type": "linear_probe"}'
        answers '"method":{"type":"linear_probe"'
        answers '"step":1,"total_steps":1'
        answers '"test_loss":[0-9]'
        answers '"baseline":{"metric":"test_[a-z0-9_]+","majority":(null|-?[0-9]),?'
        same_bytes_as_run "$rows"
    done
}

its_model_answers() {
    use_rows texts
    finish '"method": "linear_probe"'
    answers '"test_accuracy":1[,}]'
    request 200 -H 'Content-Type: application/json' --data-binary @- "$url/v1/classifications" <<END
{"model": "$(string fine_tuned_model)", "input": ["the printer in room 3 is on"]}
END
    answers '"on":0\.[5-9]'
}

every_job_tells_its_baseline() {
    use_rows texts
    finish '"max_steps": 2, "batch_size": 8'
    answers '"baseline":{"metric":"test_accuracy","majority":0.5,"linear_probe":1[.,]'
    "$BUILD/finetunectl" --url "$url" show "$job" >"$scratch/said" 2>"$scratch/complained" ||
        fail "finetunectl show failed"
    grep -qE '^baseline.*linear_probe=1' "$scratch/said" || fail "finetunectl shows no baseline"
    finish '"max_steps": 2, "batch_size": 8, "baseline": false'
    answers '"baseline":null'
    finish '"max_steps": 2, "batch_size": 8, "init_head": "linear_probe"'
    request 200 "$url/v1/fine_tuning/jobs/$job/events?limit=100"
    answers 'The classifier starts as a linear probe'
    answers 'for which transformers has no class'
}

what_is_no_method_is_refused() {
    use_rows texts
    create 400 '"method": "probe"'
    answers '"param":"method"'
    answers 'linear_probe'
    create 400 '"init_head": "probe"'
    answers '"param":"init_head"'
}

start
a_probe_of_each_task_is_a_model
its_model_answers
every_job_tells_its_baseline
what_is_no_method_is_refused
kill -TERM "$daemon"
wait "$daemon" || fail "the daemon did not end in order"
daemon=
echo "linear probes are jobs of their own, and every job tells its baseline"
