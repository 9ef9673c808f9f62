#!/usr/bin/env bash
#
# `finetuned run`, `tokenize` and `predict` as a person meets them, with the files of examples/.
#
# SOURCE is the project, BUILD the build folder. Everything lies in a temporary folder.
set -euo pipefail
export LC_ALL=C
scratch=$(mktemp -d)
runner=

clean_up() {
    [ -z "$runner" ] || kill -KILL "$runner" 2>/dev/null || true
    rm -rf "$scratch"
}
trap clean_up EXIT

fail() {
    echo "FAILED: $*"
    for file in said complained; do
        [ ! -s "$scratch/$file" ] || { echo "--- $file"; tail -n 5 "$scratch/$file" | cut -c1-2000; }
    done
    exit 1
}

# finetuned_ends STATUS ARGUMENT...: what it prints is in said and complained.
finetuned_ends() {
    local wanted=$1 status=0
    shift
    "$BUILD/finetuned" "$@" >"$scratch/said" 2>"$scratch/complained" || status=$?
    [ "$status" -eq "$wanted" ] || fail "finetuned $* ended with $status, not $wanted"
}

says() {
    grep -qE -e "$1" "$scratch/said" || fail "'$1' was not printed"
}

complains() {
    grep -qE -e "$1" "$scratch/complained" || fail "'$1' was not complained of"
}

# job NAME MEMBERS: a job file about the library questions.
job() {
    cat >"$scratch/$1.json" <<END
{"model": "$SOURCE/examples/tiny-bert",
 "training_file": "$SOURCE/examples/library/train.jsonl",
 "test_file": "$SOURCE/examples/library/test.jsonl",
 "seed": 7, "learning_rate": 1e-3, $2}
END
}

hash() {
    sha256sum <"$1" | cut -d ' ' -f 1
}

a_job_prints_its_course_and_leaves_a_model() {
    job whole "\"max_steps\": 40, \"warmup_steps\": 4, \"suffix\": \"e2e\", \"metadata\": {\"k\": \"v\"},
        \"validation_file\": \"$SOURCE/examples/library/validation.jsonl\", \"threads\": 1,
        \"output_dir\": \"$scratch/one\""
    finetuned_ends 0 run "$scratch/whole.json"
    ! grep -v '^finetuned run: warning: ' "$scratch/complained" || fail "it complained"
    complains 'warning: The base model has no weights file'
    [ "$(grep -vc '^{"object":"fine_tuning\.job[^ ]*' "$scratch/said")" -eq 0 ] || fail "other lines"
    grep -o '"object":"fine_tuning.job.metric","step":[0-9]*' "$scratch/said" | grep -o '[0-9]*$' |
        diff - <(seq 1 40) || fail "the metric points are not the steps 1 to 40"
    says '^\{"object":"fine_tuning.job.event","id":"ftevent-1",.*40 steps'
    says '"message":"Chosen for this job: .*batch_size = 16 \(there are fewer than 1,000'
    tail -n 1 "$scratch/said" >"$scratch/last"
    local part
    for part in '^{"object":"fine_tuning.job",' '"status":"succeeded"' '"task":"classification"' \
        '"fine_tuned_model":"'"$scratch/one"'"' '"seed":7' '"metadata":{"k":"v"}' '"error":null' \
        '"hyperparameters":{"batch_size":16,"learning_rate_multiplier":1,"n_epochs":[0-9]*}' \
        '"progress":{"step":40,"total_steps":40,' '"percent":100,' '"valid_loss":' '"test_accuracy":' \
        '"resources":{"threads":1,"engine":"[a-z]*-[^"]*","precision":"\(fp32\|bf16\)","peak_memory_bytes":[1-9]' \
        '"estimated_memory_bytes":[1-9][0-9]*,"epoch_rows":468,"parameters":{' \
        '"parameters":{.*"learning_rate":0.001,.*"warmup_steps":4,.*}}$'; do
        grep -q -e "$part" "$scratch/last" || fail "the job object lacks $part"
    done
    for part in config.json model.safetensors tokenizer.json tokenizer_config.json vocab.txt; do
        [ -s "$scratch/one/$part" ] || fail "the model lacks $part"
    done
}

# Dropout is on, and the batches are ragged: nothing but the seed may matter.
the_same_job_gives_the_same_bytes_on_any_number_of_threads() {
    local part
    job two "\"max_steps\": 40, \"warmup_steps\": 4, \"threads\": 2,
        \"validation_file\": \"$SOURCE/examples/library/validation.jsonl\",
        \"output_dir\": \"$scratch/two\""
    finetuned_ends 0 run "$scratch/two.json"
    for part in "$scratch"/one/*; do
        cmp "$part" "$scratch/two/${part##*/}" || fail "two threads gave another model"
    done
    sed 's/"seed": 7/"seed": 8/; s|/two"|/three"|' "$scratch/two.json" >"$scratch/three.json"
    finetuned_ends 0 run "$scratch/three.json"
    [ "$(hash "$scratch/one/model.safetensors")" != "$(hash "$scratch/three/model.safetensors")" ] ||
        fail "another seed gave the same model"
}

