#!/usr/bin/env python3
"""The linear probe beside PyTorch's features and scikit-learn's fit, in turn, in one go.

    tests/bench/compare_probe.py --model DIR --data DIR [--build build/release] [--rounds N] [--threads N]

DIR of --data holds train.jsonl and test.jsonl ({"text", "label"}). The reference is run by the Python that
runs this (torch, transformers, scikit-learn): texts sorted by length, batches of 32, means of unit length,
centred and scaled as core/probe/probe.h says, LogisticRegression(C=10). Every round measures both, one after
the other, so that they see the same machine: PyTorch's features and scikit-learn's fit stand beside ours in the
same run. Seconds are of features and fit of the training rows: ours as the job's event tells them, the
reference's around the same work; process is the whole process by the clock, starting, reading and test rows
included, and processor its user and system seconds, which other work on the machine changes less. Accuracy is
of the test rows. The load of the machine is printed with every round: seconds from a busy machine are worth
little.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

C = 10.0
BATCH = 32


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--build", default="build/release", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16"), help="of our features")
    parser.add_argument("--reference", action="store_true", help="run the reference once and print JSON")
    return parser.parse_args()


def read(path):
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    return [row["text"] for row in rows], [row["label"] for row in rows]


def reference(o):
    import numpy as np
    import torch
    from sklearn.linear_model import LogisticRegression
    from transformers import AutoModel, AutoTokenizer

    torch.set_num_threads(o.threads)
    tokenizer, model = AutoTokenizer.from_pretrained(o.model), AutoModel.from_pretrained(o.model).eval()

    def features(texts):
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        out = np.zeros((len(texts), model.config.hidden_size), np.float32)
        with torch.inference_mode():
            for at in range(0, len(texts), BATCH):
                rows = order[at:at + BATCH]
                batch = tokenizer([texts[i] for i in rows], padding=True, truncation=True, return_tensors="pt")
                mask = batch["attention_mask"].unsqueeze(2)
                mean = (model(**batch).last_hidden_state * mask).sum(1) / mask.sum(1)
                out[rows] = torch.nn.functional.normalize(mean).numpy()
        return out

    (texts, labels), (test_texts, test_labels) = read(o.data / "train.jsonl"), read(o.data / "test.jsonl")
    began = time.monotonic()
    x = features(texts)
    featured = time.monotonic()
    mean = x.mean(axis=0)
    scale = np.sqrt(((x - mean) ** 2).sum(axis=1).mean())
    fitted = LogisticRegression(C=C, max_iter=1000).fit((x - mean) / scale, labels)
    ended = time.monotonic()
    accuracy = fitted.score((features(test_texts) - mean) / scale, test_labels)
    print(json.dumps({"features": featured - began, "fit": ended - featured, "seconds": ended - began,
                      "accuracy": accuracy}))


def watched(command, **how):
    """What a command says, and its seconds by the clock and of processor time."""
    before, began = os.times(), time.monotonic()
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **how).stdout
    process, after = time.monotonic() - began, os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return said, process, processor


def run_reference(o):
    environment = dict(os.environ, HF_HUB_OFFLINE="1", OMP_NUM_THREADS=str(o.threads),
                       OPENBLAS_NUM_THREADS=str(o.threads))
    command = [sys.executable, __file__, "--reference", "--model", o.model, "--data", o.data,
               "--threads", str(o.threads)]
    said, process, processor = watched(command, env=environment)
    return dict(json.loads(said), process=process, processor=processor)


def run_ours(o, scratch):
    job = {"model": o.model, "training_file": str(o.data / "train.jsonl"), "method": "linear_probe",
           "test_file": str(o.data / "test.jsonl"), "validation_split": 0, "baseline": False,
           "precision": o.precision, "threads": o.threads, "seed": 1}
    path = pathlib.Path(scratch) / "job.json"
    path.write_text(json.dumps(job))
    said, process, processor = watched([o.build / "finetuned", "run", path], stderr=subprocess.DEVNULL)
    lines = [json.loads(line) for line in said.splitlines()]
    seconds = next(float(found[1]) for line in lines
                   if (found := re.search(r"and ([0-9.]+) seconds", line.get("message", ""))))
    return {"seconds": seconds, "process": process, "processor": processor,
            "accuracy": lines[-1]["metrics"]["test_accuracy"]}


def main():
    o = options()
    if o.reference:
        reference(o)
        return
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(o.rounds):
            for name, run in (("finetuned", lambda: run_ours(o, scratch)), ("reference", lambda: run_reference(o))):
                load = os.getloadavg()[0]
                found = run()
                figures = "  ".join(f"{key} {value:.4g}" for key, value in found.items())
                print(f"round {number + 1}  {name:10}{figures}  (load {load:.1f} before)", flush=True)


if __name__ == "__main__":
    main()
