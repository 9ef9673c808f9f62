#!/usr/bin/env bash
#
# finetunectl as a person meets it: against a daemon of its own, with the files of examples/.
#
# SOURCE is the project, BUILD the build folder. Everything lies in a temporary folder; the daemon
# listens on a free port and is ended by its id.
set -euo pipefail
export LC_ALL=C
unset FINETUNED_URL FINETUNED_API_KEY FINETUNED_CONFIG
scratch=$(mktemp -d)
daemon=

clean_up() {
    local tries=0
    if [ -n "$daemon" ] && kill -TERM "$daemon" 2>/dev/null; then
        while kill -0 "$daemon" 2>/dev/null && [ "$tries" -lt 300 ]; do
            sleep 0.1
            tries=$((tries + 1))
        done
        kill -KILL "$daemon" 2>/dev/null || true
        wait "$daemon" 2>/dev/null || true
    fi
    rm -rf "$scratch"
}
trap clean_up EXIT

fail() {
    echo "FAILED: $*"
    for file in said complained log; do
        [ ! -s "$scratch/$file" ] || { echo "--- $file"; tail -n 30 "$scratch/$file"; }
    done
    exit 1
}

# ctl STATUS ARGUMENT...: finetunectl must end with STATUS; what it prints is in said and complained.
ctl() {
    local wanted=$1 status=0
    shift
    "$BUILD/finetunectl" "$@" >"$scratch/said" 2>"$scratch/complained" || status=$?
    [ "$status" -eq "$wanted" ] || fail "finetunectl $* ended with $status, not $wanted"
}

# says PATTERN, complains PATTERN: the last command did.
says() {
    grep -qE -e "$1" "$scratch/said" || fail "'$1' was not printed"
}

complains() {
    grep -qE -e "$1" "$scratch/complained" || fail "'$1' was not complained of"
}

# An address where nothing listens: the daemon's own socket path before the daemon is started.
nowhere=unix:$scratch/nowhere

start_daemon() {
    local tries=0
    "$BUILD/finetuned" --data-dir "$scratch/data" --models-dir "$SOURCE/examples" \
        --listen 127.0.0.1:0 --listen "unix:$scratch/socket" --port-file "$scratch/port" \
        </dev/null >"$scratch/log" 2>&1 &
    daemon=$!
    while [ ! -s "$scratch/port" ]; do
        kill -0 "$daemon" 2>/dev/null || fail "the daemon did not start"
        [ "$tries" -lt 1200 ] || fail "the daemon was not ready within two minutes"
        sleep 0.1
        tries=$((tries + 1))
    done
    export FINETUNED_URL=http://127.0.0.1:$(tr -cd 0-9 <"$scratch/port")
}

wrong_command_lines_are_refused() {
    ctl 2
    complains 'which command'
    ctl 2 dance
    complains "no command 'dance'"
    ctl 2 ls --limit many
    complains 'limit must be a number'
    ctl 2 show
    complains 'usage: finetunectl show'
    ctl 2 submit --model tiny-bert
    complains 'train are needed'
    ctl 2 submit --model tiny-bert --train "$scratch/absent.jsonl"
    complains 'absent.jsonl.*No such file'
    ctl 2 submit --model tiny-bert --train "$scratch"
    complains 'is not a file'
    ctl 2 submit --model tiny-bert --train "$scratch" --param n_epochs
    complains 'NAME=VALUE'
    ctl 2 ls --url 'http://a b'
    complains 'is not an address'
    ctl 2 --url
    complains 'url needs an address'
    ctl 0 --help
    says 'submit .*--model'
    says '4 no daemon answered'
    ctl 0 --version
    says '^finetunectl [0-9]'
}

absent_daemon_is_told() {
    for command in ls 'show ftjob-x' 'watch ftjob-x' version 'predict --model m text'; do
        ctl 4 --url "$nowhere" $command
        complains "no answer from unix:"
    done
}

answers_without_jobs() {
    ctl 0 ls
    says '^no jobs yet$'
    ctl 0 --json ls
    says '^\{"object": ?"list"'
    ctl 0 version
    says '^finetuned [0-9]'
    ctl 0 version --url "$FINETUNED_URL/v1/"
    ctl 0 version --url "${FINETUNED_URL#http://}"
    ctl 0 version --url "unix:$scratch/socket"
    http_proxy=http://127.0.0.1:9 ctl 0 version
}

refusals_carry_the_reason() {
    ctl 3 show ftjob-nothing
    complains 'refused: .*ftjob-nothing.*\[job_not_found\]'
    ctl 3 show 'a/../b?c#d'
    ctl 3 predict --model tiny-bert 'When do you open?'
    complains '\[model_not_fine_tuned\]'
    ctl 3 predict --model absent text
    complains '\[model_not_found\]'
    ctl 3 submit --model absent --train "$SOURCE/examples/library/train.jsonl"
    complains '\[model_not_found\]'
    ctl 3 submit --model tiny-bert --train "$SOURCE/examples/library/train.jsonl" \
        --param n_epoch=3 --param batch_size=0
    complains 'refused for 2 reasons'
    complains '^  - .*n_epochs'
    complains '^  - .*batch_size'
    printf '{"text": "a", "label": "x"}\n{"text": "b", "label": \n' >"$scratch/broken.jsonl"
    ctl 3 submit --model tiny-bert --train "$scratch/broken.jsonl"
    complains 'broken.jsonl cannot be used: .*line 2'
}