# Six labels: chance is 0.17. The defaults choose 300 steps.
a_job_learns() {
    job learning '"suffix": "learning"'
    finetuned_ends 0 run "$scratch/learning.json"
    local accuracy
    accuracy=$(tail -n 1 "$scratch/said" | grep -o '"test_accuracy":[0-9.]*' | cut -d: -f2)
    awk -v a="$accuracy" 'BEGIN { exit !(a > 0.7) }' || fail "test accuracy is only $accuracy"
}

a_seed_is_drawn_when_none_is_given() {
    job drawn '"max_steps": 1'
    sed -i 's/"seed": 7, //' "$scratch/drawn.json"
    finetuned_ends 0 run "$scratch/drawn.json"
    local first
    first=$(grep -o '"seed":[0-9]*' "$scratch/said" | head -n 1)
    finetuned_ends 0 run "$scratch/drawn.json"
    [ "$first" != "$(grep -o '"seed":[0-9]*' "$scratch/said" | head -n 1)" ] || fail "drew $first twice"
}

predictions_follow_the_lines() {
    head -n 5 "$SOURCE/examples/library/test.jsonl" >"$scratch/questions"
    "$BUILD/finetuned" predict --model "$scratch/one" --threads 2 <"$scratch/questions" \
        >"$scratch/said" 2>"$scratch/complained" || fail "predict failed"
    [ "$(wc -l <"$scratch/said")" -eq 5 ] || fail "five lines in, other lines out"
    says '^\{"label":"[^"]+","probability":[0-9.e-]+,"scores":\{("[^"]+":[0-9.e-]+,?)+\}\}$'
    # Alone or among others: the same to 1e-6.
    head -n 1 "$scratch/questions" | "$BUILD/finetuned" predict --model "$scratch/one" >"$scratch/alone"
    local together alone
    together=$(head -n 1 "$scratch/said" | grep -o '"probability":[0-9.e-]*' | cut -d: -f2)
    alone=$(grep -o '"probability":[0-9.e-]*' "$scratch/alone" | cut -d: -f2)
    awk -v a="$together" -v b="$alone" 'BEGIN { d = a - b; exit !(d < 1e-6 && d > -1e-6) }' ||
        fail "$together among others, $alone alone"
}

a_bad_line_is_named() {
    local status=0
    printf '"good"\n{"txt":"bad"}\n"never read"\n' |
        "$BUILD/finetuned" predict --model "$scratch/one" >"$scratch/said" 2>"$scratch/complained" ||
        status=$?
    [ "$status" -eq 1 ] || fail "a bad line ended with $status"
    complains 'line 2: neither a string'
    [ "$(wc -l <"$scratch/said")" -eq 1 ] || fail "the good line before it was not answered"
    status=0
    printf '"good"\n["a","b"]\n{]\n' |
        "$BUILD/finetuned" tokenize --model "$scratch/one" >"$scratch/said" 2>"$scratch/complained" ||
        status=$?
    [ "$status" -eq 1 ] || fail "a bad line ended with $status"
    complains 'line 3: not valid JSON at line 1, column'
    [ "$(wc -l <"$scratch/said")" -eq 2 ] || fail "the good lines before it were not answered"
}

