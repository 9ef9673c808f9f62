#!/usr/bin/env python3
"""Files, uploads, jobs and models through the official Python SDK, unmodified.

    openai_jobs.py BASE_URL MODEL ALIAS FOLDER

MODEL is a base model of the daemon, ALIAS another name for it, FOLDER holds train.jsonl and
chat.jsonl (made by script/test-clients). Prints one line a check, the fine-tuned model's id and
labels last; ends with an assertion at the first one that fails.
"""
import asyncio
import pathlib
import sys
import time
import urllib.request

import openai
from openai import AsyncOpenAI, OpenAI
from openai.types.uploads import UploadPart

BASE_URL, MODEL, ALIAS, FOLDER = sys.argv[1:5]
client = OpenAI(base_url=BASE_URL, api_key="any")
folder = pathlib.Path(FOLDER)
train = (folder / "train.jsonl").read_bytes()
MAX_STREAMS = 4  # as script/test-clients has it
settings = {"max_steps": 8, "batch_size": 8, "learning_rate": 1e-3}


def done(what):
    print(f"python {openai.__version__}: {what}", flush=True)


def create(**more):
    """A job of eight steps."""
    extra = {"extra_body": {**settings, **more.pop("extra", {})}}
    return client.fine_tuning.jobs.create(**{"model": MODEL, "training_file": file.id, **more}, **extra)


def wait(job, *states):
    """Poll until the job is in one of the states."""
    for _ in range(600):
        job = client.fine_tuning.jobs.retrieve(job.id)
        if job.status in states:
            return job
        assert job.status not in ("failed", "cancelled"), job.error
        time.sleep(0.1)
    raise AssertionError(f"{job.id} is still {job.status}")


def refused(kind, status, call):
    """The call must raise this class, with what an error carries."""
    start = time.monotonic()
    try:
        call()
    except kind as error:
        assert type(error) is kind, type(error)
        assert error.status_code == status and error.type and error.code and error.request_id, error
        assert error.message, "an error without a sentence"
        return time.monotonic() - start
    raise AssertionError(f"{kind.__name__} was not raised")


# ---- files ----------------------------------------------------------------------------------------
file = client.files.create(file=open(folder / "train.jsonl", "rb"), purpose="fine-tune")
assert (file.object, file.purpose, file.bytes) == ("file", "fine-tune", len(train))
assert file.filename == "train.jsonl" and file.id.startswith("file-") and file._request_id
file = client.files.wait_for_processing(file.id, max_wait_seconds=10)
assert file.status == "processed"
assert client.files.retrieve(file.id).id == file.id
assert client.files.content(file.id).read() == train
named = client.files.create(file=("dönér \"1\".jsonl", train), purpose="fine-tune",
                            expires_after={"anchor": "created_at", "seconds": 3600})
assert named.filename == "dönér \"1\".jsonl" and named.expires_at == named.created_at + 3600
listed = [item.id for item in client.files.list(limit=1, purpose="fine-tune")]
assert listed[:2] == [named.id, file.id], listed
gone = client.files.delete(named.id)
assert gone.deleted and gone.id == named.id
refused(openai.NotFoundError, 404, lambda: client.files.retrieve(named.id))
broken = client.files.create(file=("broken.jsonl", b'{"text":"a","label":"b"}\n{oops\n'), purpose="fine-tune")
broken = client.files.wait_for_processing(broken.id)
assert broken.status == "error" and "2" in broken.status_details, broken
done("files: create, list, retrieve, content, delete, wait_for_processing, expires_after")

# ---- uploads --------------------------------------------------------------------------------------
upload = client.uploads.create(filename="parts.jsonl", purpose="fine-tune", bytes=len(train),
                               mime_type="application/jsonl")
assert upload.status == "pending"
middle = len(train) // 2
parts: list[UploadPart] = [client.uploads.parts.create(upload.id, data=piece)
                           for piece in (train[:middle], train[middle:])]
upload = client.uploads.complete(upload.id, part_ids=[part.id for part in parts])
assert upload.status == "completed" and client.files.content(upload.file.id).read() == train
other = client.uploads.create(filename="x", purpose="fine-tune", bytes=5, mime_type="text/plain")
assert client.uploads.cancel(other.id).status == "cancelled"
chunked = client.uploads.upload_file_chunked(file=folder / "train.jsonl", purpose="fine-tune",
                                             mime_type="application/jsonl", part_size=1000)
assert client.files.content(chunked.file.id).read() == train
done("uploads: create, parts, complete, cancel, upload_file_chunked")

