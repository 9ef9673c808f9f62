#!/bin/sh
# README, sample configuration and examples against the tables in the source: the same names, both ways.
set -eu
cd "$SOURCE"
LC_ALL=C
export LC_ALL
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# compare WHAT: the names in $scratch/source and $scratch/docs must be the same, and some.
compare() {
    sort -u "$scratch/source" >"$scratch/a"
    sort -u "$scratch/docs" >"$scratch/b"
    [ -s "$scratch/a" ] || { echo "$1: no names found in the source: has the table moved?"; exit 1; }
    cmp -s "$scratch/a" "$scratch/b" && return
    echo "$1: only in the source (<) or only in the documents (>):"
    diff "$scratch/a" "$scratch/b" | grep '^[<>]'
    exit 1
}

# section TITLE: the README's lines below a heading, up to the next one.
section() {
    awk -v title="$1" '/^#/ { inside = ($0 ~ "^#+ " title "$") } inside' README.md
}

# The first `word` of each row of a table.
first_cells() {
    sed -n 's/^| `\([^`]*\)`.*/\1/p'
}

sed -n 's/.*{\.name = "\([a-z_]*\)".*/\1/p' daemon/job_params_table.c >"$scratch/source"
{
    section "Parameters of a job" | first_cells
    section "Parameters of a job" | sed -n '/^Known by name/,/^$/p' | grep -o '`[a-z_]*`' | tr -d '`' |
        grep -v '^not_supported_yet$'
} >"$scratch/docs"
compare "parameters of a job"

sed -n 's/^ *KEY(\([a-z_]*\),.*/\1/p' daemon/config_keys.h >"$scratch/source"
section Configuration | first_cells >"$scratch/docs"
compare "configuration keys in the README"
sed -n 's/^#\{0,1\}\([a-z_]*\) = .*/\1/p' systemd/finetuned.conf >"$scratch/docs"
compare "configuration keys in systemd/finetuned.conf"

sed -n 's/^ *{"\([A-Z]*\)", \(JOBS \)\{0,1\}\(JOBS\)\{0,1\}"\{0,1\}\([^",]*\)"\{0,1\}, BODY.*/\1 \2\3\4/p' api/routes.c |
    sed 's#JOBS *#/v1/fine_tuning/jobs#' >"$scratch/source"
[ "$(wc -l <"$scratch/source")" -eq "$(grep -c ', BODY_' api/routes.c)" ] || {
    echo "routes: not every row of api/routes.c was understood:"
    cat "$scratch/source"
    exit 1
}
section "HTTP interface" | first_cells >"$scratch/docs"
compare "endpoints"

sed -n 's/.*\[METRIC_[A-Z_]*\] = .*"\([a-z_]*\)".*/\1/p' core/train/metrics.c >"$scratch/source"
section Metrics | grep -o '`[a-z_]*`' | tr -d '`' >"$scratch/docs"
compare "metrics"

sed -n 's/^    {\.name = "\([a-z]*\)[ a-z]*",.*/\1/p' api/client/commands.c >"$scratch/source"
section Programs | grep -o '^`finetunectl` has the commands [^;]*' | grep -o '`[a-z]*`' | tr -d '`' |
    grep -v finetunectl >"$scratch/docs"
compare "commands of finetunectl"

examples/tiny-bert/make-vocab.sh examples/library/train.jsonl | cmp - examples/tiny-bert/vocab.txt
[ "$(wc -l <examples/tiny-bert/vocab.txt)" -eq \
    "$(sed -n 's/.*"vocab_size": \([0-9]*\).*/\1/p' examples/tiny-bert/config.json)" ] || {
    echo "examples/tiny-bert: vocab_size and vocab.txt differ"
    exit 1
}

# Links between the documents lead somewhere.
for file in README.md CONTRIBUTING.md examples/README.md; do
    grep -o '](\([^)#]*\))' "$file" | sed 's/^](//; s/)$//' | while read -r target; do
        case $target in http*) continue ;; esac
        [ -e "$(dirname "$file")/$target" ] || echo "$file: $target does not exist"
    done
done >"$scratch/broken"
cat "$scratch/broken"
[ ! -s "$scratch/broken" ]
