"""A finetuned daemon under test: start, stop, kill, ask. Standard library only."""
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

FINAL = ("succeeded", "failed", "cancelled")


class Gone(Exception):
    """The daemon did not answer: it is being killed, or starts."""


class Refused(Exception):
    """An answer of 400 and more."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body
        self.code = body.get("error", {}).get("code") if isinstance(body, dict) else None


class Daemon:
    running = set()  # processes, for end_all

    def __init__(self, program, models_dir, data_dir, *options, log=None):
        self.program, self.data_dir = str(program), pathlib.Path(data_dir)
        self.options = ["--models-dir", str(models_dir), *map(str, options)]
        self.log = pathlib.Path(log or f"{data_dir}.log")
        self.port_file = self.log.with_name(self.log.name + ".port")
        self.process, self.port = None, None

    def start(self, patience=60):
        """Start and wait for the port file; several starts append to one log."""
        self.port_file.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "--data-dir", self.data_dir, "--listen", f"127.0.0.1:{self.port or 0}",
                 "--port-file", self.port_file, *self.options], stdin=subprocess.DEVNULL, stderr=log)
        Daemon.running.add(self.process)
        end = time.monotonic() + patience
        while not (self.port_file.exists() and self.port_file.read_text().strip()):
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"the daemon did not start; see {self.log}")
            time.sleep(0.005)
        self.port = int(self.port_file.read_text())
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()
        Daemon.running.discard(self.process)

    @staticmethod
    def end_all():
        """What a failed test has left running."""
        while Daemon.running:
            process = Daemon.running.pop()
            process.kill()
            process.wait()

    def stop(self, patience=60):
        """SIGTERM; returns the seconds that it took. The exit status must be 0."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(patience)
        Daemon.running.discard(self.process)
        assert status == 0, f"SIGTERM ended the daemon with {status}"
        return time.monotonic() - begin

    def check_whole(self):
        """After a stop: the database holds together, and every file that it names is there and whole."""
        found = subprocess.run([self.program, "doctor", "--data-dir", self.data_dir, *self.options[:2], "--json"],
                               check=False, capture_output=True, text=True)
        states = {check["name"]: check for check in json.loads(found.stdout)["checks"]}
        for name in ("database", "stored"):
            assert states[name]["status"] == "ok", states[name]

    def ask(self, method, path, body=None, headers=None, timeout=60):
        """One request on its own connection: the decoded JSON, or bytes of what is no JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Gone(str(error)) from error
        finally:
            connection.close()
        kind = answer.getheader("Content-Type") or ""
        if "json" in kind:
            data = json.loads(data)
        if answer.status >= 400:
            raise Refused(answer.status, data)
        return data

    def upload(self, path, purpose="fine-tune"):
        boundary = "finetuned-test"
        path = pathlib.Path(path)
        body = b"".join([
            f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n{purpose}\r\n'.encode(),
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n\r\n'.encode(),
            path.read_bytes(), f"\r\n--{boundary}--\r\n".encode()])
        return self.ask("POST", "/v1/files", body,
                        {"Content-Type": f"multipart/form-data; boundary={boundary}"})["id"]

    def pages(self, path, limit=100):
        """All items of a list, page by page."""
        after = ""
        while True:
            mark = "&" if "?" in path else "?"
            page = self.ask("GET", f"{path}{mark}limit={limit}{after}")
            yield from page["data"]
            if not page["has_more"]:
                return
            after = f"&after={page['data'][-1]['id']}"

    def points(self, job):
        """All metric points of a job."""
        found, after = [], -1
        while True:
            page = self.ask("GET", f"/v1/fine_tuning/jobs/{job}/metrics?limit=1000&after_step={after}")
            found += page["data"]
            if not page["has_more"]:
                return found
            after = found[-1]["step"]

    def wait(self, job, patience=600):
        """Poll until a job has ended."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            state = self.ask("GET", f"/v1/fine_tuning/jobs/{job}")
            if state["status"] in FINAL:
                return state
            time.sleep(0.02)
        raise AssertionError(f"{job} did not end within {patience} s: {state['status']}")

    def resident_bytes(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        return 0

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


# What differs between two runs of the same job although the job did the same.
CLOCKS = ("rows_per_second", "tokens_per_second")


def outcome(daemon, job_id):
    """What a finished job came to, without clocks and ids: model bytes, points, measures."""
    job = daemon.ask("GET", f"/v1/fine_tuning/jobs/{job_id}")
    files = daemon.ask("GET", f"/v1/models/{job['fine_tuned_model']}/files")["data"]
    points = [(p["step"], {k: v for k, v in p["values"].items() if k not in CLOCKS})
              for p in daemon.points(job_id)]
    return {
        "files": sorted((f["name"], f["sha256"]) for f in files),
        "points": points,
        "metrics": {k: v for k, v in job["metrics"].items() if k not in CLOCKS},
        "trained_tokens": job["trained_tokens"],
    }


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
