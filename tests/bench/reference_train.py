#!/usr/bin/env python3
"""The reference for training: a plain PyTorch loop over transformers' BERT, on the CPU.

Prints one JSON object: tokens_per_s (real tokens, padding not counted), rows_per_s, peak_rss_mb.
Needs torch and transformers. compare.py runs it when no other reference is named; the options are
those that it needs.
"""
import argparse
import json
import os
import random
import resource
import time


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True, help="a folder with a tokenizer and weights")
    parser.add_argument("--random-init", help="a config.json: train this shape from random weights")
    parser.add_argument("--train", required=True, help="JSON lines with text and label")
    parser.add_argument("--padding", choices=["dynamic", "max"], default="dynamic")
    parser.add_argument("--batching", choices=["shuffle", "grouped"], default="shuffle")
    parser.add_argument("--optimizer", choices=["adam", "fused"], default="adam")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--skip-steps", type=int, default=3, help="left out of the speed")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--lr", type=float, default=5e-5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    return parser.parse_args()


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def order_of(lengths, batch, grouped):
    """One epoch's rows: shuffled, or shuffled windows of 50 batches sorted by length."""
    order = list(range(len(lengths)))
    random.shuffle(order)
    if not grouped:
        return order
    window = 50 * batch
    for start in range(0, len(order), window):
        order[start:start + window] = sorted(order[start:start + window], key=lambda i: -lengths[i])
    return order


def main():
    o = options()
    import torch
    import transformers
    torch.manual_seed(o.seed)
    random.seed(o.seed)
    torch.set_num_threads(o.threads)
    rows = read(o.train)
    names = sorted({str(row["label"]) for row in rows})
    ids = {name: i for i, name in enumerate(names)}
    tokenizer = transformers.AutoTokenizer.from_pretrained(o.model)
    encoded = [tokenizer(row["text"], row.get("text_pair"), truncation=True, max_length=o.max_length)
               for row in rows]
    kind = transformers.AutoModelForSequenceClassification
    if o.random_init:
        config = transformers.AutoConfig.from_pretrained(o.random_init, num_labels=len(names))
        model = kind.from_config(config)
    else:
        model = kind.from_pretrained(o.model, num_labels=len(names), dtype=torch.float32)
    adam = {"adam": lambda p: torch.optim.Adam(p, lr=o.lr),
            "fused": lambda p: torch.optim.AdamW(p, lr=o.lr, weight_decay=0.0, fused=True)}
    optimizer = adam[o.optimizer](model.parameters())
    padding = "max_length" if o.padding == "max" else "longest"
    model.train()
    lengths = [len(e["input_ids"]) for e in encoded]
    step = tokens = counted_rows = 0
    order = []
    began = time.perf_counter()
    while step < o.steps:
        order = order or order_of(lengths, o.batch, o.batching == "grouped")
        picked, order = order[:o.batch], order[o.batch:]
        batch = tokenizer.pad([encoded[i] for i in picked], padding=padding,
                              max_length=o.max_length, return_tensors="pt")
        labels = torch.tensor([ids[str(rows[i]["label"])] for i in picked])
        if step == o.skip_steps:
            tokens = counted_rows = 0
            began = time.perf_counter()
        optimizer.zero_grad()
        loss = model(**batch, labels=labels).loss
        loss.backward()
        optimizer.step()
        loss.item()
        tokens += sum(lengths[i] for i in picked)
        counted_rows += len(picked)
        step += 1
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"tokens_per_s": tokens / seconds, "rows_per_s": counted_rows / seconds,
                      "steps": step, "peak_rss_mb": peak}))


if __name__ == "__main__":
    main()