tokens_follow_the_lines_on_any_number_of_threads() {
    local i
    for i in $(seq 1 3000); do
        echo "\"where is book number $i of the library?\""
    done >"$scratch/texts"
    "$BUILD/finetuned" tokenize --model "$SOURCE/examples/tiny-bert" --threads 1 \
        <"$scratch/texts" >"$scratch/ids1"
    "$BUILD/finetuned" tokenize --model "$SOURCE/examples/tiny-bert" --threads 4 \
        <"$scratch/texts" >"$scratch/ids4"
    cmp "$scratch/ids1" "$scratch/ids4" || fail "four threads gave other ids"
    [ "$(wc -l <"$scratch/ids1")" -eq 3000 ] || fail "lines were lost"
    [ "$(grep -cE '^\[[0-9]+(,[0-9]+)+\]$' "$scratch/ids1")" -eq 3000 ] || fail "no arrays of ids"
    echo '"where is the library of the town"' |
        "$BUILD/finetuned" tokenize --model "$SOURCE/examples/tiny-bert" --max-length 4 >"$scratch/said"
    says '^\[[0-9]+,[0-9]+,[0-9]+,[0-9]+\]$'
}

a_wrong_job_is_refused_before_anything_is_trained() {
    job wrong '"n_epochs": 0, "learnin_rate": 1, "lora": {"rank": 4}'
    finetuned_ends 2 run "$scratch/wrong.json"
    complains 'n_epochs is 0; it must be a whole number from 1 to 50'
    complains "Unknown parameter 'learnin_rate'; did you mean 'learning_rate'"
    complains "'lora' is not supported yet"
    [ ! -s "$scratch/said" ] || fail "it printed lines"
    echo '{"model": ' >"$scratch/broken.json"
    finetuned_ends 2 run "$scratch/broken.json"
    complains 'not valid JSON at line 2'
    finetuned_ends 2 run "$scratch/absent.json"
    complains 'absent.json'
    finetuned_ends 2 run
    complains 'JOB.json'
}

a_wrong_file_is_refused_with_its_line() {
    printf '{"text":"a","label":"x"}\n{"text":"b","label":"y"}\n{"text":}\n' >"$scratch/rows.jsonl"
    job rows '"n_epochs": 1'
    sed -i "s|\"training_file\": \"[^\"]*\"|\"training_file\": \"$scratch/rows.jsonl\"|" \
        "$scratch/rows.json"
    finetuned_ends 2 run "$scratch/rows.json"
    complains 'training_file: .*rows.jsonl.*line 3'
}

no_model_is_overwritten() {
    local before
    before=$(hash "$scratch/one/model.safetensors")
    finetuned_ends 2 run "$scratch/whole.json"
    complains 'output_dir ".*/one" exists already'
    [ "$before" = "$(hash "$scratch/one/model.safetensors")" ] || fail "the model was touched"
    job nowhere "\"output_dir\": \"$scratch/no/such/folder\""
    finetuned_ends 2 run "$scratch/nowhere.json"
    complains 'nothing can be written into'
}

# stopped_by SIGNAL STATUS: a long run ends in order once it has printed its third metric point.
stopped_by() {
    local line status=0 seen=0
    job long "\"max_steps\": 1000000, \"output_dir\": \"$scratch/never\""
    mkfifo "$scratch/pipe"
    "$BUILD/finetuned" run "$scratch/long.json" >"$scratch/pipe" 2>"$scratch/complained" &
    runner=$!
    : >"$scratch/said"
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$scratch/said"
        case $line in *fine_tuning.job.metric*) seen=$((seen + 1)) ;; *) continue ;; esac
        [ "$seen" -ne 3 ] || kill -"$1" "$runner"
    done <"$scratch/pipe"
    wait "$runner" || status=$?
    runner=
    rm "$scratch/pipe"
    [ "$status" -eq "$2" ] || fail "SIG$1 ended it with $status, not $2"
    tail -n 1 "$scratch/said" >"$scratch/last"
    grep -q '^{"object":"fine_tuning.job",.*"status":"paused"' "$scratch/last" ||
        fail "the last line is no paused job"
    grep -q '"fine_tuned_model":null' "$scratch/last" || fail "it claims a model"
    [ "$(ls -d "$scratch"/never*)" = "$scratch/never.resume" ] || fail "more was left than its state"
    complains 'go on with: finetuned run --resume'
    rm -r "$scratch/never.resume"
}

