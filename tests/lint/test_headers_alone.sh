#!/bin/sh
# Each header compiles alone, as the first line of a file, without a warning.
#
# The flags are those of the build: they are taken from its compile_commands.json.
set -eu
cd "$SOURCE"
LC_ALL=C
export LC_ALL

command=$(sed -n 's/^ *"command": "\(.*\)",$/\1/p' "$BUILD/compile_commands.json" |
    grep -m 1 'core/base/err\.c') || { echo "no compile command found in $BUILD"; exit 1; }
compiler=${command%% *}
warnings=$(printf '%s' "$command" | tr ' ' '\n' | grep -E '^-(W|std=|D_GNU_SOURCE|ffp)' | tr '\n' ' ')
case $warnings in
*-Wconversion*) ;;
*) echo "the build's warnings were not found: $warnings"; exit 1 ;;
esac

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/failed"
headers=$(find core daemon api tests -name '*.h' | sort)
[ "$(echo "$headers" | wc -l)" -gt 20 ] || { echo "headers are missing: $headers"; exit 1; }

# "main.h" in a C file would be a second include: the header stands first and alone, twice, so that a
# missing guard shows too. An empty file is no C, hence the declaration.
export SOURCE compiler warnings scratch
echo "$headers" | xargs -P "$(nproc)" -I {} sh -c '
    printf "#include \"%s\"\n#include \"%s\"\nextern int header_is_alone;\n" "$1" "$1" |
        $compiler $warnings -Werror -fsyntax-only -I "$SOURCE" -x c - 2>"$scratch/$$" ||
        { echo "$1 does not compile alone:"; head -n 8 "$scratch/$$"; : >"$scratch/failed/$$"; }
' sh {}
[ -z "$(ls "$scratch/failed")" ]
