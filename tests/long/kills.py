"""Random kill -9 while small jobs stream in; after each the daemon is started again.

Wanted: every acknowledged job ends, none ends twice, and every one has the same model bytes, metric
points and measures as the same job in a daemon that nobody killed.
"""
import random
import threading
import time

from daemon import Daemon, Gone, Refused, outcome


# Seconds that a daemon may live. A job whose daemon was killed ten times in a row before a state
# could be saved has failed, as is documented; it is retried here, and must be none the worse.
LONGEST_LIFE = 0.8


def job_body(files, number):
    optimizers = ("adam", "adamw", "sgd", "momentum")
    return {"model": "tiny-bert", "training_file": files["train"], "validation_file": files["validation"],
            "test_file": files["test"], "seed": 100 + number, "batch_size": 16, "n_epochs": 2,
            "learning_rate": 1e-3, "optimizer": optimizers[number % 4], "threads": 1 + number % 2,
            "metadata": {"number": str(number)}}


def upload_all(daemon, data):
    return {name: daemon.upload(data / f"{name}.jsonl") for name in ("train", "validation", "test")}


def undisturbed(daemon, data, jobs):
    daemon.start()
    files = upload_all(daemon, data)
    ids = [daemon.ask("POST", "/v1/fine_tuning/jobs", job_body(files, n))["id"] for n in range(jobs)]
    found = []
    for job in ids:
        assert daemon.wait(job)["status"] == "succeeded", job
        found.append(outcome(daemon, job))
    daemon.stop()
    return found


class Stream(threading.Thread):
    """Submits the jobs one after the other, through every restart; acknowledged ids are kept."""

    def __init__(self, daemon, files, jobs, pause):
        super().__init__(daemon=True)
        self.target_daemon, self.files, self.jobs, self.pause = daemon, files, jobs, pause
        self.acknowledged = {}
        self.failure = None

    def run(self):
        try:
            for number in range(self.jobs):
                self.submit(number)
                time.sleep(self.pause)
        except Exception as error:  # told by the main thread
            self.failure = error

    def submit(self, number):
        while True:
            try:
                answer = self.target_daemon.ask("POST", "/v1/fine_tuning/jobs", job_body(self.files, number))
                self.acknowledged[number] = answer["id"]
                return
            except Gone:
                time.sleep(0.02)
            except Refused as error:
                if error.status != 503:
                    raise
                time.sleep(0.02)


def run(options, scratch, say):
    jobs, kills = options.jobs, options.kills
    wanted = undisturbed(Daemon(options.program, options.models, scratch / "calm"), options.data, jobs)
    daemon = Daemon(options.program, options.models, scratch / "killed", "--resume-interval", "0")
    daemon.start()
    files = upload_all(daemon, options.data)
    chance = random.Random(options.seed)
    stream = Stream(daemon, files, jobs, pause=0.05)
    stream.start()
    done = 0
    rounds = 0
    totals = {}
    while done < kills:
        time.sleep(chance.uniform(0.0, LONGEST_LIFE))
        daemon.kill()
        done += 1
        daemon.start()
        if stream.failure:
            raise stream.failure
        if not stream.is_alive() and all_ended(daemon, stream):
            # Everything has ended before the kills were used up: the same jobs once more.
            rounds += 1
            add(totals, check(daemon, stream, wanted, say, rounds))
            stream = Stream(daemon, files, jobs, pause=0.05)
            stream.start()
        if done % 20 == 0:
            say(f"kills {done}, rounds of {jobs} jobs ended {rounds}")
    stream.join(600)
    for job in stream.acknowledged.values():
        daemon.wait(job)
    rounds += 1
    add(totals, check(daemon, stream, wanted, say, rounds))
    daemon.stop()
    daemon.check_whole()
    return {"kills": done, "jobs": rounds * jobs, **totals}


def add(totals, counts):
    for name, count in counts.items():
        totals[name] = totals.get(name, 0) + count


def all_ended(daemon, stream):
    try:
        states = [daemon.ask("GET", f"/v1/fine_tuning/jobs/{job}")["status"]
                  for job in stream.acknowledged.values()]
    except Gone:
        return False
    return len(states) == stream.jobs and all(s in ("succeeded", "failed") for s in states)


def retry_given_up(daemon, stream):
    """Retry the jobs that ten kills in a row have failed; returns how many there were."""
    count = 0
    for job in stream.acknowledged.values():
        while True:
            state = daemon.wait(job)
            if state["status"] != "failed" or state["error"]["code"] != "crashed":
                break
            daemon.ask("POST", f"/v1/fine_tuning/jobs/{job}/retry", b"")
            count += 1
    return count


def check(daemon, stream, wanted, say, round_number):
    given_up = retry_given_up(daemon, stream)
    counts = {"lost": 0, "finished_twice": 0, "wrong_bytes": 0}
    interrupted = 0
    listed = {job["id"] for job in daemon.pages("/v1/fine_tuning/jobs")}
    for number, job in sorted(stream.acknowledged.items()):
        state = daemon.ask("GET", f"/v1/fine_tuning/jobs/{job}") if job in listed else None
        if state is None or state["status"] != "succeeded":
            counts["lost"] += 1
            say(f"round {round_number}: job {number} ({job}) is lost")
            continue
        interrupted += state["attempt"] - 1
        ends = [e for e in daemon.pages(f"/v1/fine_tuning/jobs/{job}/events") if "succeeded" in e["message"]]
        counts["finished_twice"] += len(ends) > 1
        if outcome(daemon, job) != wanted[number]:
            counts["wrong_bytes"] += 1
            say(f"round {round_number}: job {number} ({job}) differs from the undisturbed one")
    assert not any(counts.values()), counts
    return {**counts, "interrupted": interrupted, "given_up_and_retried": given_up}
