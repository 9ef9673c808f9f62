"""Hours of small jobs, cancels, polls and streams; a backup every ten seconds, each one restored.

Wanted: resident memory and descriptors in the last minute within 5 % of those in the fifth; every
backup restores and doctor finds it sound.
"""
import http.client
import random
import shutil
import statistics
import subprocess
import threading
import time

from daemon import Daemon, Gone, Refused
from kills import job_body, upload_all


class Client(threading.Thread):
    """Does one thing over and over until told to end."""

    def __init__(self, act, end, pause):
        super().__init__(daemon=True)
        self.act, self.end, self.pause = act, end, pause
        self.times, self.failure = 0, None

    def run(self):
        try:
            while time.monotonic() < self.end:
                self.act()
                self.times += 1
                time.sleep(self.pause)
        except Exception as error:  # told by the main thread
            self.failure = error


def newest_job(daemon):
    jobs = daemon.ask("GET", "/v1/fine_tuning/jobs?limit=1")["data"]
    return jobs[0]["id"] if jobs else None


def submit(daemon, files, chance):
    job = daemon.ask("POST", "/v1/fine_tuning/jobs", job_body(files, chance.randrange(1000)))
    if chance.random() < 0.2:
        try:
            daemon.ask("POST", f"/v1/fine_tuning/jobs/{job['id']}/cancel", b"")
        except Refused as error:
            assert error.status == 409, error
    daemon.wait(job["id"])
    ended = daemon.ask("DELETE", f"/v1/fine_tuning/jobs/{job['id']}")
    assert ended["deleted"]
    if daemon_model := job.get("fine_tuned_model"):
        daemon.ask("DELETE", f"/v1/models/{daemon_model}")


def forget_models(daemon):
    for model in daemon.ask("GET", "/v1/models")["data"]:
        if model["id"].startswith("ft:"):
            daemon.ask("DELETE", f"/v1/models/{model['id']}")


def poll(daemon):
    job = newest_job(daemon)
    if job:
        try:
            daemon.ask("GET", f"/v1/fine_tuning/jobs/{job}")
            daemon.points(job)
        except Refused as error:
            assert error.status == 404, error  # deleted meanwhile


def follow(daemon):
    """Read a stream for a moment, then drop it."""
    job = newest_job(daemon)
    if not job:
        return
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=5)
    try:
        connection.request("GET", f"/v1/fine_tuning/jobs/{job}/stream")
        answer = connection.getresponse()
        answer.read(400)
    except (OSError, http.client.HTTPException):
        pass
    finally:
        connection.close()


class Backups:
    def __init__(self, options, daemon, scratch):
        self.options, self.daemon, self.scratch = options, daemon, scratch
        self.sound = 0

    def take_and_check(self):
        file, copy = self.scratch / "backup", self.scratch / "copy"
        file.unlink(missing_ok=True)
        shutil.rmtree(copy, ignore_errors=True)
        run = lambda *words: subprocess.run([self.options.program, *map(str, words)], check=True,
                                            stdout=subprocess.DEVNULL)
        run("backup", file, "--data-dir", self.daemon.data_dir)
        run("restore", file, "--data-dir", copy)
        found = subprocess.run([self.options.program, "doctor", "--data-dir", str(copy), "--models-dir",
                                str(self.options.models), "--json"], check=False, capture_output=True,
                               text=True)
        assert found.returncode < 2, found.stdout  # 1: this machine has little of something
        self.sound += 1


def watch(daemon, seconds):
    """Medians of resident memory and descriptors: both rise and fall with the job that is running."""
    seen = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen.append((daemon.resident_bytes(), daemon.descriptors()))
        time.sleep(0.25)
    return tuple(statistics.median(column) for column in zip(*seen))


def run(options, scratch, say):
    daemon = Daemon(options.program, options.models, scratch / "soak").start()
    files = upload_all(daemon, options.data)
    begin = time.monotonic()
    end = begin + options.minutes * 60
    chance = random.Random(options.seed)
    backups = Backups(options, daemon, scratch)
    clients = {
        "jobs": Client(lambda: submit(daemon, files, chance), end, 0),
        "models": Client(lambda: forget_models(daemon), end, 1),
        "polls": Client(lambda: poll(daemon), end, 0.05),
        "streams": Client(lambda: follow(daemon), end, 0.2),
        "backups": Client(backups.take_and_check, end, 10),
    }
    for client in clients.values():
        client.start()
    settled = min(300, options.minutes * 60 / 3)
    window = min(60, settled / 3)
    time.sleep(settled - window)
    first = watch(daemon, window)
    say(f"after {settled:.0f} s: {first[0] / 2**20:.1f} MiB, {first[1]:.0f} descriptors")
    time.sleep(end - time.monotonic() - window)
    last = watch(daemon, window)
    say(f"at the end: {last[0] / 2**20:.1f} MiB, {last[1]:.0f} descriptors")
    for name, client in clients.items():
        client.join()
        if client.failure and not isinstance(client.failure, Gone):
            raise AssertionError(f"{name}: {client.failure!r}") from client.failure
    daemon.stop()
    assert last[0] <= first[0] * 1.05 and last[1] <= first[1] * 1.05, (first, last)
    return {**{name: client.times for name, client in clients.items()},
            "mib_first": round(first[0] / 2**20, 1), "mib_last": round(last[0] / 2**20, 1),
            "descriptors": round(last[1])}
