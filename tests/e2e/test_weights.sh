#!/usr/bin/env bash
#
# One base model in every form of weights that is read: each must train to the same model, byte for
# byte; and a file that wants to call something is refused.
#
# SOURCE is the project, BUILD the build folder. Everything lies in a temporary folder.
set -euo pipefail
export LC_ALL=C
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
models=$SOURCE/tests/fixtures/weights/model

fail() {
    echo "FAILED: $*"
    [ ! -s "$scratch/complained" ] || cut -c1-2000 "$scratch/complained"
    exit 1
}

# run BASE NAME: train on the example from that folder; the model is $scratch/NAME.
run() {
    cat >"$scratch/job.json" <<END
{"model": "$1", "training_file": "$SOURCE/examples/library/train.jsonl", "seed": 7, "max_steps": 6,
 "learning_rate": 1e-3, "threads": 2, "output_dir": "$scratch/$2"}
END
    "$BUILD/finetuned" run "$scratch/job.json" >"$scratch/said" 2>"$scratch/complained"
}

# base_hash NAME: what the trained model says of its base.
base_hash() {
    grep -o '"base_sha256": "[0-9a-f]*"' "$scratch/$1/config.json" | cut -d '"' -f 4
}

first_hash() {
    cut -d ' ' -f 1
}

run "$models/f32" f32 || fail "the model was not trained"
[ "$(base_hash f32)" = "$(sha256sum <"$models/f32/model.safetensors" | first_hash)" ] ||
    fail "the base has another hash"
cp "$scratch/f32/config.json" "$scratch/config.json"

for form in f16 bf16 f64 sharded bin bin_sharded; do
    run "$models/$form" "$form" || fail "$form was not trained"
    case $form in
    sharded) wanted=$(cd "$models/sharded" && sha256sum model-*.safetensors | sha256sum | first_hash) ;;
    bin) wanted=$(sha256sum <"$models/bin/pytorch_model.bin" | first_hash) ;;
    bin_sharded) wanted=$(cd "$models/bin_sharded" && sha256sum pytorch_model-*.bin | sha256sum | first_hash) ;;
    *) wanted=$(sha256sum <"$models/$form/model.safetensors" | first_hash) ;;
    esac
    [ "$(base_hash "$form")" = "$wanted" ] || fail "$form has another hash of its base"
    sed -i '/"base_sha256":/d' "$scratch/f32/config.json" "$scratch/$form/config.json"
    diff -r "$scratch/f32" "$scratch/$form" || fail "$form gave another model"
    [ "$(cd "$scratch/$form" && echo *.safetensors *.bin)" = 'model.safetensors *.bin' ] ||
        fail "$form was not saved as one file"
done

mkdir "$scratch/hostile"
cp "$models/f32/config.json" "$models/f32/vocab.txt" "$scratch/hostile"
cp "$SOURCE/tests/fixtures/weights/calls.bin" "$scratch/hostile/pytorch_model.bin"
if run "$scratch/hostile" none; then
    fail "a file that wants to call something was trained from"
fi
grep -q 'pytorch_model.bin.*wants to call .*system: it is not a plain weights file' \
    "$scratch/complained" "$scratch/said" || fail "the call was not named"
[ ! -e "$scratch/none" ] || fail "a model was left"

echo "ok"
