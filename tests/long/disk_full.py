"""A full disk at every stage of a job's life, then room again.

The data directory lies on a small tmpfs (root only). Wanted: nothing acknowledged is lost, reads
go on, submissions are answered 507, and everything goes on by itself when there is room.
"""
import os
import subprocess
import time

from daemon import Daemon, Refused, outcome
from kills import job_body, upload_all


class SmallDisk:
    def __init__(self, path, megabytes):
        self.path, self.megabytes = path, megabytes

    def __enter__(self):
        self.path.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.megabytes}m,mode=700", "tmpfs", self.path],
                       check=True)
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.path], check=False)

    def fill(self):
        """Take all the room there is."""
        with open(self.path / "filler", "ab") as filler:
            block = bytes(4096)
            try:
                while True:
                    filler.write(block)
                    filler.flush()
            except OSError:
                pass

    def free(self):
        (self.path / "filler").unlink(missing_ok=True)


def reads_go_on(daemon, job):
    assert daemon.ask("GET", f"/v1/fine_tuning/jobs/{job}")["id"] == job
    assert daemon.ask("GET", "/v1/fine_tuning/jobs")["data"]
    assert daemon.points(job) is not None


def submissions_are_refused(daemon, files):
    try:
        daemon.ask("POST", "/v1/fine_tuning/jobs", job_body(files, 1))
    except Refused as error:
        assert error.status == 507, error
        return
    raise AssertionError("a job was accepted on a full disk")


def stage(daemon, disk, files, number, when):
    """Fill the disk once `when` says so, hold it for a while, give room; the job must succeed."""
    job = daemon.ask("POST", "/v1/fine_tuning/jobs", job_body(files, number))["id"]
    deadline = time.monotonic() + 60
    while not when(daemon.ask("GET", f"/v1/fine_tuning/jobs/{job}")) and time.monotonic() < deadline:
        time.sleep(0.002)
    disk.fill()
    submissions_are_refused(daemon, files)
    for _ in range(40):
        reads_go_on(daemon, job)
        time.sleep(0.1)
    disk.free()
    state = daemon.wait(job)
    assert state["status"] == "succeeded", state["error"]
    return job


STAGES = {
    "queued": lambda job: True,
    "running": lambda job: job["status"] == "running",
    "first steps": lambda job: job["progress"]["step"] >= 3,
    "second epoch": lambda job: job["progress"]["epoch"] >= 1,
    "last steps": lambda job: job["progress"]["percent"] >= 90,
}


def run(options, scratch, say):
    if os.geteuid() != 0:
        raise AssertionError("the disk test mounts a tmpfs: run it as root")
    calm = Daemon(options.program, options.models, scratch / "calm-disk").start()
    files = upload_all(calm, options.data)
    job = calm.ask("POST", "/v1/fine_tuning/jobs", job_body(files, 0))["id"]
    calm.wait(job)
    wanted = outcome(calm, job)
    calm.stop()
    with SmallDisk(scratch / "small", options.megabytes) as disk:
        daemon = Daemon(options.program, options.models, disk.path / "data", "--resume-interval", "0",
                        "--min-free-bytes", "4M", log=scratch / "disk.log").start()
        files = upload_all(daemon, options.data)
        for name, when in STAGES.items():
            job = stage(daemon, disk, files, 0, when)
            assert outcome(daemon, job) == wanted, f"{name}: other bytes than without a full disk"
            say(f"full while {name}: went on by itself, same bytes")
        daemon.stop()
    return {"stages": len(STAGES), "lost": 0}
