#!/usr/bin/env python3
"""Set finetuned beside the reference: both run in turn, several rounds, in one go.

    tests/bench/compare.py --model DIR --data TRAIN.jsonl --vocab VOCAB.txt
        [--build build/release] [--parts a,b] [--rounds N] [--threads N] [--quick]
        [--reference SCRIPT] [--results FILE] [--speed SPEED.md]

The reference (PyTorch, transformers, ONNX Runtime, tokenizers) is run by the Python that runs this.
DIR is a MiniLM-L6-H384 with weights; VOCAB.txt serves the BERT-base shape, whose weights are random.
Each figure is a ratio of medians; its spread is the least and the greatest ratio of one round. What
cannot be run is said, and does not stop the others. Results are kept in a JSON file, so that parts
may be run one by one on one processor; from all of them the generated section of SPEED.md is written.
The load of the machine is noted beside every part: a figure from a busy machine is worth little.
"""
import argparse
import datetime
import json
import os
import pathlib
import shutil
import signal
import statistics
import sys
import tempfile

sys.dont_write_bytecode = True  # no __pycache__ in the source
import compare_http
import compare_report
from compare_run import CannotRun, Runner

class Comparison:
    """What every part needs: options, a scratch folder, and a way to run programs."""

    def __init__(self, options, scratch):
        self.o = options
        self.scratch = pathlib.Path(scratch)
        self.run = Runner(options, self.scratch)
        self.rows = []
        self.texts = []

    def steps(self, usual):
        return max(2, usual // 8) if self.o.quick else usual

    def take_turns(self, **runs):
        """Run each in turn, round after round: name -> list of results, one a round."""
        results = {name: [] for name in runs}
        for number in range(self.o.rounds):
            for name, call in runs.items():
                print(f"  round {number + 1} of {self.o.rounds}: {name}", flush=True)
                results[name].append(call())
        return results

    def ratio(self, what, against, wanted, ours, theirs, unit, higher=True):
        """One row: ours over theirs. higher: at least `wanted`, else at most."""
        ratios = [a / b for a, b in zip(ours, theirs)]
        self.rows.append({
            "what": what, "against": against, "wanted": wanted, "higher": higher,
            "measured": statistics.median(ours) / statistics.median(theirs),
            "low": min(ratios), "high": max(ratios),
            "ours": statistics.median(ours), "theirs": statistics.median(theirs), "unit": unit})

    def value(self, what, against, wanted, values, unit, higher=True):
        """One row that is no ratio."""
        self.rows.append({"what": what, "against": against, "wanted": wanted, "higher": higher,
                          "measured": statistics.median(values), "low": min(values),
                          "high": max(values), "ours": None, "theirs": None, "unit": unit})

    def text(self, title, lines):
        self.texts.append({"title": title, "lines": lines})


def of(results, key):
    return [result[key] for result in results]


# ---- parts ----------------------------------------------------------------------------------------

def minilm(c):
    """MiniLM on banking77: speed and memory beside PyTorch."""
    ours = c.steps(60)
    data = ["--model", c.o.model, "--data", c.o.data]
    found = c.take_turns(
        ours=lambda: c.run.bench("train", *data, "--steps", ours),
        grouped=lambda: c.run.reference_train("grouped", steps=c.steps(40)),
        plain=lambda: c.run.reference_train("plain", steps=c.steps(24)),
        padded=lambda: c.run.reference_train("padded", steps=c.steps(16)))
    speed = of(found["ours"], "tokens_per_second")
    for name, words, wanted in (("grouped", "PyTorch: grouped, fused AdamW", 2.0),
                                ("plain", "PyTorch: the plain loop", 5.6),
                                ("padded", "PyTorch: pad to 128", 15)):
        c.ratio("MiniLM, banking77, batch 32, fp32: training tokens/s", words, wanted, speed,
                of(found[name], "tokens_per_s"), "tokens/s")
    c.value("MiniLM, banking77: useful GFLOP/s of a step", "hot rate, same run", 72,
            of(found["ours"], "percent_of_hot"), "%")
    job = c.run.job(c.o.model, ours)
    best = min(min(of(found[name], "peak_rss_mb")) for name in ("grouped", "plain", "padded"))
    c.ratio("MiniLM job: peak memory, whole process", "PyTorch: its best", 0.2,
            [job["resources"]["peak_memory_bytes"] / 2**20], [best], "MB", higher=False)


def base(c):
    """The BERT-base shape on banking77: speed and memory beside PyTorch."""
    folder = c.run.base_folder()
    ours = c.steps(10)
    found = c.take_turns(
        ours=lambda: c.run.bench("train", "--model", folder, "--data", c.o.data, "--steps", ours),
        grouped=lambda: c.run.reference_train("grouped", steps=c.steps(10), shape=folder),
        plain=lambda: c.run.reference_train("plain", steps=c.steps(8), shape=folder))
    speed = of(found["ours"], "tokens_per_second")
    for name, words, wanted in (("grouped", "PyTorch: grouped, fused AdamW", 1.3),
                                ("plain", "PyTorch: the plain loop", 3.4)):
        c.ratio("BERT-base shape, banking77, batch 32, fp32: training tokens/s", words, wanted,
                speed, of(found[name], "tokens_per_s"), "tokens/s")
    job = c.run.job(folder, ours)
    best = min(min(of(found[name], "peak_rss_mb")) for name in ("grouped", "plain"))
    c.ratio("BERT-base job: peak memory, whole process", "PyTorch: its best", 0.55,
            [job["resources"]["peak_memory_bytes"] / 2**20], [best], "MB", higher=False)


def floor(c):
    """Full rows: the whole step beside the engine's hot rate in the same run."""
    full = ["--rows", 128, "--length", 128]
    found = c.take_turns(
        base=lambda: c.run.bench("train", "--model", c.run.base_folder(), *full, "--steps",
                                 c.steps(4), "--warmup", 1),
        minilm=lambda: c.run.bench("train", "--model", c.o.model, *full, "--steps", c.steps(16)))
    for name, words, wanted in (("base", "BERT-base shape", 78), ("minilm", "MiniLM", 74)):
        c.value(f"{words}, 32 rows of 128 tokens: useful GFLOP/s of a step", "hot rate, same run",
                wanted, of(found[name], "percent_of_hot"), "%")


def bf16(c):
    """bf16 beside our own fp32."""
    data = ["--data", c.o.data, "--precision"]
    folder = c.run.base_folder()
    found = c.take_turns(
        fp32=lambda: c.run.bench("train", "--model", folder, *data, "fp32", "--steps", c.steps(8)),
        bf16=lambda: c.run.bench("train", "--model", folder, *data, "bf16", "--steps", c.steps(8)),
        small32=lambda: c.run.bench("train", "--model", c.o.model, *data, "fp32", "--steps",
                                    c.steps(40)),
        small16=lambda: c.run.bench("train", "--model", c.o.model, *data, "bf16", "--steps",
                                    c.steps(40)))
    for ours, theirs, words, wanted in (("bf16", "fp32", "BERT-base shape", 1.6),
                                        ("small16", "small32", "MiniLM", None)):
        c.ratio(f"{words}, banking77, bf16: training tokens/s", "our fp32", wanted,
                of(found[ours], "tokens_per_second"), of(found[theirs], "tokens_per_second"),
                "tokens/s")


def threads(c):
    """One thread to two."""
    for folder, words, usual in ((c.o.model, "MiniLM", 24), (c.run.base_folder(), "BERT-base shape", 4)):
        train = ["train", "--model", folder, "--data", c.o.data, "--steps", c.steps(usual)]
        found = c.take_turns(one=lambda: c.run.bench(*train, threads=1),
                             two=lambda: c.run.bench(*train, threads=2))
        c.ratio(f"{words}: two threads", "one thread", 1.9, of(found["two"], "tokens_per_second"),
                of(found["one"], "tokens_per_second"), "tokens/s")


def start(c):
    """Start of the daemon, and of a job over HTTP."""
    ready, first = [], []
    for _ in range(c.o.rounds):
        with compare_http.Daemon(c.o, c.scratch) as daemon:
            ready.append(1e3 * daemon.seconds_to_ready)
            first.append(daemon.seconds_to_first_step())
    c.value("submit over HTTP to the end of the first step, MiniLM", "", 0.5, first, "s", higher=False)
    c.value("start of the daemon to ready", "", 50, ready, "ms", higher=False)


def tokenizer(c):
    """The tokenizer on one thread."""
    found = c.take_turns(
        ours=lambda: c.run.bench("tokenize", "--model", c.o.model, "--data", c.o.data),
        theirs=lambda: c.run.script("reference_tokenize.py", "--model", c.o.model, "--data", c.o.data))
    c.ratio("tokenizer, one thread, banking77", "tokenizers, encode_batch_fast", 8,
            of(found["ours"], "texts_per_second_one"), of(found["theirs"], "texts_per_s"), "texts/s")


def predict(c):
    """Prediction beside ONNX Runtime: many rows, and one row over HTTP."""
    folder, onnx = c.run.classifier()
    found = c.take_turns(
        ours=lambda: c.run.bench("predict", "--model", folder, "--data", c.o.data),
        theirs=lambda: c.run.script("reference_predict.py", "run", "--model", folder, "--onnx", onnx,
                                    "--data", c.o.data, "--threads", c.o.threads),
        http=lambda: http_latency(c))
    c.ratio("prediction, MiniLM, 2,048 rows", "ONNX Runtime, sorted batches of 32", 1.6,
            of(found["ours"], "rows_per_second"), of(found["theirs"], "rows_per_s"), "rows/s")
    for key in ("p50_ms", "p99_ms"):
        c.ratio(f"one row over HTTP with keep-alive, {key[:3]}", "ONNX Runtime in process", 1.0,
                of(found["http"], key), of(found["theirs"], key), "ms", higher=False)
    c.ratio("one row over HTTP, p99, while a BERT-base job trains", "its idle p99", 3.0,
            of(found["http"], "busy_p99_ms"), of(found["http"], "p99_ms"), "ms", higher=False)


def http_latency(c):
    with compare_http.Daemon(c.o, c.scratch, extra_model=c.run.base_folder()) as daemon:
        return daemon.latencies(singles=50 if c.o.quick else 500)


def scale(c):
    """Growth of time and memory with the tokens of a row."""
    lines = c.run.lines("bench", "scale", "--model", c.o.model, "--steps", c.steps(5), "--longest",
                        64 if c.o.quick else 512, "--threads", c.o.threads)
    c.text("MiniLM by the length of its rows", lines)


def step(c):
    """Where the time of a step goes."""
    for precision in ("fp32", "bf16"):
        try:
            lines = c.run.lines("bench", "core", "--part", "step", "--model", c.o.model, "--data",
                                c.o.data, "--steps", c.steps(60), "--threads", c.o.threads,
                                "--precision", precision)
            c.text(f"Where the time of a MiniLM step goes, {precision}", lines)
        except CannotRun as problem:
            c.text(f"Where the time of a MiniLM step goes, {precision}", [f"not run: {problem}"])


def accuracy(c):
    """bf16 and fp32 on the test file, three seeds, whole jobs: the slow part."""
    if not c.o.test:
        raise CannotRun("give --test, the test file that belongs to --data")
    points = {}
    for precision in ("fp32", "bf16"):
        points[precision] = [100 * c.run.job(c.o.model, None, test=c.o.test, precision=precision,
                                             seed=seed)["metrics"]["test_accuracy"]
                             for seed in (1, 2, 3)]
    name = pathlib.Path(c.o.data).parent.name
    c.value(f"{name}, bf16 less fp32: test accuracy, mean of 3 seeds", "our fp32", -0.5,
            [statistics.mean(points["bf16"]) - statistics.mean(points["fp32"])], "points")
    c.text(f"Test accuracy of {name}, seeds 1 to 3",
           [f"{p}: " + ", ".join(f"{v:.2f} %" for v in points[p]) for p in points])


PARTS = {part.__name__: part for part in (minilm, base, floor, bf16, threads, start, tokenizer,
                                          predict, scale, step, accuracy)}
SLOW = {"accuracy"}  # only when named


# ---- all together -----------------------------------------------------------------------------------

def parse():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="MiniLM-L6-H384 with weights")
    parser.add_argument("--data", required=True, help="banking77's training file, JSON lines")
    parser.add_argument("--test", help="its test file, for the part accuracy")
    parser.add_argument("--vocab", required=True, help="vocab.txt for the BERT-base shape")
    parser.add_argument("--build", default=here.parents[1] / "build" / "release", type=pathlib.Path)
    parser.add_argument("--parts", default=",".join(p for p in PARTS if p not in SLOW),
                        help="of " + ", ".join(PARTS) + "; default: all but " + ", ".join(SLOW))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count()))
    parser.add_argument("--quick", action="store_true", help="an eighth of the steps: a try-out")
    parser.add_argument("--reference", default=here / "reference_train.py", type=pathlib.Path,
                        help="a training script with the options of reference_train.py")
    parser.add_argument("--results", type=pathlib.Path, help="default: compare.json in --build")
    parser.add_argument("--speed", default=here / "SPEED.md", type=pathlib.Path)
    options = parser.parse_args()
    options.parts = options.parts.split(",")
    for name in options.parts:
        if name not in PARTS:
            parser.error(f"no part '{name}'; parts are {', '.join(PARTS)}")
    for path in (options.model, options.data, options.vocab):
        if not os.path.exists(path):
            parser.error(f"{path} does not exist")
    for program in ("bench", "finetuned"):
        if not shutil.which(str(options.build / program)):
            parser.error(f"{options.build / program} is not built: cmake --build --preset release")
    options.model = os.path.abspath(options.model)
    options.data = os.path.abspath(options.data)
    options.vocab = os.path.abspath(options.vocab)
    options.results = options.results or options.build / "compare.json"
    return options


