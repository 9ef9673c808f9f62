#!/usr/bin/env bash
#
# The parameter truncation from the job to the saved model's answers, and `tokenize` with
# `--truncation`, `--stride` and `--places`, with the files of examples/.
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

# train NAME MEMBERS: a few steps of at most 8 tokens a text; the model is in the folder NAME.
train() {
    cat >"$scratch/$1.json" <<END
{"model": "$base", "training_file": "$SOURCE/examples/library/train.jsonl", "seed": 7, "threads": 1,
 "learning_rate": 1e-3, "warmup_steps": 0, "max_steps": 3, "max_seq_length": 8,
 "output_dir": "$scratch/$1", $2}
END
    finetuned_ends 0 run "$scratch/$1.json"
}

# ids TEXT OPTION...: the tokens of a text.
ids() {
    local text=$1
    shift
    printf '"%s"\n' "$text" | "$BUILD/finetuned" tokenize --model "$base" "$@"
}

# answer MODEL TEXT: what a model says of a text.
answer() {
    printf '"%s"\n' "$2" | "$BUILD/finetuned" predict --model "$1" --threads 1
}

the_parts_that_are_kept_can_be_chosen() {
    [ "$(ids 'a b c d e f' --max-length 5)" = "$(ids 'a b c')" ] || fail "the head"
    [ "$(ids 'a b c d e f' --max-length 5 --truncation head)" = "$(ids 'a b c')" ] || fail "head"
    [ "$(ids 'a b c d e f' --max-length 5 --truncation tail)" = "$(ids 'd e f')" ] || fail "tail"
    [ "$(ids 'a b c d e f' --max-length 5 --truncation head_tail)" = "$(ids 'a b f')" ] ||
        fail "head_tail"
    finetuned_ends 2 tokenize --model "$base" --truncation middle
    grep -q "'middle'; head, tail and head_tail are possible" "$scratch/complained" || fail "middle"
}

windows_share_as_many_tokens_as_is_said() {
    local whole window
    whole=$(ids 'a b c d e')
    [ "$(ids 'a b c d e' --max-length 5 --stride 1)" = "[$(ids 'a b c'),$(ids 'c d e')]" ] ||
        fail "two windows"
    [ "$(ids 'a b c d e' --max-length 5 --stride 0)" = "[$(ids 'a b c'),$(ids 'd e')]" ] ||
        fail "a short last window"
    [ "$(ids 'a b c d e' --max-length 5 --stride 1 --truncation tail)" = \
        "[$(ids 'c d e'),$(ids 'a b c')]" ] || fail "windows from the end"
    [ "$(ids 'a b c d e' --max-length 7 --stride 1)" = "[$whole]" ] || fail "one window"
    window=$(printf '["a b c","d e"]\n' |
        "$BUILD/finetuned" tokenize --model "$base" --max-length 6 --stride 1)
    grep -qE '^\[\[([0-9]+,){5}[0-9]+\]\]$' <<<"$window" || fail "a pair: $window"
    printf '"a b c d e"\n' >"$scratch/text"
    finetuned_ends 1 tokenize --model "$base" --max-length 5 --stride 3 <"$scratch/text"
    grep -q 'neighbours cannot share 3' "$scratch/complained" || fail "a stride too large"
    finetuned_ends 2 tokenize --model "$base" --stride 3
    grep -q -e '--stride needs --max-length' "$scratch/complained" || fail "no length"
    finetuned_ends 2 tokenize --model "$base" --max-length 5 --stride 1 --places
    grep -q 'leave --places out' "$scratch/complained" || fail "places of windows"
}

places_are_bytes_of_the_text() {
    ids 'Ä b.' --places >"$scratch/said"
    grep -qE '^\{"ids":\[[0-9,]+\],"words":\[null,0,1,2,null\],"starts":\[0,0,3,4,0\],"ends":\[0,2,4,5,0\]\}$' \
        "$scratch/said" || fail "the places of 'Ä b.'"
}

a_model_keeps_the_part_that_it_was_trained_on() {
    local long='a b c d e f g h i j k l' kept part
    train head_tail '"truncation": "head_tail"'
    grep -q '"truncation":"head_tail"' "$scratch/said" || fail "the job does not show its parameter"
    grep -q '"truncation": "head_tail"' "$scratch/head_tail/config.json" || fail "config.json"
    train tail '"truncation": "tail"'
    grep -q '"truncation_side": "left"' <(sed 's/":"/": "/g' "$scratch/tail/tokenizer_config.json") ||
        fail "transformers would not know of the tail"
    train plain '"suffix": "plain"'
    grep -q '"truncation":"head"' "$scratch/said" || fail "the default is not shown"
    ! grep -q truncation "$scratch/plain/config.json" || fail "config.json tells the usual part"
    for part in head_tail:'a b c j k l' tail:'g h i j k l' plain:'a b c d e f'; do
        kept=${part#*:}
        part=${part%%:*}
        [ "$(answer "$scratch/$part" "$long")" = "$(answer "$scratch/$part" "$kept")" ] ||
            fail "$part: a long text is not answered as '$kept'"
        [ "$(answer "$scratch/$part" "$long")" != "$(answer "$scratch/$part" 'c d')" ] ||
            fail "$part: every text has the same answer"
    done
}

a_model_goes_on_as_its_base_was_trained() {
    sed "s|$base|$scratch/head_tail|; s|$scratch/plain|$scratch/onward|" "$scratch/plain.json" \
        >"$scratch/onward.json"
    finetuned_ends 0 run "$scratch/onward.json"
    grep -q '"truncation": "head_tail"' "$scratch/onward/config.json" || fail "the base's part was lost"
}

another_word_is_refused() {
    sed 's|"suffix": "plain"|"truncation": "left"|' "$scratch/plain.json" >"$scratch/left.json"
    finetuned_ends 2 run "$scratch/left.json"
    grep -q "truncation is \"left\"" "$scratch/complained" || fail "left is not complained of"
}

the_parts_that_are_kept_can_be_chosen
windows_share_as_many_tokens_as_is_said
places_are_bytes_of_the_text
a_model_keeps_the_part_that_it_was_trained_on
a_model_goes_on_as_its_base_was_trained
another_word_is_refused
echo "ok"
