"""A full disk at every stage of a job's life, then room again.

The data directory lies on a small tmpfs (root only). Wanted: nothing acknowledged is lost, reads
go on, submissions are answered 507, a running job waits with one event, can be cancelled, paused
and interrupted meanwhile, leaves no half-written folder, and goes on by itself when there is room,
to the same bytes. A daemon that is stopped or killed starts again while the disk is still full.
"""
import errno
import os
import subprocess
import time

from daemon import Daemon, FINAL, Refused, outcome
from kills import job_body, upload_all

WAITS = "The disk is full: the job waits"


class SmallDisk:
    def __init__(self, path, megabytes):
        self.path, self.megabytes = path, megabytes

    def __enter__(self):
        self.path.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.megabytes}m,mode=700", "tmpfs", self.path],
                       check=True)
        return self

    def __exit__(self, *_):
        Daemon.end_all()  # none is left when all went well
        subprocess.run(["umount", "-l", self.path], check=False)

    def fill(self):
        """Take all the room there is, to the last page."""
        filler = os.open(self.path / "filler", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            for size in (1 << 20, 4096):
                self.write_all(filler, bytes(size))
        finally:
            os.close(filler)

    @staticmethod
    def write_all(filler, block):
        try:
            while True:
                os.write(filler, block)
        except OSError as error:
            assert error.errno == errno.ENOSPC, error

    def free(self):
        (self.path / "filler").unlink(missing_ok=True)


class Bench:
    """The daemon on its small disk, and what a job must come to."""

    def __init__(self, daemon, disk, files, wanted, say):
        self.daemon, self.disk, self.files, self.wanted, self.say = daemon, disk, files, wanted, say
        self.waited = 0

    def job(self, job):
        return self.daemon.ask("GET", f"/v1/fine_tuning/jobs/{job}")

    def act(self, job, action):
        return self.daemon.ask("POST", f"/v1/fine_tuning/jobs/{job}/{action}", b"")

    def submit(self):
        return self.daemon.ask("POST", "/v1/fine_tuning/jobs", job_body(self.files, 0))["id"]

    def until(self, job, is_so, patience=60):
        end = time.monotonic() + patience
        while True:
            state = self.job(job)
            if is_so(state):
                return state
            assert time.monotonic() < end, state
            time.sleep(0.002)

    def reads_go_on(self, job):
        assert self.job(job)["id"] == job
        assert self.daemon.ask("GET", "/v1/fine_tuning/jobs")["data"]
        assert self.daemon.points(job) is not None
        assert self.daemon.ask("GET", f"/v1/fine_tuning/jobs/{job}/events?limit=100")["data"]

    def submissions_are_refused(self):
        try:
            self.submit()
        except Refused as error:
            assert error.status == 507, error
            return
        raise AssertionError("a job was accepted on a full disk")

    def waits(self, job):
        """How often the job has said that it waits for room."""
        events = self.daemon.pages(f"/v1/fine_tuning/jobs/{job}/events")
        return sum(WAITS in event["message"] for event in events)

    def fill_until_it_waits(self, job, when):
        """Fill the disk once `when` says so; was it in time for the job to wait?"""
        self.until(job, lambda state: when(state) or state["status"] in FINAL)
        self.disk.fill()
        state = self.until(job, lambda state: state["status"] in FINAL + ("queued",) or self.waits(job) > 0)
        self.disk.fill()  # what could not be written to its end was removed, and left room
        return state["status"] == "running"

    def nothing_half_written(self):
        assert not os.listdir(self.daemon.data_dir / "tmp"), os.listdir(self.daemon.data_dir / "tmp")

    def went_well(self, job, name):
        state = self.daemon.wait(job, 120)
        assert state["status"] == "succeeded", state
        assert outcome(self.daemon, job) == self.wanted, f"{name}: other bytes than without a full disk"
        self.nothing_half_written()


def hold(bench, name, when):
    """Full for four seconds, then room: the job must succeed."""
    job = bench.submit()
    waits = bench.fill_until_it_waits(job, when)
    bench.submissions_are_refused()
    for _ in range(40):
        bench.reads_go_on(job)
        time.sleep(0.1)
    if waits:
        state = bench.job(job)
        assert state["status"] == "running" and bench.waits(job) == 1, state
        bench.nothing_half_written()
        bench.waited += 1
    bench.disk.free()
    bench.went_well(job, name)
    bench.say(f"full while {name}: {'waited, ' if waits else ''}went on by itself, same bytes")


def waiting_job(bench):
    """A job that waits for room; a few tries, for a tiny job may be faster than we are."""
    for _ in range(20):
        job = bench.submit()
        if bench.fill_until_it_waits(job, lambda state: state["progress"]["step"] >= 3):
            return job
        bench.disk.free()
        bench.went_well(job, "too fast")
    raise AssertionError("no job could be made to wait")


def pause_meanwhile(bench):
    job = waiting_job(bench)
    bench.act(job, "pause")
    bench.until(job, lambda state: state["status"] == "paused")
    bench.disk.free()
    bench.act(job, "resume")
    bench.went_well(job, "pause")


def cancel_meanwhile(bench):
    job = waiting_job(bench)
    assert bench.act(job, "cancel")["status"] == "cancelled"
    bench.disk.free()
    bench.went_well(bench.submit(), "after a cancel")
    assert bench.job(job)["status"] == "cancelled"


def start_again(bench, job):
    """On the full disk; then room."""
    bench.disk.fill()
    bench.daemon.start()
    assert bench.job(job)["status"] == "queued"
    bench.reads_go_on(job)
    bench.submissions_are_refused()
    bench.disk.free()


def stop_meanwhile(bench):
    job = waiting_job(bench)
    seconds = bench.daemon.stop()
    assert seconds < 10, f"SIGTERM took {seconds} s"
    start_again(bench, job)
    bench.went_well(job, "SIGTERM")


def kill_meanwhile(bench):
    job = waiting_job(bench)
    bench.daemon.kill()
    start_again(bench, job)
    bench.went_well(job, "kill -9")


STAGES = {
    "queued": lambda job: True,
    "running": lambda job: job["status"] == "running",
    "first steps": lambda job: job["progress"]["step"] >= 3,
    "second epoch": lambda job: job["progress"]["epoch"] >= 1,
    "last steps": lambda job: job["progress"]["percent"] >= 90,
}

MEANWHILE = {"pause": pause_meanwhile, "cancel": cancel_meanwhile, "SIGTERM": stop_meanwhile,
             "kill -9": kill_meanwhile}


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
        bench = Bench(daemon, disk, upload_all(daemon, options.data), wanted, say)
        for name, when in STAGES.items():
            hold(bench, name, when)
        for name, act in MEANWHILE.items():
            act(bench)
            say(f"{name} while it waits: as wanted, same bytes")
        daemon.stop()
        daemon.check_whole()
    return {"stages": len(STAGES), "waited": bench.waited, "acts_meanwhile": len(MEANWHILE), "lost": 0}