# Weight decay multiplies the weights by 1 - 10,000 at each step: they overflow soon.
a_run_that_diverges_fails_and_says_so() {
    job diverging "\"weight_decay\": 1, \"warmup_steps\": 0, \"learning_rate_multiplier\": 1000,
        \"output_dir\": \"$scratch/diverged\""
    sed -i 's/"learning_rate": 1e-3/"learning_rate": 10/' "$scratch/diverging.json"
    finetuned_ends 1 run "$scratch/diverging.json"
    complains 'diverged; try a'
    tail -n 1 "$scratch/said" | grep -q '"status":"failed",.*"error":{"code":"diverged",' ||
        fail "the job object does not say diverged"
    [ ! -e "$scratch/diverged" ] || fail "a diverged model was left"
}

a_job_file_may_use_paths_from_the_current_folder() {
    job whole_relative '"max_steps": 2'
    sed -i "s|$SOURCE/||" "$scratch/whole_relative.json"
    (cd "$SOURCE" && "$BUILD/finetuned" run "$scratch/whole_relative.json") >"$scratch/said" \
        2>"$scratch/complained" || fail "relative paths were refused"
    says '"fine_tuned_model":null'
}

# Odd data, and two options that both let rare rows count more.
warnings_are_lines_on_standard_error_too() {
    local i
    for i in $(seq 1 63); do
        echo "{\"text\": \"book number $i\", \"label\": \"$([ $((i % 21)) -eq 0 ] && echo rare || echo often)\"}"
    done >"$scratch/odd.jsonl"
    head -n 5 "$scratch/odd.jsonl" >>"$scratch/odd.jsonl"
    job odd '"n_epochs": 1, "batch_size": 16, "validation_split": 0, "oversample": 0.5, "class_weights": "balanced"'
    sed -i "s|\"training_file\": \"[^\"]*\"|\"training_file\": \"$scratch/odd.jsonl\"|; /test_file/d" \
        "$scratch/odd.json"
    finetuned_ends 0 run "$scratch/odd.json"
    complains '^finetuned run: warning: .*odd.jsonl: 5 rows'
    complains '^finetuned run: warning: .*Label "often" has 65 rows, "rare" 3: accuracy says little'
    complains '^finetuned run: warning: .*oversample repeats .* both act'
    says '"level":"warn","message":".*both act.*","type":"message","data":\{"code":"oversample_and_class_weights"\}\}$'
    says 'on 68 rows \(98 in an epoch\) with 2 labels: 7 steps' # of 65 rows 33 at least
    says '"epoch_rows":98,'
    sed -n 's/.*"level":"warn","message":"\(.*\)","type":"message".*/finetuned run: warning: \1/p' "$scratch/said" |
        sed 's/\\"/"/g' | diff - "$scratch/complained" || fail "events and standard error say different things"
}

helps_are_printed() {
    local program
    for program in run tokenize predict; do
        finetuned_ends 0 "$program" --help
        says "^Usage: finetuned $program"
        awk 'length($0) > 80 { exit 1 }' "$scratch/said" || fail "$program --help is wider than 80"
        finetuned_ends 2 "$program" --nonsense
        complains "unknown option '--nonsense'"
    done
    finetuned_ends 2 tokenize
    complains 'give --model DIR'
    finetuned_ends 1 predict --model "$SOURCE/examples/tiny-bert"
    complains 'tiny-bert'
}

a_job_prints_its_course_and_leaves_a_model
a_job_learns
the_same_job_gives_the_same_bytes_on_any_number_of_threads
a_seed_is_drawn_when_none_is_given
predictions_follow_the_lines
a_bad_line_is_named
tokens_follow_the_lines_on_any_number_of_threads
a_wrong_job_is_refused_before_anything_is_trained
a_wrong_file_is_refused_with_its_line
no_model_is_overwritten
stopped_by TERM 143
stopped_by INT 130
a_run_that_diverges_fails_and_says_so
a_job_file_may_use_paths_from_the_current_folder
warnings_are_lines_on_standard_error_too
helps_are_printed
echo "all is well"