# ---- jobs -----------------------------------------------------------------------------------------
job = create(suffix="sdk", metadata={"team": "a b", "run": ""}, seed=7)
assert (job.object, job.model, job.seed) == ("fine_tuning.job", MODEL, 7)
assert job.metadata == {"team": "a b", "run": ""} and job.hyperparameters.batch_size == 8
job = wait(job, "succeeded")
assert job.fine_tuned_model.startswith(f"ft:{MODEL}:") and ":sdk:" in job.fine_tuned_model
assert job.trained_tokens > 0 and job.finished_at >= job.created_at
assert [item.id for item in client.fine_tuning.jobs.list(metadata={"team": "a b"})] == [job.id]
assert not list(client.fine_tuning.jobs.list(metadata={"team": "ab"}))
assert [item.id for item in client.fine_tuning.jobs.list(metadata={"run": ""})] == [job.id]
events = list(client.fine_tuning.jobs.list_events(job.id, limit=2))
assert len(events) > 3 and events[-1].created_at <= events[0].created_at
assert len({event.id for event in events}) == len(events)
checkpoints = list(client.fine_tuning.jobs.checkpoints.list(job.id, limit=1))
assert checkpoints and checkpoints[0].step_number == 8 and checkpoints[0].metrics.step == 8
csv = client.files.content(job.result_files[0]).text
assert csv.splitlines()[0].startswith("step,train_loss,train_accuracy") and len(csv.splitlines()) == 9
done("jobs: create, retrieve, list with metadata, list_events, checkpoints.list, result_files")

for number in range(3):
    create(metadata={"page": str(number)})
everything = [item.id for item in client.fine_tuning.jobs.list(limit=1)]
assert len(everything) == len(set(everything)) == 4
done("jobs: pages of one item, followed to the end")

long = create(extra={"max_steps": 100000})
seconds = [refused(openai.NotFoundError, 404, lambda: client.fine_tuning.jobs.cancel("ftjob-none"))]
assert client.fine_tuning.jobs.pause(long.id).status in ("pausing", "paused")
wait(long, "paused")
# More streams than may be open (script/test-clients starts the daemon so); they end with the job.
stream = f"/fine_tuning/jobs/{long.id}/stream"
streams = [urllib.request.urlopen(BASE_URL + stream) for _ in range(MAX_STREAMS)]
refused(openai.InternalServerError, 503,
        lambda: client.with_options(max_retries=0).get(stream, cast_to=object))
assert client.fine_tuning.jobs.pause(long.id).status == "paused"
assert client.fine_tuning.jobs.resume(long.id).status in ("queued", "running")
assert client.fine_tuning.jobs.cancel(long.id).status == "cancelled"
seconds.append(refused(openai.ConflictError, 409, lambda: client.fine_tuning.jobs.cancel(long.id)))
seconds.append(refused(openai.ConflictError, 409, lambda: client.fine_tuning.jobs.pause(long.id)))
assert all(b"event: end" in opened.read() for opened in streams)
assert max(seconds) < 0.4, f"a refusal was tried again: {seconds}"
done("jobs: pause, resume, cancel; a refused change is not tried again")

# ---- errors ---------------------------------------------------------------------------------------
refused(openai.BadRequestError, 400, lambda: create(training_file="file-none"))
refused(openai.BadRequestError, 400, lambda: create(training_file=broken.id))
refused(openai.BadRequestError, 400, lambda: create(model="no-such-model"))
refused(openai.BadRequestError, 400, lambda: create(extra={"learning_rat": 1}))
refused(openai.NotFoundError, 404, lambda: client.models.retrieve("no-such-model"))
refused(openai.NotFoundError, 404, lambda: client.fine_tuning.jobs.retrieve("ftjob-none"))
refused(openai.PermissionDeniedError, 403, lambda: client.models.delete(MODEL))
refused(openai.BadRequestError, 400, lambda: client.post("/fine_tuning/jobs", cast_to=object, content=b"x"))
refused(openai.NotFoundError, 404,
        lambda: client.fine_tuning.checkpoints.permissions.retrieve(job.fine_tuned_model))
done("errors: 400, 403, 404, 409, 503 with type, code and request id")

# ---- models and a data set for a chat model ----------------------------------------------------------
assert {MODEL, job.fine_tuned_model} <= {model.id for model in client.models.list()}
assert client.models.retrieve(job.fine_tuned_model).owned_by == "user"
chat_file = client.files.create(file=open(folder / "chat.jsonl", "rb"), purpose="fine-tune")
chat_job = wait(client.fine_tuning.jobs.create(
    model=ALIAS, training_file=chat_file.id, seed=7,
    method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1, "batch_size": 8}}}), "succeeded")
answer = client.chat.completions.create(
    model=chat_job.fine_tuned_model,
    messages=[{"role": "system", "content": "Classify."}, {"role": "user", "content": "Where is my book?"}])
assert answer.choices[0].message.content in chat_job.labels
done(f"a chat-format file trains under the alias {ALIAS} and answers through chat.completions")
removed = client.models.delete(chat_job.fine_tuned_model)
assert removed.deleted
refused(openai.NotFoundError, 404, lambda: client.models.retrieve(chat_job.fine_tuned_model))


async def asynchronous():
    """The other client of the SDK, over the same ground in short."""
    async with AsyncOpenAI(base_url=BASE_URL, api_key="any") as other_client:
        ids = [item.id async for item in other_client.fine_tuning.jobs.list(limit=2)]
        assert job.id in ids and len(ids) == len(set(ids))
        assert (await other_client.files.retrieve(file.id)).id == file.id

asyncio.run(asynchronous())
done("models: list, retrieve, delete; the asynchronous client pages, too")
print(job.fine_tuned_model, *job.labels)
