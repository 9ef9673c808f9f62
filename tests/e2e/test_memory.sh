#!/usr/bin/env bash
#
# estimated_memory_bytes is within 10 % of the memory that the whole process of a run reaches.
#
# On models large enough to matter, which start at random. SOURCE is the project, BUILD the build
# folder. A build with sanitizers is left out: they take memory of their own.
set -euo pipefail
export LC_ALL=C
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The build folder says what it was configured with.
sanitizers=$(sed -n 's/^FINETUNED_SANITIZE:[A-Z]*=//p' "$BUILD/CMakeCache.txt")
if [ -n "$sanitizers" ]; then
    echo "SKIPPED: memory is not measured in a build with sanitizers ($sanitizers)"
    exit 0
fi

# model NAME WIDTH LAYERS: with the vocabulary of examples/tiny-bert, and as many words again that
# no text uses.
model() {
    local example=$SOURCE/examples/tiny-bert words
    mkdir "$scratch/$1"
    { cat "$example/vocab.txt"; seq -f 'unused%.0f' 1 20000; } >"$scratch/$1/vocab.txt"
    words=$(wc -l <"$scratch/$1/vocab.txt")
    sed -e "s/\"vocab_size\": [0-9]*/\"vocab_size\": $words/" \
        -e "s/\"hidden_size\": [0-9]*/\"hidden_size\": $2/" \
        -e "s/\"num_hidden_layers\": [0-9]*/\"num_hidden_layers\": $3/" \
        -e "s/\"intermediate_size\": [0-9]*/\"intermediate_size\": $((4 * $2))/" \
        "$example/config.json" >"$scratch/$1/config.json"
}

number_of() {
    grep -o "\"$1\":[0-9]*" "$scratch/last" | grep -o '[0-9]*$'
}

# meets NAME MODEL MEMBERS: run the job and hold the estimate against the peak.
meets() {
    local estimated peak
    printf '{"model": "%s", "training_file": "%s", "test_file": "%s", "seed": 5, %s}\n' \
        "$2" "$SOURCE/examples/library/train.jsonl" "$SOURCE/examples/library/test.jsonl" "$3" \
        >"$scratch/$1.json"
    "$BUILD/finetuned" run "$scratch/$1.json" >"$scratch/said" || {
        echo "FAILED: $1 did not run"
        exit 1
    }
    tail -n 1 "$scratch/said" >"$scratch/last"
    estimated=$(number_of estimated_memory_bytes)
    peak=$(number_of peak_memory_bytes)
    echo "$1: estimated $((estimated / 1000000)) MB, reached $((peak / 1000000)) MB"
    [ $((estimated * 10)) -ge $((peak * 9)) ] && [ $((estimated * 10)) -le $((peak * 11)) ] || {
        echo "FAILED: $1: the estimate is more than 10 % off"
        exit 1
    }
}

model wide 384 4
meets random_start "$scratch/wide" '"max_steps": 4, "batch_size": 32'
meets more_rows "$scratch/wide" '"max_steps": 4, "batch_size": 256'
meets checkpointing "$scratch/wide" '"max_steps": 4, "batch_size": 256, "gradient_checkpointing": true'
meets sgd "$scratch/wide" '"max_steps": 4, "optimizer": "sgd", "learning_rate": 0.01'
meets decay "$scratch/wide" "\"max_steps\": 4, \"weight_decay\": 0.01, \"output_dir\": \"$scratch/saved\""
meets from_a_file "$scratch/saved" '"max_steps": 4, "batching": "grouped"'
meets probe "$scratch/saved" '"method": "linear_probe"'
meets best_comes_back "$scratch/saved" "\"max_steps\": 6, \"eval_steps\": 2, \"load_best_model\": true, \"baseline\": false, \"learning_rate\": 0.05, \"lr_scheduler\": \"constant\", \"warmup_steps\": 0, \"output_dir\": \"$scratch/best\""
grep -q 'becomes the final one' "$scratch/said" || {
    echo "FAILED: no model came back"
    exit 1
}
