#!/usr/bin/env python3
"""Accuracy beside PyTorch: every task with the same recipe, several seeds a side.

Runs what is missing of `finetuned run` and of reference_tasks.py, keeps every figure in
accuracy.json (the reference's by its versions and seed, so it need not run again) and writes
ACCURACY.md from them. One line a run; a run that was cut off is simply missing.

  accuracy.py --build DIR --model DIR --data DIR [--sets NAME,...] [--sides ours,reference] [--seeds N]
"""
import argparse
import collections
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FIGURES = HERE / "accuracy.json"
PAGE = HERE / "ACCURACY.md"

RECIPE = {"learning_rate": 2e-4, "batch_size": 32, "max_seq_length": 128}

Set = collections.namedtuple("Set", "task measures epochs rows")  # rows: the first of training; 0: all

SETS = {
    "banking77": Set("classification", ["accuracy"], 3, 0),
    "sms_spam": Set("classification", ["accuracy"], 3, 0),
    "goemotions": Set("multi_label", ["micro_f1", "macro_f1"], 2, 10000),
    "glue_stsb": Set("regression", ["pearson", "spearman"], 2, 0),
    "wnut17_ner": Set("token_classification", ["entity_f1"], 3, 0),
    "snips_slots": Set("token_classification", ["entity_f1"], 1, 0),
}
SIDES = ("ours", "reference")
FEWEST_RUNS = 3  # of a side, for a verdict


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parents[1] / "build" / "release")
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="a folder with one for each set")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--sides", default=",".join(SIDES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    o = parser.parse_args()
    o.sets, o.sides = o.sets.split(","), o.sides.split(",")
    for name, known in [*((s, SETS) for s in o.sets), *((s, SIDES) for s in o.sides)]:
        if name not in known:
            parser.error(f"there is no '{name}': {', '.join(known)}")
    return o


def load():
    return json.loads(FIGURES.read_text()) if FIGURES.exists() else []


def save(run):
    """Other processes may add their runs at the same time: each reads before it writes."""
    runs = sorted(load() + [run], key=lambda r: (list(SETS).index(r["set"]), r["side"], r["seed"]))
    beside = FIGURES.with_suffix(f".{os.getpid()}")
    beside.write_text("[\n" + ",\n".join(json.dumps(r) for r in runs) + "\n]\n")
    beside.replace(FIGURES)


def output_of(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{command[0]}: {done.stderr.strip() or 'failed'}")
    return done.stdout.strip().splitlines()[-1]


def ours(o, scratch, job, measures):
    path = scratch / "job.json"
    path.write_text(json.dumps({
        "model": str(o.model), "training_file": job["train"], "test_file": job["test"],
        "task": job["task"], "validation_split": 0, "preset": "plain", "precision": "fp32",
        "optimizer": "adamw", "weight_decay": 0, "lr_scheduler": "linear", "warmup_steps": 0,
        "learning_rate": RECIPE["learning_rate"], "n_epochs": job["epochs"],
        "batch_size": RECIPE["batch_size"], "max_seq_length": RECIPE["max_seq_length"],
        "init_head": "prior" if job["task"] == "multi_label" else "random", "batching": "grouped",
        "baseline": False, "seed": job["seed"], "threads": o.threads,
        "output_dir": str(scratch / "model")}))
    ended = json.loads(output_of([o.build / "finetuned", "run", path]))
    version = output_of([o.build / "finetuned", "--version"])
    return {"figures": {name: round(ended["metrics"][f"test_{name}"], 4) for name in measures},
            "versions": version}


def reference(o, job):
    return json.loads(output_of([
        sys.executable, HERE / "reference_tasks.py", "--model", o.model, "--task", job["task"],
        "--train", job["train"], "--test", job["test"], "--seed", job["seed"], "--threads", o.threads,
        "--epochs", job["epochs"], "--lr", RECIPE["learning_rate"], "--batch", RECIPE["batch_size"],
        "--max-length", RECIPE["max_seq_length"]]))


def first_rows(path, count, scratch):
    if count == 0:
        return str(path)
    with open(path, encoding="utf-8") as lines:
        rows = [next(lines) for _ in range(count)]
    short = scratch / "train.jsonl"
    short.write_text("".join(rows), encoding="utf-8")
    return str(short)


def run(o, name, side, seed):
    kind = SETS[name]
    with tempfile.TemporaryDirectory(prefix="accuracy-") as scratch:
        scratch = pathlib.Path(scratch)
        job = {"train": first_rows(o.data / name / "train.jsonl", kind.rows, scratch),
               "test": str(o.data / name / "test.jsonl"), "task": kind.task, "epochs": kind.epochs,
               "seed": seed}
        made = ours(o, scratch, job, kind.measures) if side == "ours" else reference(o, job)
    made = {"set": name, "side": side, "seed": seed, **made}
    print(json.dumps(made), flush=True)
    save(made)


def spread(values):
    """Mean and standard error of percentages; that of one run is not known."""
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else math.inf
    return statistics.fmean(values), error


def row(name, measure, runs):
    cells, means, errors, fewest = [], [], [], FEWEST_RUNS
    for side in SIDES:
        values = [100 * r["figures"][measure] for r in runs if r["set"] == name and r["side"] == side]
        if not values:
            return None
        mean, error = spread(values)
        fewest = min(fewest, len(values))
        means.append(mean)
        errors.append(error)
        shown = f" ({error:.2f})" if len(values) > 1 else ""
        cells += [", ".join(f"{v:.2f}" for v in values), f"{mean:.2f}{shown}"]
    allowed = max(0.5, math.hypot(*errors))
    verdict = "runs missing" if fewest < FEWEST_RUNS else "yes" if means[0] >= means[1] - allowed else "NO"
    difference = f"{means[0] - means[1]:+.2f}"
    return f"| {name} | {SETS[name].epochs} | {measure} | {' | '.join(cells)} | {difference} | {verdict} |"


def page(runs):
    versions = {side: sorted({r["versions"] for r in runs if r["side"] == side}) for side in SIDES}
    rows = [row(name, measure, runs) for name in SETS for measure in SETS[name].measures]
    goemotions = SETS["goemotions"].rows
    return f"""# Accuracy beside PyTorch

Written by accuracy.py; every run is in accuracy.json. The same recipe on both sides: MiniLM-L6, AdamW without decay,
{RECIPE['learning_rate']:g} falling linearly to 0, batches of {RECIPE['batch_size']} grouped by length, fp32, at most {RECIPE['max_seq_length']} tokens, no clipping, no
validation; the last model on the test file. Of goemotions the first {goemotions:,} training rows are used. Several labels: biases
start at the labels' log-odds, and a label is given from 0.5 on. Numbers are standardised for training on both sides.

Ours: {'; '.join(versions['ours'])}. Reference: {'; '.join(versions['reference'])}, reference_tasks.py.

Percent; means with their standard error. "Within": the mean is at or above the reference's, less half a point or one
standard error of the difference of the two means, whichever is larger.

| set | epochs | measure | ours, by seed | mean | reference, by seed | mean | difference | within |
|---|---|---|---|---|---|---|---|---|
""" + "\n".join(r for r in rows if r) + "\n"


def main():
    o = options()
    done = {(r["set"], r["side"], r["seed"]) for r in load()}
    for seed in range(1, o.seeds + 1):
        for name in o.sets:
            for side in o.sides:
                if (name, side, seed) not in done:
                    run(o, name, side, seed)
    PAGE.write_text(page(load()), encoding="utf-8")
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
