#!/usr/bin/env bash
#
# The same job gives the same bytes on 1, 2 and 4 threads, and in another build of the program: this
# compiles `finetuned` without optimization when the build under test is a release, and as a release
# otherwise, and compares the models.
#
# SOURCE is the project, BUILD the build folder. Everything lies in a temporary folder.
set -euo pipefail
export LC_ALL=C
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}

# train PROGRAM NAME THREADS: dropout on, ragged batches of several chunks, every kind of update.
train() {
    cat >"$scratch/$2.json" <<END
{"model": "$SOURCE/examples/tiny-bert", "training_file": "$SOURCE/examples/library/train.jsonl",
 "seed": 11, "learning_rate": 1e-3, "batch_size": 64, "max_steps": 8, "weight_decay": 0.01,
 "threads": $3, "output_dir": "$scratch/$2"}
END
    "$1" run "$scratch/$2.json" >"$scratch/$2.out" 2>&1 || {
        tail -n 5 "$scratch/$2.out"
        fail "$1 run ended with an error"
    }
}

same() {
    cmp "$scratch/$1/model.safetensors" "$scratch/$2/model.safetensors" || fail "$1 and $2 differ"
}

train "$BUILD/finetuned" one-thread 1
train "$BUILD/finetuned" two-threads 2
train "$BUILD/finetuned" four-threads 4
same one-thread two-threads
same one-thread four-threads

other=Debug
grep -q '^CMAKE_BUILD_TYPE:[A-Z]*=Release$' "$BUILD/CMakeCache.txt" || other=Release
cmake -S "$SOURCE" -B "$scratch/build" -G Ninja -DCMAKE_BUILD_TYPE=$other >"$scratch/log" 2>&1 &&
    cmake --build "$scratch/build" --target finetuned >>"$scratch/log" 2>&1 || {
    tail -n 20 "$scratch/log"
    fail "the $other build does not compile"
}
train "$scratch/build/finetuned" "other-build" 2
same one-thread other-build
echo "1, 2 and 4 threads and a $other build: all bytes equal"
