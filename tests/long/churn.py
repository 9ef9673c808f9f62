"""Jobs on four workers while clients cancel, pause, resume, retry and change priorities at random.

Wanted: only answers that the state table allows, histories that are paths of that table, final
states that are what was asked for, polls that never fail.
"""
import random
import threading
import time

from daemon import Daemon, FINAL, Refused
from kills import upload_all

# What each action may be answered with in each state: THE table as a user knows it.
ALLOWED = {
    "cancel": {"queued", "running", "pausing", "paused"},
    "pause": {"queued", "running", "pausing", "paused"},
    "resume": {"paused", "queued", "running"},
    "retry": {"failed", "cancelled"},
}
STEPS = {
    "queued": {"running", "paused", "cancelled", "queued"},
    "running": {"succeeded", "failed", "cancelled", "pausing", "queued"},
    "pausing": {"paused", "cancelled", "succeeded", "failed", "running", "queued"},
    "paused": {"queued", "cancelled"},
    "failed": {"queued"},
    "cancelled": {"queued"},
    "succeeded": set(),
}


def reachable(old, new):
    """May a client that saw `old` see `new` next? Any path of the table, of any length."""
    seen, edge = {old}, {old}
    while edge:
        edge = {n for state in edge for n in STEPS[state]} - seen
        seen |= edge
    return new in seen


class Poller(threading.Thread):
    """Polls every job; a refused poll, or a history that no table allows, is a failure."""

    def __init__(self, daemon, jobs, end):
        super().__init__(daemon=True)
        self.target_daemon, self.jobs, self.end = daemon, jobs, end
        self.polls, self.failure = 0, None

    def run(self):
        seen = {}
        try:
            while time.monotonic() < self.end:
                for job in list(self.jobs):
                    now = self.target_daemon.ask("GET", f"/v1/fine_tuning/jobs/{job}")["status"]
                    assert reachable(seen.get(job, now), now), f"{job}: {seen[job]} -> {now}"
                    seen[job] = now
                    self.polls += 1
        except Exception as error:  # told by the main thread
            self.failure = error


def run(options, scratch, say):
    daemon = Daemon(options.program, options.models, scratch / "churn", "--workers", "4",
                    "--resume-interval", "0").start()
    files = upload_all(daemon, options.data)
    chance = random.Random(options.seed)
    jobs = []
    for number in range(20):
        jobs.append(daemon.ask("POST", "/v1/fine_tuning/jobs", {
            "model": "tiny-bert", "training_file": files["train"], "seed": number, "batch_size": 8,
            "max_steps": chance.randrange(50, 3000), "learning_rate": 1e-3, "threads": 1})["id"])
    end = time.monotonic() + options.minutes * 60
    pollers = [Poller(daemon, jobs, end) for _ in range(8)]
    for poller in pollers:
        poller.start()
    counts = {"changes": 0, "refused": 0, "priorities": 0}
    while time.monotonic() < end:
        job = chance.choice(jobs)
        action = chance.choice(["cancel", "pause", "resume", "resume", "retry", "retry", "priority"])
        try:
            if action == "priority":
                daemon.ask("PATCH", f"/v1/fine_tuning/jobs/{job}", {"priority": chance.randrange(-5, 6)})
                counts["priorities"] += 1
            else:
                daemon.ask("POST", f"/v1/fine_tuning/jobs/{job}/{action}", b"")
                counts["changes"] += 1
        except Refused as error:
            assert error.status == 409 and error.code == "conflict", error
            counts["refused"] += 1
        time.sleep(chance.uniform(0, 0.2))
    for poller in pollers:
        poller.join(60)
        if poller.failure:
            raise poller.failure
    # What was left in the middle is let go on; every job then ends.
    for job in jobs:
        while daemon.ask("GET", f"/v1/fine_tuning/jobs/{job}")["status"] == "pausing":
            time.sleep(0.05)
        if daemon.ask("GET", f"/v1/fine_tuning/jobs/{job}")["status"] == "paused":
            daemon.ask("POST", f"/v1/fine_tuning/jobs/{job}/resume", b"")
    ends = [daemon.wait(job, 1800)["status"] for job in jobs]
    assert set(ends) <= set(FINAL) - {"failed"}, ends
    for job, state in zip(jobs, ends):
        model = daemon.ask("GET", f"/v1/fine_tuning/jobs/{job}")["fine_tuned_model"]
        assert (model is not None) == (state == "succeeded"), job
    daemon.stop()
    daemon.check_whole()
    return {**counts, "polls": sum(p.polls for p in pollers),
            "succeeded": ends.count("succeeded"), "cancelled": ends.count("cancelled")}
