#!/usr/bin/env bash
#
# Every subcommand of `bench` runs on a tiny model for a moment, prints what it promises and refuses
# what is wrong. No time is asserted; that the parts of a step add up to the whole, and that the
# products which were counted are those of the formula, does not depend on any.
#
# SOURCE is the project, BUILD the build folder.
set -euo pipefail
export LC_ALL=C
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TMPDIR=$scratch/tmp
mkdir "$TMPDIR"

fail() {
    echo "FAILED: $*"
    for file in said complained; do
        [ ! -s "$scratch/$file" ] || { echo "--- $file"; tail -n 40 "$scratch/$file"; }
    done
    exit 1
}

# bench_ends STATUS ARGUMENT...: what it prints is in said and complained; nothing is left behind.
bench_ends() {
    local wanted=$1 status=0
    shift
    "$BUILD/bench" "$@" </dev/null >"$scratch/said" 2>"$scratch/complained" || status=$?
    [ "$status" -eq "$wanted" ] || fail "bench $* ended with $status, not $wanted"
    [ -z "$(ls "$TMPDIR")" ] || fail "bench $* left $(ls "$TMPDIR")"
}

says() {
    grep -qE -e "$1" "$scratch/said" || fail "'$1' was not said"
}

complains() {
    grep -qE -e "$1" "$scratch/complained" || fail "'$1' was not complained of"
}

# number NAME: a member of the one JSON object that was said; it must be above zero.
number() {
    local value
    value=$(grep -o "\"$1\":[0-9.e+-]*" "$scratch/said" | cut -d: -f2)
    awk -v v="$value" 'BEGIN { exit !(v > 0) }' || fail "$1 is '$value'"
    echo "$value"
}

training_is_measured() {
    bench_ends 0 train --shape tiny --rows 32 --length 24 --batch 16 --steps 3 --json
    for name in tokens_per_second step_ms useful_gflops hot_gflops percent_of_hot peak_memory_mb; do
        number "$name" >/dev/null
    done
    [ "$(printf '%.0f' "$(number tokens_per_step)")" -eq 384 ] || fail "16 rows of 24 are 384 tokens"
    bench_ends 0 train --model "$SOURCE/examples/tiny-bert" --batching grouped --steps 2 \
        --data "$SOURCE/examples/library/train.jsonl" --checkpointing
    says '^precision +fp32$'
}

# Between 1 and 1.1: attention's probabilities are computed a second time in backward.
parts_of_a_step_add_up() {
    bench_ends 0 core --part step --shape tiny --length 24 --milliseconds 1 --steps 40 --symbols
    for part in 'products of dense layers' 'products of attention' 'LayerNorm' 'optimizer' waiting; do
        says "^$part.* [0-9.]+ +[0-9.]+$"
    done
    says '^  weight gradient, 64 to 192 '
    awk '/^useful:/ { useful = $(NF - 5); counted = $(NF - 1) }
        END { exit !(counted >= useful && counted <= 1.1 * useful) }' "$scratch/said" ||
        fail "the products counted are not those of the formula"
    # A sanitizer delays signals.
    grep -q '^FINETUNED_SANITIZE:[A-Z]*=.' "$BUILD/CMakeCache.txt" ||
        awk '/^sum of the parts/ { sum = $5 } /^measured/ { measured = $2 }
            END { exit !(sum > 0.85 * measured && sum < 1.15 * measured) }' "$scratch/said" ||
        fail "the parts do not add up to the whole"
}

operators_and_products_are_measured() {
    bench_ends 0 core --part operators --shape tiny --milliseconds 1
    for operator in dropout residual_norm softmax_dropout gelu adam 'attention of a row, backward'; do
        says "^$operator +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ G"
    done
    bench_ends 0 core --part products --shape tiny --milliseconds 1
    says ', fp32: hot rate [0-9.]+ GFLOP/s'
    says '^query, key, value, weight gradient +TN +192 +64 +512 '
}

