#!/usr/bin/env bash
#
# One data set in every form that is read: each must train to the same model, byte for
# byte.
#
# SOURCE is the project, BUILD the build folder. Everything lies in a temporary folder.
set -euo pipefail
export LC_ALL=C
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
    echo "FAILED: $*"
    [ ! -s "$scratch/complained" ] || cut -c1-2000 "$scratch/complained"
    exit 1
}

# Every line of the example is {"text":"…","label":"…"}: \1 is its text, \2 its label.
rows() {
    sed -E 's/^\{"text": ?"(.*)", ?"label": ?"(.*)"\}$/'"$1"'/' "$SOURCE/examples/library/train.jsonl"
}

# run FILE NAME: train on FILE; the model is $scratch/NAME.
run() {
    cat >"$scratch/job.json" <<END
{"model": "$SOURCE/examples/tiny-bert", "training_file": "$1", "seed": 7, "max_steps": 6,
 "learning_rate": 1e-3, "threads": 2, "output_dir": "$scratch/$2"}
END
    "$BUILD/finetuned" run "$scratch/job.json" >"$scratch/said" 2>"$scratch/complained"
}

# same FILE NAME: FILE trains to the model that the example trains to. Only the hash of the file,
# which the configuration keeps, and the name of its target are others.
same() {
    run "$1" "$2" || fail "$2 was not trained"
    sed -i '/"data_sha256":/d; /"target":/d' "$scratch/plain/config.json" "$scratch/$2/config.json"
    diff -r "$scratch/plain" "$scratch/$2" || fail "$2 gave another model"
}

run "$SOURCE/examples/library/train.jsonl" plain || fail "the example was not trained"

rows '{"messages":[{"role":"system","content":"Sort the question."},{"role":"user","content":"\1"},{"role":"assistant","content":"\2"}]}' \
    >"$scratch/chat.jsonl"
grep -qv '^{"messages"' "$scratch/chat.jsonl" && fail "the example has other lines than thought"
same "$scratch/chat.jsonl" chat

rows '{"messages":[{"role":"user","content":[{"type":"text","text":"\1"}]},{"role":"assistant","content":"\2","weight":1}]}' \
    >"$scratch/parts.jsonl"
same "$scratch/parts.jsonl" parts

rows '{"prompt":"\1","completion":" \2"}' >"$scratch/prompt.jsonl"
same "$scratch/prompt.jsonl" prompt

rows '{"text":"\1","labels":{"intent":"\2"}}' >"$scratch/target.jsonl"
same "$scratch/target.jsonl" target

{ echo '['; sed '$!s/$/,/' "$scratch/chat.jsonl"; echo ']'; } >"$scratch/array.json"
same "$scratch/array.json" array

gzip -c "$scratch/array.json" >"$scratch/array.json.gz"
same "$scratch/array.json.gz" packed

# The opinions as a table and as chat rows, in examples/.
run "$SOURCE/examples/reviews.csv" reviews || fail "the table of opinions was not trained"
run "$SOURCE/examples/reviews-chat.jsonl" talks || fail "the chat rows of opinions were not trained"
cmp "$scratch/reviews/model.safetensors" "$scratch/talks/model.safetensors" ||
    fail "the opinions gave another model"

# A file that says what to write, not which of a few labels.
awk '{ printf "{\"messages\":[{\"role\":\"user\",\"content\":\"q%d\"},{\"role\":\"assistant\",\"content\":\"An answer of its own, %d.\"}]}\n", NR, NR }' \
    "$scratch/chat.jsonl" >"$scratch/generation.jsonl"
status=0
run "$scratch/generation.jsonl" none || status=$?
[ "$status" -eq 2 ] || fail "generating text ended with $status"
grep -q 'training_file: .*looks like data for generating text' "$scratch/complained" ||
    fail "it was not said why"
[ ! -e "$scratch/none" ] || fail "a model was left behind"
echo passed
