#!/usr/bin/env python3
"""The reference for prediction: a fine-tuned folder exported to ONNX, run by ONNX Runtime.

    reference_predict.py export --model DIR --onnx FILE     needs torch, transformers, onnx, onnxscript
    reference_predict.py run --model DIR --onnx FILE --data FILE     needs onnxruntime, tokenizers

`run` prints one JSON object: rows_per_s over all rows in batches of 32 sorted by length (tokenizing
not counted), p50 and p99 in milliseconds of one row, from the text and from its tokens.
"""
import argparse
import json
import os
import time


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["export", "run"])
    parser.add_argument("--model", required=True)
    parser.add_argument("--onnx", required=True)
    parser.add_argument("--data")
    parser.add_argument("--rows", type=int, default=2048)
    parser.add_argument("--singles", type=int, default=500)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    return parser.parse_args()


def export(o):
    import torch
    import transformers
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        o.model, dtype=torch.float32, attn_implementation="eager")
    model.eval()
    ids = torch.ones(2, 8, dtype=torch.long)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    axes = {name: {0: "rows", 1: "tokens"} for name in names}
    with torch.inference_mode():
        torch.onnx.export(model, (ids, ids, torch.zeros_like(ids)), o.onnx, input_names=names,
                          output_names=["logits"], dynamic_axes={**axes, "logits": {0: "rows"}},
                          opset_version=18, dynamo=False)


def quantile(values, fraction):
    values = sorted(values)
    return values[min(len(values) - 1, int(fraction * len(values)))]


def run(o):
    import numpy
    import onnxruntime
    import tokenizers
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = o.threads
    settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(o.onnx, settings, providers=["CPUExecutionProvider"])
    tokenizer = tokenizers.Tokenizer.from_file(os.path.join(o.model, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(o.max_length)
    with open(o.data, encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file if line.strip()][:o.rows]

    def predict(batch):
        width = max(len(e.ids) for e in batch)
        ids = numpy.zeros((len(batch), width), dtype=numpy.int64)
        mask = numpy.zeros_like(ids)
        for row, encoded in enumerate(batch):
            ids[row, :len(encoded.ids)] = encoded.ids
            mask[row, :len(encoded.ids)] = 1
        logits = session.run(["logits"], {"input_ids": ids, "attention_mask": mask,
                                          "token_type_ids": numpy.zeros_like(ids)})[0]
        exponents = numpy.exp(logits - logits.max(axis=1, keepdims=True))
        return exponents / exponents.sum(axis=1, keepdims=True)

    encoded = tokenizer.encode_batch(texts)
    ordered = sorted(encoded, key=lambda e: len(e.ids))
    predict(ordered[:o.batch])
    rates = []
    for _ in range(3):
        began = time.perf_counter()
        for start in range(0, len(ordered), o.batch):
            predict(ordered[start:start + o.batch])
        rates.append(len(ordered) / (time.perf_counter() - began))
    whole, inner = [], []
    for i in range(o.singles):
        began = time.perf_counter()
        one = tokenizer.encode(texts[i % len(texts)])
        between = time.perf_counter()
        predict([one])
        end = time.perf_counter()
        whole.append(1e3 * (end - began))
        inner.append(1e3 * (end - between))
    print(json.dumps({"rows_per_s": quantile(rates, 0.5), "rows": len(texts),
                      "p50_ms": quantile(whole, 0.5), "p99_ms": quantile(whole, 0.99),
                      "p50_tokens_ms": quantile(inner, 0.5), "p99_tokens_ms": quantile(inner, 0.99)}))


if __name__ == "__main__":
    arguments = options()
    (export if arguments.what == "export" else run)(arguments)
