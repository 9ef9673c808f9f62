#!/usr/bin/env bash
#
# The parameter stride from the job to the saved model's answers: long texts are read in windows, and
# have one answer. With the files of examples/.
#
# SOURCE is the project, BUILD the build folder. Everything lies in a temporary folder.
set -euo pipefail
export LC_ALL=C
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
base=$SOURCE/examples/tiny-bert

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

# job NAME MEMBERS: a job file of a few steps; the model is in the folder NAME.
job() {
    cat >"$scratch/$1.json" <<END_OF_JOB
{"model": "$base", "training_file": "$SOURCE/examples/library/train.jsonl", "seed": 7, "threads": 1,
 "test_file": "$SOURCE/examples/library/test.jsonl", "learning_rate": 1e-3, "warmup_steps": 0,
 "max_steps": 3, "output_dir": "$scratch/$1", $2}
END_OF_JOB
}

train() {
    job "$1" "$2"
    finetuned_ends 0 run "$scratch/$1.json"
}

# refused WORDS MEMBERS: a job that is not accepted.
refused() {
    job refused "$2"
    finetuned_ends 2 run "$scratch/refused.json"
    grep -q "$1" "$scratch/complained" "$scratch/said" || fail "'$1' is not said of $2"
}

# scores MODEL TEXT: each label and its probability, a line each, in the order of the labels.
scores() {
    printf '"%s"\n' "$2" | "$BUILD/finetuned" predict --model "$1" --threads 1 |
        grep -oE '"scores": *\{[^}]*\}' | grep -oE '"[^"]+": *[0-9.e+-]+' | sort
}

a_model_reads_long_texts_in_windows() {
    local texts
    train windows '"max_seq_length": 6, "stride": 1'
    grep -q '"stride":1' "$scratch/said" || fail "the job does not show its parameter"
    grep -q 'windows of at most 6 tokens' "$scratch/said" || fail "the windows are not told"
    ! grep -q 'are cut there' "$scratch/said" || fail "a warning says that texts are cut"
    grep -q '"stride": 1' "$scratch/windows/config.json" || fail "config.json"
    texts=$(grep -c . "$SOURCE/examples/library/test.jsonl")
    grep -oE '"test_accuracy":[0-9.]+' "$scratch/said" | tail -n 1 | awk -F: -v texts="$texts" '
        { right = $2 * texts; exit (right - int(right + 0.5))^2 > 1e-12 }' ||
        fail "the accuracy is not one of $texts texts"
    # 7 words: a b c d, d e f g. The answer is the softmax of their mean logits.
    scores "$scratch/windows" 'a b c d' >"$scratch/one"
    scores "$scratch/windows" 'd e f g' >"$scratch/two"
    scores "$scratch/windows" 'a b c d e f g' >"$scratch/whole"
    paste -d: "$scratch/one" "$scratch/two" "$scratch/whole" | awk -F: '
        { mean[NR] = exp((log($2) + log($4)) / 2); sum += mean[NR]; said[NR] = $6; moved += ($6 - $2)^2 }
        END {
            for (i = 1; i <= NR; i++)
                if ((mean[i] / sum - said[i])^2 > 1e-8) exit 1
            exit NR < 2 || moved == 0
        }' || fail "the answer is not that of both windows"
}

texts_are_cut_without_one() {
    train plain '"max_seq_length": 6'
    grep -q '"stride":null' "$scratch/said" || fail "the default is not shown"
    ! grep -q stride "$scratch/plain/config.json" || fail "config.json speaks of a stride"
    [ "$(scores "$scratch/plain" 'a b c d')" = "$(scores "$scratch/plain" 'a b c d e f g')" ] ||
        fail "a long text is not cut"
}

what_cannot_be_is_refused() {
    refused 'give a stride from 0 to 3' '"max_seq_length": 6, "stride": 4'
    refused 'give one of the two' '"stride": 1, "truncation": "head"'
    refused 'stride is -1' '"stride": -1'
}

a_model_reads_long_texts_in_windows
texts_are_cut_without_one
what_cannot_be_is_refused
echo "ok"
