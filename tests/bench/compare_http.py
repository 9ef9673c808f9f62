"""The daemon over HTTP: start, a job's first step, the latency of one row."""
import http.client
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

from compare_run import CannotRun

PATIENCE_SECONDS = 600


def quantile(values, fraction):
    values = sorted(values)
    return values[min(len(values) - 1, int(fraction * len(values)))]


class Daemon:
    """A daemon with its own data folder, on a free port; ended when the block ends."""

    def __init__(self, options, scratch, extra_model=None):
        self.o = options
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=scratch))
        models = self.folder / "models"
        models.mkdir()
        (models / "minilm").symlink_to(os.path.abspath(options.model))
        if extra_model:
            (models / "base-shape").symlink_to(os.path.abspath(extra_model))
        with open(options.data, encoding="utf-8") as file:
            self.texts = [json.loads(line)["text"] for line in file if line.strip()]

    def __enter__(self):
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [str(self.o.build / "finetuned"), "--data-dir", str(self.folder / "data"), "--models-dir",
             str(self.folder / "models"), "--listen", "127.0.0.1:0", "--threads", str(self.o.threads)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.port = None
        for line in self.process.stderr:
            if " ready " in line:
                self.seconds_to_ready = time.perf_counter() - began
                self.port = int(line.split("address=127.0.0.1:")[1].split()[0])
                break
        if self.port is None:
            self.process.wait()
            raise CannotRun("the daemon did not start")
        # Nobody may leave the log unread: a full pipe would hold the daemon up.
        self.log = threading.Thread(target=self.process.stderr.read)
        self.log.start()
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port)
        return self

    def __exit__(self, *_):
        self.connection.close()
        self.process.terminate()
        self.process.wait()
        self.log.join()
        shutil.rmtree(self.folder, ignore_errors=True)

    def request(self, method, path, body=None, kind="application/json"):
        if isinstance(body, dict):
            body = json.dumps(body)
        self.connection.request(method, path, body, {"Content-Type": kind} if body else {})
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise CannotRun(f"{method} {path} was answered {answer.status}: {content[:300]!r}")
        return json.loads(content)

    def upload(self):
        mark = "finetuned-compare-boundary"
        parts = [f'--{mark}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n',
                 f'--{mark}\r\nContent-Disposition: form-data; name="file"; '
                 f'filename="train.jsonl"\r\n\r\n']
        body = ("".join(parts).encode() + pathlib.Path(self.o.data).read_bytes() +
                f"\r\n--{mark}--\r\n".encode())
        return self.request("POST", "/v1/files", body, f"multipart/form-data; boundary={mark}")["id"]

    def submit(self, model, **more):
        job = {"model": model, "training_file": self.upload(), "validation_split": 0, "seed": 1, **more}
        return self.request("POST", "/v1/fine_tuning/jobs", job)["id"]

    def wait(self, job, reached, pause=0.002):
        """Poll until reached(job object) is true; a failed job is refused."""
        end = time.perf_counter() + PATIENCE_SECONDS
        while time.perf_counter() < end:
            found = self.request("GET", f"/v1/fine_tuning/jobs/{job}")
            if found["status"] == "failed":
                raise CannotRun(f"the job failed: {found['error']['message']}")
            if reached(found):
                return found
            time.sleep(pause)
        raise CannotRun(f"a job was waited for in vain for {PATIENCE_SECONDS} s")

    def seconds_to_first_step(self):
        """
        From the POST of a job to the end of its first step. The daemon shows when the run begins (the
        engine appears in the job object) and, afterwards, how long the first step's end lay behind
        that; the sum of both. The file is uploaded before.
        """
        file = self.upload()
        began = time.perf_counter()
        job = self.request("POST", "/v1/fine_tuning/jobs",
                           {"model": "minilm", "training_file": file, "validation_split": 0,
                            "max_steps": 1, "batch_size": 32, "seed": 1})["id"]
        self.wait(job, lambda found: found["resources"]["engine"] is not None)
        run_began = time.perf_counter() - began
        done = self.wait(job, lambda found: found["status"] == "succeeded", pause=0.1)
        return run_began + done["progress"]["seconds_elapsed"]

    def one_row(self, model, singles):
        """Milliseconds of each of some requests of one text, over one connection."""
        times = []
        for i in range(singles):
            body = json.dumps({"model": model, "input": [self.texts[i % len(self.texts)]]})
            began = time.perf_counter()
            self.request("POST", "/v1/classifications", body)
            times.append(1e3 * (time.perf_counter() - began))
        return times

    def latencies(self, singles):
        """Idle, and while a job of the BERT-base shape trains on all threads."""
        done = self.wait(self.submit("minilm", max_steps=2, batch_size=32),
                         lambda found: found["status"] == "succeeded", pause=0.1)
        model = done["fine_tuned_model"]
        self.one_row(model, 10)
        idle = self.one_row(model, singles)
        job = self.submit("base-shape", max_steps=100000, batch_size=32)
        self.wait(job, lambda found: found["progress"]["step"] >= 1, pause=0.1)
        busy = self.one_row(model, singles)
        self.request("POST", f"/v1/fine_tuning/jobs/{job}/cancel")
        return {"p50_ms": quantile(idle, 0.5), "p99_ms": quantile(idle, 0.99),
                "busy_p50_ms": quantile(busy, 0.5), "busy_p99_ms": quantile(busy, 0.99)}
