#!/usr/bin/env bash
#
# finetunectl as a person meets it: against a daemon of its own, with the files of examples/.
#
# SOURCE is the project, BUILD the build folder. Everything lies in a temporary folder; the daemon
# listens on a free port and is ended by its id.
set -euo pipefail
export LC_ALL=C
unset NOTIFY_SOCKET STATE_DIRECTORY "${!FINETUNED_@}"
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

# fits: no line of what the last command printed is wider than 80 columns.
fits() {
    awk 'length($0) > 80 { print; bad = 1 } END { exit bad }' "$scratch/said" ||
        fail "lines are wider than 80 columns"
}

# is_json COUNT: the last command printed so many lines, each an object.
is_json() {
    [ "$(wc -l <"$scratch/said")" -eq "$1" ] || fail "$(wc -l <"$scratch/said") lines instead of $1"
    ! grep -v '^{.*}$' "$scratch/said" || fail "a line is no object"
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

# has_status JOB STATUS
has_status() {
    ctl 0 --json show "$1"
    grep -q "\"status\": \?\"$2\"" "$scratch/said"
}

# An address where nothing listens: the daemon's own socket path before the daemon is started.
nowhere=unix:$scratch/nowhere

start_daemon() {
    local tries=0
    rm -f "$scratch/port"
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
    ctl 2 wtach ftjob-x
    complains "did you mean 'watch'"
    ctl 2 files uplod x
    complains "did you mean 'files upload'"
    ctl 2 ls --limit many
    complains '--limit is "many"; it must be a whole number'
    ctl 2 ls --limti 3
    complains "did you mean '--limit'"
    ctl 2 submit --model tiny-bert --n-epoch 3
    complains "did you mean '--n-epochs'"
    ctl 2 submit --model tiny-bert --train x --n-epochs three
    complains 'n_epochs must be a whole number from 1 to 50'
    ctl 2 watch a b
    complains "'b' is too much"
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
    says '^  submit '
    says '4 no daemon answered'
    fits
    ctl 0 --version
    says '^finetunectl [0-9]'
}

# Every command of the help has a help text of its own, with an example of itself.
every_command_has_a_help_text() {
    local commands command
    ctl 0 --help
    commands=$(sed -n 's/^  \([a-z]\{2,\} \{0,1\}[a-z]*\)  .*/\1/p' "$scratch/said")
    [ "$(wc -l <<<"$commands")" -ge 25 ] || fail "only these commands were found: $commands"
    while read -r command; do
        ctl 0 $command --help
        says "^usage: finetunectl $command"
        says "^  finetunectl $command"
        fits
    done <<<"$commands"
    ctl 0 submit --help
    says '--learning-rate X'
    says '--optimizer auto\|adam\|adamw'
}

# What a shell would offer: complete WORD… completes the last word.
complete_in_bash() {
    bash --norc -c 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _finetunectl
        echo "${COMPREPLY[*]}"' bash "$scratch/completion" finetunectl "$@" >"$scratch/said"
}

# read_by SHELL: what was said is a script of that shell; said so where it is not installed.
read_by() {
    if type "$1" >/dev/null 2>&1; then
        "$1" -n "$scratch/said" || fail "$1 does not read it"
    else
        echo "SKIPPED: $1 is not installed, its completion was not read by it"
    fi
}

completion_follows_the_table() {
    ctl 0 completion bash
    cp "$scratch/said" "$scratch/completion"
    complete_in_bash su
    says '^submit$'
    complete_in_bash files ''
    says '^ls upload show report rm$'
    complete_in_bash submit --model x --learning-rate-
    says '^--learning-rate-multiplier$'
    complete_in_bash submit --optimizer ''
    says '^auto adam adamw sgd momentum$'
    complete_in_bash --url x queue p
    says '^pause$'
    ctl 0 completion zsh
    says '^#compdef finetunectl$'
    read_by zsh
    ctl 0 completion fish
    says '^complete -c finetunectl .* -l batch-size -x '
    read_by fish
    ctl 2 completion tcsh
}

absent_daemon_is_told() {
    for command in ls 'show ftjob-x' 'watch ftjob-x' version 'predict --model m text' system queue \
        'cancel ftjob-x' 'logs ftjob-x' 'logs -f ftjob-x' models files 'download m x' \
        'files rm file-x'; do
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
        --test "$SOURCE/examples/library/test.jsonl" --suffix shop --learning-rate 1e-3 \
        --seed=7 --optimizer adamw --betas 0.9,0.99 --metadata team=books --metadata run=1 \
        --param 'gradient_checkpointing=true' --watch
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
    for command in ls "show $job" models "models show $model" files "files show $training" \
        "files report $training" "files report --model tiny-bert $training" queue system; do
        ctl 0 $command
        fits
        ctl 0 --json $command
        is_json 1
    done
    export COLUMNS=60
    for command in ls models files; do
        ctl 0 $command
        awk 'length($0) > 60 { print; bad = 1 } END { exit bad }' "$scratch/said" ||
            fail "$command does not heed COLUMNS"
    done
    unset COLUMNS
    ctl 0 ls --metadata team=books
    says "^$job "
    ctl 0 ls --metadata team=none
    says '^no jobs yet$'
    ctl 0 --json show "$job"
    is_json 1
    says '"team": ?"books"'
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
    complains '--top is "0"'
    # Files, and lines in JSON. This model has learned single texts, so pairs are refused by the daemon.
    printf 'I lost my library card.\nThe printer is out of paper again.\n' >"$scratch/texts"
    ctl 0 predict --model "$model" --file "$scratch/texts" --file "$scratch/texts"
    [ "$(grep -c ' card ' "$scratch/said")" -eq 2 ] || fail "two files were not answered"
    printf '"I lost my library card."\n{"text": "The printer is out of paper again."}\n' >"$scratch/texts"
    ctl 0 predict --json --jsonl --model "$model" <"$scratch/texts"
    is_json 2
    printf '["one", "two", "three"]\n' >"$scratch/texts"
    ctl 2 predict --jsonl --model "$model" <"$scratch/texts"
    complains 'line 1 must be a text in JSON'
    ctl 2 predict --model "$model" --file "$scratch/absent"
    complains "cannot read '.*absent'"
    ctl 2 predict --model "$model" --pairs one
    complains 'must come in twos'
    ctl 2 predict --pairs --model "$model" <"$scratch/texts"
    complains 'line 1 has no tab'
}

pairs_are_learned_and_asked_for() {
    local i
    for i in 1 2 3 4 5 6; do
        printf '{"text": "a %s", "text_pair": "b", "label": "x"}\n' "$i"
        printf '{"text": "c %s", "text_pair": "d", "label": "y"}\n' "$i"
    done >"$scratch/pairs.jsonl"
    ctl 0 submit --model tiny-bert --train "$scratch/pairs.jsonl" --max-steps 2 --validation-split 0 --watch
    pairs=$(sed -n 's/^model //p' "$scratch/said")
    ctl 0 predict --model "$pairs" --pairs 'a 1' b 'c 2' d
    sed -n 2p "$scratch/said" | grep -q 'c 2 | d$' || fail "the second pair is not shown"
    printf 'a 1\tb\nc 2\td\n' | ctl 0 predict --json --model "$pairs" --pairs
    is_json 2
    says '"text": ?"c 2", ?"text_pair": ?"d", ?"label"'
    printf '["a 1", "b"]\n' | ctl 0 predict --json --model "$pairs" --jsonl
    is_json 1
}

files_come_and_go() {
    ctl 0 files upload "$SOURCE/examples/library/train.jsonl" "$SOURCE/examples/library/test.jsonl"
    [ "$(grep -c '^file-.* .*jsonl$' "$scratch/said")" -eq 2 ] || fail "two files were not uploaded"
    first=$(sed -n '1s/ .*//p' "$scratch/said")
    second=$(sed -n '2s/ .*//p' "$scratch/said")
    ctl 0 files show "$first"
    says '^name +train.jsonl$'
    says '^status +processed$'
    ctl 0 files ls --limit 2 --purpose fine-tune
    says "^$second .*test.jsonl$"
    says 'there are older ones'
    ctl 0 files report "$first"
    says '^task +classification$'
    says '^labels +6: card \('
    ctl 0 files report --model tiny-bert "$first"
    says '^tokens +[0-9]+ to [0-9]+ tokens'
    ctl 0 files rm "$first" "$second"
    [ "$(grep -c ' deleted$' "$scratch/said")" -eq 2 ] || fail "two files were not deleted"
    ctl 3 files show "$first"
    complains '\[file_not_found\]'
    printf 'no JSON\n' >"$scratch/faulty.jsonl"
    ctl 3 files upload "$scratch/faulty.jsonl"
    complains 'faulty.jsonl is stored as file-.* line 1'
    ctl 2 files upload "$scratch/absent"
    complains 'absent'
}

# The folder has every file, each with the hash that the daemon tells.
is_downloaded() {
    ctl 0 --json download "$model" "$1"
    sed 's/.*"name": *"\([^"]*\)".*"sha256": *"\([^"]*\)".*/\2  \1/' "$scratch/said" >"$scratch/sums"
    [ -s "$scratch/sums" ] || fail "no files were listed"
    (cd "$1" && sha256sum --check --quiet --strict "$scratch/sums") || fail "hashes differ"
    [ "$(ls -A "$1" | wc -l)" -eq "$(wc -l <"$scratch/sums")" ] || fail "other files: $(ls -A "$1")"
}

models_are_shown_and_downloaded() {
    local folder=$scratch/downloaded
    tar -cf "$scratch/tiny.tar" -C "$SOURCE/examples" tiny-bert
    ctl 0 models import --id other-tiny "$scratch/tiny.tar"
    says '^other-tiny imported$'
    ctl 3 models import --id import "$scratch/tiny.tar"
    complains 'meaning of its own'
    ctl 3 models import some/folder
    complains 'imports from no folder'
    ctl 0 models rm other-tiny
    ctl 0 models show "$model"
    says '^weights +fine-tuned$'
    says '^base model +tiny-bert$'
    says '^file +model.safetensors, '
    ctl 0 download "$model" "$folder"
    says '^model.safetensors \([0-9.]+ [kM]?B\)$'
    is_downloaded "$folder"
    ctl 0 download "$model" "$folder"
    says '^model.safetensors .*, was there$'
    # Interrupted: a part of it is there, and the rest is fetched behind it.
    head -c 1000 "$folder/model.safetensors" >"$folder/model.safetensors.part"
    rm "$folder/model.safetensors"
    ctl 0 download "$model" "$folder"
    grep -qE 'files/\{name\} status=206' "$scratch/log" || fail "it did not go on where it stopped"
    is_downloaded "$folder"
    # A part of something else is noticed by the hash, and thrown away.
    rm "$folder/model.safetensors"
    head -c 1000 /dev/zero >"$folder/model.safetensors.part"
    is_downloaded "$folder"
    echo changed >"$folder/config.json"
    ctl 2 download "$model" "$folder"
    complains "config.json' is there and is another file"
    [ "$(cat "$folder/config.json")" = changed ] || fail "a file of the user's was changed"
    ctl 2 download "$model" "$scratch/no/such/folder"
    complains 'cannot make the folder'
    ctl 3 download absent "$scratch/other"
    complains '\[model_not_found\]'
    [ ! -e "$scratch/other" ] || fail "a refused download left a folder"
}

logs_are_the_events() {
    ctl 0 logs "$job"
    says 'The job'
    local lines
    lines=$(wc -l <"$scratch/said")
    ctl 0 logs -f "$job"
    [ "$(wc -l <"$scratch/said")" -eq "$lines" ] || fail "logs -f of an ended job says something else"
    ctl 0 --json logs "$job"
    is_json "$lines"
    says '"object": ?"fine_tuning.job.event"'
    ctl 3 logs ftjob-nothing
}

dry_runs_leave_nothing() {
    local before
    ctl 0 --json files ls --limit 1000
    before=$(grep -o '"id": *"file-' "$scratch/said" | wc -l)
    ctl 0 submit --model tiny-bert --train "$SOURCE/examples/library/train.jsonl" --dry-run
    says '^steps +[0-9]+, about '
    says '^nothing was started$'
    ctl 0 submit --model tiny-bert --train "$training" --dry-run
    fits
    ctl 0 --json submit --model tiny-bert --train "$training" --dry-run
    is_json 1
    says '"fine_tuning.job.estimate"'
    ctl 0 --json files ls --limit 1000
    [ "$(grep -o '"id": *"file-' "$scratch/said" | wc -l)" -eq "$before" ] || fail "files were left behind"
}

jobs_are_paused_resumed_cancelled_retried_and_deleted() {
    ctl 0 --json submit --model tiny-bert --train "$training" --max-steps 100000
    first=$(grep -o 'ftjob-[A-Za-z0-9]*' "$scratch/said" | head -n 1)
    ctl 0 --json submit --model tiny-bert --train "$training" --max-steps 100000
    second=$(grep -o 'ftjob-[A-Za-z0-9]*' "$scratch/said" | head -n 1)
    wait_until has_status "$first" running
    ctl 0 pause "$second"
    says "^$second paused$"
    ctl 0 resume "$second"
    says "^$second queued$"
    ctl 0 pause "$first"
    says "^$first (pausing|paused)$"
    wait_until has_status "$first" paused
    ctl 0 queue pause
    says '^queue +paused since '
    ctl 0 resume "$first"
    says "^$first queued$"
    ctl 0 queue
    says '^jobs .*up to 1 at once$'
    ctl 0 queue resume
    says '^queue +open$'
    ctl 0 --json cancel "$first" "$second"
    is_json 2
    ctl 3 cancel "$first"
    complains 'it can be .*deleted'
    ctl 0 update --priority 7 --metadata team=red --metadata 'room=a b' "$second"
    says "^$second updated$"
    ctl 0 --json update --priority=-3 "$second"
    says '"priority": ?-3'
    says '"room": ?"a b"'
    ctl 0 --json update --no-metadata "$second"
    ! grep -q 'a b' "$scratch/said" || fail "the metadata stayed"
    ctl 2 update "$second"
    complains 'nothing is to be changed'
    ctl 2 update --metadata red "$second"
    complains 'must be NAME=VALUE'
    ctl 0 retry "$second"
    says "^$second queued$"
    ctl 0 cancel "$second"
    says "^$second cancelled$"
    ctl 0 delete "$first"
    says "^$first deleted$"
    ctl 3 delete ftjob-nothing
    ctl 3 show "$first"
    ctl 0 system
    says '^processor '
    says '^disk .* free, '
}

# The daemon dies under watch, logs -f and all, and is started again on the same address.
watching_survives_a_restart() {
    local watcher follower status=0
    ctl 0 --json submit --model tiny-bert --train "$training" --max-steps 400 --seed 3
    first=$(grep -o 'ftjob-[A-Za-z0-9]*' "$scratch/said" | head -n 1)
    "$BUILD/finetunectl" --url "unix:$scratch/socket" watch "$first" >"$scratch/watched" 2>"$scratch/away" &
    watcher=$!
    "$BUILD/finetunectl" --url "unix:$scratch/socket" --json logs -f "$first" >"$scratch/followed" 2>&1 &
    follower=$!
    wait_until grep -q . "$scratch/watched"
    wait_until grep -q . "$scratch/followed"
    kill -KILL "$daemon"
    wait "$daemon" 2>/dev/null || true
    wait_until grep -q 'does not answer' "$scratch/away"
    start_daemon
    wait "$watcher" || status=$?
    [ "$status" -eq 0 ] || fail "watch ended with $status: $(cat "$scratch/away")"
    wait "$follower" || fail "logs -f failed: $(cat "$scratch/followed")"
    grep -q '^model ft:tiny-bert:' "$scratch/watched" || fail "watch has not seen the end"
    grep -q '400/400' "$scratch/watched" || fail "watch has not seen the last step"
    ctl 0 --json logs "$first"
    cmp "$scratch/said" "$scratch/followed" || fail "logs -f lost or repeated events"
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

for test in wrong_command_lines_are_refused every_command_has_a_help_text \
    completion_follows_the_table absent_daemon_is_told; do
    echo "$test"
    $test
done
start_daemon
for test in answers_without_jobs refusals_carry_the_reason submit_trains_a_model \
    tables_fit_the_screen predict_answers_in_order pairs_are_learned_and_asked_for files_come_and_go \
    models_are_shown_and_downloaded logs_are_the_events dry_runs_leave_nothing \
    jobs_are_paused_resumed_cancelled_retried_and_deleted server_text_is_harmless \
    failed_jobs_say_so watching_survives_a_restart; do
    echo "$test"
    $test
done
kill -TERM "$daemon" || fail "the daemon is gone"
status=0
wait "$daemon" || status=$?
daemon=
[ "$status" -eq 0 ] || fail "the daemon ended with $status"
echo "all passed"