def run_part(name, options, scratch):
    """What is stored of a part: its rows and tables, or why there are none."""
    c = Comparison(options, scratch)
    load = os.getloadavg()[0]
    try:
        PARTS[name](c)
        problem = None
    except CannotRun as error:
        problem = str(error)
        print(f"  not run: {problem}", flush=True)
    now = datetime.datetime.now(datetime.timezone.utc)
    return {"rows": c.rows, "texts": c.texts, "problem": problem, "load": load,
            "date": now.strftime("%Y-%m-%d"), "rounds": options.rounds, "quick": options.quick,
            "threads": options.threads}


def main():
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    stored = {"machine": None, "parts": {}}
    if options.results.exists():
        stored = json.loads(options.results.read_text())
    with tempfile.TemporaryDirectory(prefix="finetuned-compare-") as scratch:
        machine = compare_report.machine(Runner(options, pathlib.Path(scratch)))
        if stored["machine"] != machine:  # figures of another machine or version say nothing here
            stored = {"machine": machine, "parts": {}}
        for name in options.parts:
            print(f"{name}: {PARTS[name].__doc__}", flush=True)
            stored["parts"][name] = run_part(name, options, scratch)
            options.results.write_text(json.dumps(stored, indent=1))
    section = compare_report.render(stored, PARTS)
    print(section)
    compare_report.write(options.speed, section)
    return 1 if any(stored["parts"][name]["problem"] for name in options.parts) else 0


if __name__ == "__main__":
    sys.exit(main())
