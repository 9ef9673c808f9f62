"""Running our programs and the reference's, each in a process of its own."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent

BASE = {"architectures": ["BertModel"], "model_type": "bert", "vocab_size": 0, "hidden_size": 768,
        "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
        "hidden_act": "gelu", "max_position_embeddings": 512, "type_vocab_size": 2,
        "layer_norm_eps": 1e-12, "initializer_range": 0.02, "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1, "pad_token_id": 0}

KINDS = {"grouped": ["--batching", "grouped", "--optimizer", "fused"],
         "plain": ["--batching", "shuffle", "--optimizer", "adam"],
         "padded": ["--batching", "shuffle", "--optimizer", "adam", "--padding", "max"]}


class CannotRun(Exception):
    """A program is absent or failed; the message says which and why."""


class Runner:
    def __init__(self, options, scratch):
        self.o = options
        self.scratch = scratch

    def output(self, *command):
        environment = {**os.environ, "OMP_NUM_THREADS": str(self.o.threads),
                       "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1",
                       "TRANSFORMERS_VERBOSITY": "error"}
        command = [str(part) for part in command]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=environment, check=False)
        if done.returncode != 0:
            last = (done.stderr.strip() or "no word of complaint").splitlines()[-1]
            raise CannotRun(f"{pathlib.Path(command[0]).name} {command[1]}: {last}")
        return done.stdout

    def lines(self, program, *arguments):
        return self.output(self.o.build / program, *arguments).rstrip().splitlines()

    def bench(self, *arguments, threads=None):
        threads = threads or self.o.threads
        return json.loads(self.lines("bench", *arguments, "--threads", threads, "--json")[-1])

    def script(self, name, *arguments):
        return json.loads(self.output(sys.executable, HERE / name, *arguments).splitlines()[-1])

    def reference_train(self, kind, steps, shape=None):
        """PyTorch; shape: a folder whose config.json is trained from random weights."""
        warmup = min(3, steps - 1)
        more = ["--random-init", os.path.join(shape, "config.json")] if shape else []
        command = [sys.executable, self.o.reference, "--model", self.o.model, "--train", self.o.data,
                   "--steps", steps + warmup, "--skip-steps", warmup, "--threads", self.o.threads]
        return json.loads(self.output(*command, *KINDS[kind], *more).splitlines()[-1])

    def job(self, model, steps, test=None, precision="fp32", seed=1, keep=None):
        """A whole `finetuned run`, its model saved: the job object that it prints last."""
        folder = pathlib.Path(keep) if keep else self.scratch / "job-model"
        shutil.rmtree(folder, ignore_errors=True)
        job = {"model": str(model), "training_file": self.o.data, "seed": seed,
               "precision": precision, "threads": self.o.threads, "output_dir": str(folder)}
        if steps:
            job.update(max_steps=steps, batch_size=32, validation_split=0)
        if test:
            job["test_file"] = os.path.abspath(test)
        path = self.scratch / "job.json"
        path.write_text(json.dumps(job))
        return json.loads(self.lines("finetuned", "run", path)[-1])

    def base_folder(self):
        """The BERT-base shape: config.json and the vocabulary, no weights."""
        folder = self.scratch / "base-shape"
        if not folder.exists():
            folder.mkdir()
            words = pathlib.Path(self.o.vocab).read_bytes()
            count = words.count(b"\n") + (0 if words.endswith(b"\n") else 1)
            (folder / "vocab.txt").write_bytes(words)
            (folder / "config.json").write_text(json.dumps({**BASE, "vocab_size": count}))
        return folder

    def classifier(self):
        """A fine-tuned MiniLM and its export to ONNX; what its weights are does not matter."""
        folder, onnx = self.scratch / "classifier", self.scratch / "classifier.onnx"
        if not onnx.exists():
            self.job(self.o.model, 2, keep=folder)
            self.output(sys.executable, HERE / "reference_predict.py", "export", "--model", folder,
                        "--onnx", onnx)
        return folder, onnx
