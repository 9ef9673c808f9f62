#!/bin/sh
# The daemon against its own document: schemathesis makes requests from /openapi.json and holds every
# answer to it (status, headers, type, schema, no 5xx). Afterwards the daemon must live and its log be
# free of errors.
#
#     tests/clients/contract.sh DAEMON [EXAMPLES [OPTION...]]
#
# SCHEMATHESIS names the program (else it is installed from PyPI into a virtual environment in the
# scratch folder). EXAMPLES a request kind, 200 when nothing is said; OPTIONs go to schemathesis.
# KEEP=FILE keeps the daemon's log.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
daemon=${1:?usage: contract.sh DAEMON [EXAMPLES [OPTION...]]}
examples=${2:-200}
shift $(($# > 2 ? 2 : $#))

scratch=$(mktemp -d)
pid=
clean() {
    [ -z "$pid" ] || kill "$pid" 2>"/dev/null" || true
    [ -z "$pid" ] || wait "$pid" || true
    [ -z "${KEEP:-}" ] || cp "$scratch/log" "$KEEP"
    rm -rf "$scratch"
}
trap clean EXIT

if [ -z "${SCHEMATHESIS:-}" ]; then
    python3 -m venv "$scratch/venv"
    "$scratch/venv/bin/pip" install --quiet schemathesis
    SCHEMATHESIS=$scratch/venv/bin/schemathesis
fi

mkdir "$scratch/models"
cp -R "$root/examples/tiny-bert" "$scratch/models/tiny"
"$daemon" --listen 127.0.0.1:0 --data-dir "$scratch/data" --models-dir "$scratch/models" \
    --port-file "$scratch/port" --threads 1 2>"$scratch/log" >"$scratch/out" &
pid=$!
for _ in $(seq 200); do
    [ -s "$scratch/port" ] && break
    kill -0 "$pid" || { cat "$scratch/log"; exit 1; }
    sleep 0.1
done
url=http://127.0.0.1:$(cat "$scratch/port")

# value NAME: of a member of the JSON on standard input, its first.
value() {
    python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}
upload() {
    curl -sS "$url/v1/files" -F purpose=fine-tune -F "file=@$1" | value id
}
create() {
    curl -sS "$url/v1/fine_tuning/jobs" -H 'Content-Type: application/json' -d "$1" | value id
}

# quick: a job of three steps that has ended; prints its id.
quick() {
    quick_job=$(create '{"model": "tiny", "training_file": "'"$1"'", "max_steps": 3, "metadata": {"a": "b"}}')
    for _ in $(seq 600); do
        curl -sS "$url/v1/fine_tuning/jobs/$quick_job" >"$scratch/job"
        case $(value status <"$scratch/job") in succeeded | failed) break ;; esac
        sleep 0.1
    done
    value fine_tuned_model <"$scratch/job" >"$scratch/model"
    echo "$quick_job"
}
begin_upload() {
    curl -sS "$url/v1/uploads" -H 'Content-Type: application/json' \
        -d '{"filename": "a.jsonl", "purpose": "fine-tune", "bytes": 10, "mime_type": "text/jsonl"}' | value id
}

# Something of each kind: files good and bad, jobs that have ended, with their models, uploads.
file=$(upload "$root/examples/library/train.jsonl")
printf '{"text": 1}\n' >"$scratch/bad.jsonl"
bad=$(upload "$scratch/bad.jsonl")
job=$(quick "$file")
model=$(cat "$scratch/model")
[ "$model" != None ] || { cat "$scratch/job" "$scratch/log"; exit 1; }
doomed_file=$(upload "$root/examples/library/test.jsonl")
doomed_job=$(quick "$doomed_file")
cat >"$scratch/ids.json" <<IDS
{"file": ["$file", "$bad"], "job": ["$job"], "model": ["$model", "tiny"], "upload": ["$(begin_upload)"],
 "name": ["config.json"], "asset": ["page.css"],
 "doomed": {"file": ["$doomed_file"], "job": ["$doomed_job"], "model": ["$(cat "$scratch/model")", "tiny"],
            "upload": ["$(begin_upload)", "$(begin_upload)"]}}
IDS
curl -sS "$url/openapi.json" | python3 "$here/contract_document.py" "$scratch/ids.json" >"$scratch/openapi.json"

# A stream ends only when its job does, so streams come first, while their job has ended; then all else by
# itself, then chains of requests. A long poll may take 30 seconds.
result=0
attack() {
    (cd "$scratch" && "$SCHEMATHESIS" --config-file "$here/contract.toml" run openapi.json --url "$url" \
        --checks all --request-timeout 60 --max-response-time 45 --continue-on-failure "$@") || result=1
}
attack --phases coverage,fuzzing --max-examples "$examples" --include-path-regex '/stream$' "$@"
attack --phases coverage,fuzzing --max-examples "$examples" --exclude-path-regex '/stream$' "$@"
attack --phases stateful --max-examples "$(((examples + 3) / 4))" --exclude-path-regex '/stream$' "$@"

# The daemon must live, take work, and have nothing to regret.
curl -sS --fail "$url/readyz" >"$scratch/readyz" || { echo "the daemon is not ready any more"; result=1; }
kill "$pid" || true
wait "$pid" || { echo "the daemon ended with status $?"; result=1; }
pid=
if grep -E '^(error|warn)' "$scratch/log" >"$scratch/errors"; then
    echo "the daemon's log:"
    head -n 50 "$scratch/errors"
    ! grep -q '^error' "$scratch/errors" || result=1
fi
exit "$result"