growth_is_shown() {
    bench_ends 0 scale --shape tiny --longest 32 --batch 4 --steps 2
    [ "$(grep -cE '^ +(16|32) +(64|128) ' "$scratch/said")" -eq 2 ] || fail "two lengths, other rows"
}

predictions_are_measured() {
    bench_ends 0 predict --shape tiny --rows 20 --rounds 2 --singles 10 --json
    for name in rows_per_second one_row_p50_ms one_row_p99_ms; do
        number "$name" >/dev/null
    done
    [ "$(printf '%.0f' "$(number tokens_per_row)")" -eq 16 ] || fail "rows have 16 tokens"
}

the_tokenizer_is_measured() {
    bench_ends 0 tokenize --shape tiny --rows 600 --rounds 2 --json
    number texts_per_second_one >/dev/null
    [ "$(printf '%.0f' "$(number tokens_per_text)")" -eq 16 ] || fail "texts have 16 tokens"
}

# A row and its tokens are K numbers each, or K a token, and a row does not depend on its neighbours.
logits_are_printed() {
    local fixtures=$SOURCE/tests/fixtures/families
    printf '2 3 4\n5 6:1\n2 3 4\n' | "$BUILD/bench" logits "$fixtures/bert_mean" >"$scratch/said"
    [ "$(awk '{ print NF }' "$scratch/said" | xargs)" = '3 3 3' ] || fail "not 3 logits a row"
    [ "$(sed -n 1p "$scratch/said")" = "$(sed -n 3p "$scratch/said")" ] || fail "rows differ"
    printf '2 3 4\n5 6\n' | "$BUILD/bench" logits "$fixtures/roberta_tokens" >"$scratch/said"
    [ "$(awk '{ print NF }' "$scratch/said" | xargs)" = '15 10' ] || fail "not 5 logits a token"
    bench_ends 1 logits "$fixtures/roberta_tokens"
    complains 'there are no rows'
}

# The promise about streams does not depend on the machine's load: 1,000 that have nothing to say take
# less than 64 MiB (a sanitizer keeps what was freed, so not there) and no thread.
a_full_database_is_asked() {
    local streams=1000
    [ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -gt 2200 ] || streams=100
    bench_ends 0 store --jobs 20 --points 200 --steps 2000 --requests 3 --streams $streams --json
    for name in jobs_page_of_100_p99_ms metrics_page_of_1000_p99_ms max_points_500_cpu_ms; do
        number "$name" >/dev/null
    done
    grep -q '"streams_threads":0[.0]*[,}]' "$scratch/said" || fail "streams take threads"
    if grep -q '^FINETUNED_SANITIZE:[A-Z]*=$' "$BUILD/CMakeCache.txt"; then
        awk -v m="$(number streams_memory_mib)" 'BEGIN { exit !(m < 64) }' ||
            fail "$streams idle streams take $(number streams_memory_mib) MiB"
    fi
}

mistakes_are_refused() {
    bench_ends 2
    bench_ends 2 trian
    complains "no subcommand 'trian'"
    bench_ends 2 train --step 3
    complains "unknown option '--step'; did you mean '--steps'"
    bench_ends 2 train --precision fp16
    complains 'it must be fp32, bf16 or auto'
    bench_ends 1 train --shape large
    complains "'large' is no shape"
    bench_ends 1 train --engine abacus
    complains "'abacus' is no engine"
    bench_ends 1 core --part heart
    complains 'parts are products, operators, step'
    bench_ends 1 tokenize --data "$scratch/absent.jsonl"
    complains 'absent.jsonl'
}

helps_are_printed() {
    local name
    for name in core train scale predict tokenize logits store; do
        bench_ends 0 "$name" --help
        says "^Usage: bench $name"
        awk 'length($0) > 80 { exit 1 }' "$scratch/said" || fail "$name --help is wider than 80"
    done
}

training_is_measured
parts_of_a_step_add_up
operators_and_products_are_measured
growth_is_shown
predictions_are_measured
the_tokenizer_is_measured
logits_are_printed
a_full_database_is_asked
mistakes_are_refused
helps_are_printed
echo "all is well"
