#!/bin/sh
# Rules of style that a grep can hold honestly. Each rule prints what breaks it.
#
# With a FOLDER as argument that tree is judged instead of the project: the test calls itself so, on
# one small tree for each rule with an offence planted in it, to see that the rule finds it.
set -eu
LC_ALL=C
export LC_ALL
me=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cd "${1:-$SOURCE}"
find core daemon api tests -name '*.[ch]' | sort >"$scratch/files"

# files PATTERN [WITHOUT]: whose path matches; /dev/null keeps a grep without any from waiting.
files() {
    grep -e "$1" "$scratch/files" | grep -v -e "${2:-^\$}" || true
    echo /dev/null
}

# complain SENTENCE: reads offenders from standard input; none is good.
complain() {
    cat >"$scratch/found"
    if [ -s "$scratch/found" ]; then
        printf '%s:\n' "$1"
        cat "$scratch/found"
        : >"$scratch/broken"
    fi
}

all=$(files .)
product_c=$(files '\.c$' '^tests/')

for file in $(cat "$scratch/files"); do
    case $(head -c 2 "$file") in '/*') ;; *) echo "$file" ;; esac
done | complain "a file opens with a comment that says what it is for"

grep -Hn '	' $all | cut -c1-100 | complain "no tabs"
grep -Hn '[ 	]$' $all | cut -c1-100 | complain "no blanks at the end of a line"

# Columns, not bytes: continuation bytes of UTF-8 are taken out. Generated tables may be wider and
# longer.
written=$(files . '_\(tables\|generated\)\.[ch]$')
for file in $written; do
    tr -d '\200-\277' <"$file" | awk -v file="$file" '
        length($0) > 100 { print file ":" NR ": " length($0) " columns" }
        END { if (NR > 600) print file ": " NR " lines" }'
done | complain "no line over 100 columns, no file over 600 lines"

for file in $(files '\.h$'); do
    guard=$(echo "$file" | tr 'a-z/.-' 'A-Z___')
    [ "$file" = /dev/null ] || grep -q "^#ifndef $guard\$" "$file" || echo "$file: wants $guard"
done | complain "a header is guarded by its own path"

# The words are looked for inside string literals only.
elsewhere=$(files . '^\(daemon/store\|tests\)/')
grep -HnE '"[^"]*\b(SELECT .* FROM|INSERT INTO|UPDATE .* SET|DELETE FROM|CREATE TABLE|PRAGMA) ' \
    $elsewhere | complain "SQL only in daemon/store"
grep -HnE '\bsqlite3_' $elsewhere | complain "sqlite3 is called in daemon/store only"
# Those three run the table of statements.c, settings, and migrations; so a test sees every other plan.
grep -HnE '\bsqlite3_(prepare|exec)' $(files '^daemon/store/' '^daemon/store/\(query\|db\|migrate\)\.c$') |
    complain "statements are run from the table in statements.c only"

