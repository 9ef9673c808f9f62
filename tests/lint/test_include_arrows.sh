#!/bin/sh
# The picture of ARCHITECTURE.md as a test: which layer may include which.
#
#     core           core
#     daemon/store   core, daemon/store
#     daemon/work    core, daemon/store, daemon/work, and leaves of the daemon that know nothing
#                    but words and tables: fault.h, log.h, job_params.h, job_status.h, json_append.h
#     daemon         core, daemon
#     daemon/main.c  everything: it wires the others together
#     api/client     core/base, api/client, and for its options daemon/{options,parameters,suggest}.h
#     api            core/base, api, and of the daemon the seam: service.h, fault.h, log.h, parameters.h
#
# Nobody includes tests. The leaves must be leaves: they may include core and each other only.
# Then the checker is held against copies of the tree with one bad line planted in each.
set -eu
LC_ALL=C
export LC_ALL

# check FOLDER: print "file:line includes header" for each broken arrow; fails when there is one.
check() {
    (
        cd "$1"
        find core daemon api -name '*.[ch]' -exec grep -Hn '^[ 	]*#[ 	]*include[ 	]*"' {} + |
            awk '
            function layer(path) {
                if (path ~ /^daemon\/main\.c$/) return "main"
                if (path ~ /^daemon\/(fault|log|job_params|job_status|json_append)\.h$/) return "leaf"
                if (path ~ /^daemon\/(store|work)\//) return substr(path, 1, index(substr(path, 8), "/") + 6)
                if (path ~ /^api\/client\//) return "api/client"
                return substr(path, 1, index(path, "/") - 1)
            }
            BEGIN {
                allowed["core"] = "^core/"
                allowed["daemon/store"] = "^(core|daemon/store)/"
                leaf = "daemon/(fault|log|job_params|job_status|json_append)\\.h$"
                allowed["leaf"] = "^(core/|" leaf ")"
                allowed["daemon/work"] = "^(core/|daemon/store/|daemon/work/|" leaf ")"
                allowed["daemon"] = "^(core|daemon)/"
                allowed["api/client"] = "^((core/base|api/client)/|daemon/(options|parameters|suggest)\\.h$)"
                allowed["api"] = "^(core/base/|api/|daemon/(service|fault|log|parameters)\\.h$)"
                allowed["main"] = "^(core|daemon|api)/"
                generated = "^(migrations|commit|version)\\.(inc|h)$"
            }
            {
                split($0, place, ":")
                header = $0
                sub(/^[^"]*"/, "", header)
                sub(/".*/, "", header)
                of = layer(place[1])
                to_client = header ~ /^api\/client\// && of != "api/client"
                if (header ~ generated && of !~ /^api/)
                    next
                if (header !~ allowed[of] || to_client) {
                    print place[1] ":" place[2] ": " of " must not include " header
                    broken = 1
                }
            }
            END { exit broken }'
    )
}

# A checker that has seen nothing has proved nothing.
seen=$(cd "$SOURCE" && grep -rh '^#include "' core daemon api --include='*.[ch]' | wc -l)
[ "$seen" -gt 50 ] || { echo "only $seen includes found: is SOURCE right?"; exit 1; }
check "$SOURCE" || exit 1

# plant FILE HEADER: the checker must refuse a tree where FILE includes HEADER.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
plant() {
    rm -rf "$scratch/tree"
    mkdir "$scratch/tree"
    (cd "$SOURCE" && cp -R core daemon api "$scratch/tree/")
    mkdir -p "$(dirname "$scratch/tree/$1")"
    echo "#include \"$2\"" >>"$scratch/tree/$1"
    if check "$scratch/tree" >"$scratch/said"; then
        echo "$1 including $2 was not noticed"
        exit 1
    fi
    grep -q "^$1:.* must not include $2\$" "$scratch/said" || {
        echo "$1 including $2 was reported wrongly:"
        cat "$scratch/said"
        exit 1
    }
}
plant core/base/err.c daemon/log.h
plant core/train/planted.c api/server.h
plant daemon/store/planted.c daemon/work/planted.h
plant daemon/store/planted.c daemon/service.h
plant daemon/work/planted.c daemon/service.h
plant daemon/work/planted.c daemon/config.h
plant daemon/job_params.h daemon/service.h
plant daemon/service_planted.c api/server.h
plant api/planted.c daemon/store/db.h
plant api/handlers/planted.c core/train/trainer.h
plant api/client/planted.c daemon/service.h
plant api/client/planted.c api/server.h
plant api/planted.c api/client/http.h
plant core/planted.h err.h