# The job that the following tests look at, to its end.
submit_trains_a_model() {
    ctl 0 submit --model tiny-bert --train "$SOURCE/examples/library/train.jsonl" \
        --valid "$SOURCE/examples/library/validation.jsonl" \
        --test "$SOURCE/examples/library/test.jsonl" --suffix shop --param learning_rate=1e-3 \
        --param seed=7 --param optimizer=adamw --param 'betas=[0.9, 0.99]' --watch
    says '^uploaded .*train\.jsonl \([0-9.]+ kB\): file-'
    says '^created job ftjob-'
    says '^model ft:tiny-bert:local:shop:'
    ! grep -q $'\033\|\r' "$scratch/said" || fail "control characters without a terminal"
    job=$(sed -n 's/^created job //p' "$scratch/said")
    model=$(sed -n 's/^model //p' "$scratch/said")
    training=$(sed -n 's/^uploaded .*train\.jsonl.*: //p' "$scratch/said")
    accuracy=$(sed -n 's/^test accuracy //p' "$scratch/said")
    # Guessing gives 0.17; the reference reaches 0.87 to 0.96 with this model and these files.
    awk -v a="$accuracy" 'BEGIN { exit !(a > 0.75 && a <= 1) }' || fail "test accuracy is $accuracy"
}

tables_fit_the_screen() {
    ctl 0 ls
    says "^$job  succeeded  100%  0\.[0-9]{3} test "
    ctl 0 show "$job"
    says '^status +succeeded'
    says '^task +classification, 6 labels: card, find_item, opening_hours,'
    says "learning_rate=0.001"
    says "^fine-tuned +$model\$"
    ctl 0 ls --limit 1
    for command in ls "show $job"; do
        ctl 0 $command
        awk 'length($0) > 80 { print; bad = 1 } END { exit bad }' "$scratch/said" ||
            fail "$command is wider than 80 columns"
    done
    ctl 0 --json show "$job"
    [ "$(wc -l <"$scratch/said")" -eq 1 ] || fail "--json prints more than a line"
    says '"status": ?"succeeded"'
    ctl 0 watch "$job"
    says '^test accuracy'
    ctl 0 watch --json "$job"
    [ "$(wc -l <"$scratch/said")" -eq 1 ] || fail "watch --json of an ended job prints more than a line"
}

predict_answers_in_order() {
    ctl 0 predict --model "$model" 'The printer is out of paper again.' 'I lost my library card.'
    sed -n 1p "$scratch/said" | grep -qE '^0\.[0-9]{3}  printing  .*The printer is' ||
        fail "the first text was answered wrongly"
    sed -n 2p "$scratch/said" | grep -qE '^0\.[0-9]{3}  card  .*I lost my' ||
        fail "the second text was answered wrongly"
    ctl 0 predict --model "$model" --top 3 'When do you open?'
    [ "$(wc -l <"$scratch/said")" -eq 3 ] || fail "--top 3 did not print three labels"
    ctl 0 predict --json --model "$model" -- --help
    says '^\{"text": ?"--help", ?"label"'
    # More lines than one request takes, answered in order.
    seq 1 600 | sed 's/^/question number /' >"$scratch/texts"
    ctl 0 predict --json --model "$model" <"$scratch/texts"
    sed 's/^{"text": *"\([^"]*\)".*/\1/' "$scratch/said" | cmp - "$scratch/texts" ||
        fail "600 lines were not answered in order"
    printf 'good\nb\377d\n' >"$scratch/texts"
    ctl 2 predict --model "$model" <"$scratch/texts"
    complains 'text 2 is not UTF-8'
    : >"$scratch/texts"
    ctl 0 predict --model "$model" <"$scratch/texts"
    [ ! -s "$scratch/said" ] || fail "no text was answered"
    ctl 2 predict --model "$model" --top 0 text
    complains 'top must be'
}

# What others wrote must not steer a terminal.
server_text_is_harmless() {
    printf '{"text": "a b", "label": "x\\u001b[31m"}\n{"text": "c d", "label": "y"}\n%.0s' 1 2 3 4 5 6 \
        >"$scratch/colours.jsonl"
    ctl 0 submit --model tiny-bert --train "$scratch/colours.jsonl" --param max_steps=1 \
        --param validation_split=0 --watch
    harmless=$(sed -n 's/^created job //p' "$scratch/said")
    ctl 0 show "$harmless"
    says 'x\?\[31m'
    ! grep -q $'\033' "$scratch/said" || fail "an escape character reached the terminal"
}

failed_jobs_say_so() {
    ctl 0 --json submit --model tiny-bert --train "$training" --param max_steps=100000 \
        --param 'metadata={"purpose": "to be cancelled"}'
    [ "$(wc -l <"$scratch/said")" -eq 1 ] || fail "--json submit prints more than a line"
    long=$(grep -o '"id": *"ftjob-[A-Za-z0-9]*"' "$scratch/said" | head -n 1 | grep -o 'ftjob-[A-Za-z0-9]*')
    curl --silent --fail --noproxy '*' -X POST "$FINETUNED_URL/v1/fine_tuning/jobs/$long/cancel" \
        >/dev/null || fail "cancel was refused"
    ctl 1 watch "$long"
    says '^job cancelled'
    ctl 0 ls
    says "^$long  cancelled"
}

for test in wrong_command_lines_are_refused absent_daemon_is_told; do
    echo "$test"
    $test
done
start_daemon
for test in answers_without_jobs refusals_carry_the_reason submit_trains_a_model \
    tables_fit_the_screen predict_answers_in_order server_text_is_harmless failed_jobs_say_so; do
    echo "$test"
    $test
done
kill -TERM "$daemon" || fail "the daemon is gone"
status=0
wait "$daemon" || status=$?
daemon=
[ "$status" -eq 0 ] || fail "the daemon ended with $status"
echo "all passed"