# A variable of a file begins in column 0 and its line has ';' or '=' but no parenthesis before. It is
# constant when const stands behind its last '*', or anywhere when it is no pointer. The log level and
# the signal flag are the two that are allowed.
awk '
    /^[a-z]/ && !/^(enum|struct|union) *[a-z_]* *\{|^(typedef|extern|return|goto) |^(enum|struct|union) [a-z_]+;/ {
        declarator = $0
        sub(/ *=.*/, "", declarator)
        if (declarator ~ /\(/ || $0 !~ /[;=]/ || declarator ~ /^[a-z_]+:/)
            next
        sub(/.*\*/, "", declarator)
        if (declarator !~ /(^|[^a-z_])const /)
            print FILENAME ":" FNR ": " $0
    }' $product_c | grep -vE '^daemon/(log|signals)\.c:' |
    complain "no mutable file-scope state but the log level and the signal flag"

grep -HnE '\b(strcpy|strcat|sprintf|vsprintf|gets|alloca|atoi|atol|atof|strtok|s?rand|system|popen|tmpnam|mktemp)\(' \
    $product_c | complain "functions that have a safer twin"
grep -HnE '\b(exit|abort|_exit|_Exit)\(' $(files '^core/.*\.c$' '^core/base/') |
    complain "core reports; it does not end the process"
grep -HnE '\b(v?f?printf|puts|perror|syslog)\(' $(files '^core/.*\.c$') |
    complain "core neither prints nor logs"
grep -HnE '\b(TODO|FIXME|XXX|HACK)\b|(not implemented|unimplemented)\b' $all | grep -v '\.XXXXXX\|-XXXXXX' |
    complain "no unfinished marks"
grep -HnE '^typedef (struct|enum)( [a-z_]+)? (\{|[a-z_]+;)|^typedef (struct|enum) *\{|^\} [A-Za-z_]+_t;$' $all | complain "no typedef hides a struct"

# So that grep '^name(' finds a definition. Prototypes end in ';' and may stand on one line.
awk '
    FNR == 1 { start = "" }
    /^(static )?(const )?((struct|enum) )?[a-z_0-9]+ \**[a-z_0-9]+\(/ { start = FILENAME ":" FNR ": " $0 }
    start != "" && /;$/ { start = "" }
    start != "" && /^\{|\{$|\)$/ { print start; start = "" }' $(files '\.c$') |
    complain "a function's return type stands on its own line"

if [ $# -gt 0 ] || [ -e "$scratch/broken" ]; then
    [ ! -e "$scratch/broken" ]
    exit
fi

[ "$(wc -l <"$scratch/files")" -gt 40 ] || { echo "sources are missing: is SOURCE right?"; exit 1; }

# plant FILE SENTENCE TEXT...: a tree with FILE (an opening comment, then a line for each TEXT) must be
# refused with SENTENCE. plant - - makes the same tree without an offence, which must pass.
plant() {
    file=$1 sentence=$2
    shift 2
    rm -rf "$scratch/tree"
    mkdir -p "$scratch/tree/core/base" "$scratch/tree/daemon/store" "$scratch/tree/api" "$scratch/tree/tests"
    printf '/* Good. */\nstatic const int one = 1;\nstatic const char *const names[] = {"a"};\n\nint\nf(void)\n{\n    return one;\n}\n' \
        >"$scratch/tree/core/good.c"
    [ "$file" = - ] || {
        echo '/* Planted. */'
        printf '%s\n' "$@"
    } >"$scratch/tree/${file#-}"
    "$me" "$scratch/tree" >"$scratch/said" && [ "$file" != - ] && {
        echo "an offence was not noticed in $file: $*"
        exit 1
    }
    [ "$file" = - ] || grep -qF "$sentence" "$scratch/said" || {
        echo "an offence in $file was reported wrongly: $*"
        cat "$scratch/said"
        exit 1
    }
}
plant - - && [ ! -s "$scratch/said" ] || { echo "a good tree was refused:"; cat "$scratch/said"; exit 1; }
plant core/a.c "no tabs" "	int x;"
plant core/a.c "no blanks at the end" "int f(void); "
plant core/a.c "no line over 100" "/* $(printf '%0100d' 0) */"
plant core/a.c "no file over 600" "$(yes '/* . */' | head -n 600)"
plant core/a.h "guarded by its own path" "#ifndef A_H" "#define A_H" "#endif"
plant api/a.c "SQL only in" 'const char *const q = "SELECT id FROM jobs";'
plant daemon/a.c "sqlite3 is called" "int f(void) {" "    return sqlite3_open(0, 0);" "}"
plant daemon/store/a.c "statements are run from" "int f(void) {" "    return sqlite3_exec(0, 0, 0, 0, 0);" "}"
plant daemon/a.c "no mutable file-scope" "static int counter;"
plant daemon/a.c "no mutable file-scope" "static const char *last = NULL;"
plant daemon/a.c "no mutable file-scope" "struct thing *things[4];"
plant daemon/a.c "safer twin" "    strcpy(a, b);"
plant core/a.c "does not end the process" "    abort();"
plant core/a.c "neither prints nor logs" '    fprintf(stderr, "x");'
plant api/a.c "unfinished marks" "/* TO""DO: later */"
plant core/a.c "no typedef hides" "typedef struct {"
plant core/a.c "return type stands" "static int add(int a, int b)"
