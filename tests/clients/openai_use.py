#!/usr/bin/env python3
"""Using models with OpenAI's Python SDK as it is:  openai_use.py BASE_URL CLASSIFIER BASE LABEL…

BASE_URL ends in /v1. CLASSIFIER is a fine-tuned model (or a checkpoint, or an alias of one), BASE a
base model with weights; LABEL… are the classifier's labels. Prints a line for each check, and fails
at the first one that does not hold.
"""

import asyncio
import base64
import math
import struct
import sys

import openai

TEXT = "I lost my library card, what now?"
MESSAGES = [{"role": "system", "content": "Sort the question."}, {"role": "user", "content": TEXT}]


def check(holds, claim):
    if not holds:
        sys.exit(f"openai_use.py: FAILED: {claim}")
    print(f"ok {claim}", flush=True)


def refused(call, kind, code, claim):
    """The call raises exactly this class, with what an error carries. Returns the error."""
    try:
        call()
    except openai.APIStatusError as error:
        check(type(error) is kind and error.code == code,
              f"{claim}: {type(error).__name__} {error.code}")
        check(error.type and error.message and error.request_id, f"{claim}: type, sentence, request id")
        return error
    check(False, claim)


def chat(client, model, labels):
    answer = client.chat.completions.create(model=model, messages=MESSAGES, temperature=0,
                                            max_tokens=5)
    said = answer.choices[0].message.content
    check(said in labels and answer.choices[0].finish_reason == "stop", "chat completion: a label")
    check(answer.usage.total_tokens == answer.usage.prompt_tokens + 1, "chat completion: usage")
    sure = client.chat.completions.create(model=model, messages=MESSAGES, logprobs=True,
                                          top_logprobs=20, n=2)
    token = sure.choices[1].logprobs.content[0]
    top = {item.token: math.exp(item.logprob) for item in token.top_logprobs}
    check(token.token == said and bytes(token.bytes).decode() == said, "logprobs: the label")
    check(max(top, key=top.get) == said and set(top) <= set(labels), "logprobs: the best labels")
    check(len(labels) > 20 or abs(sum(top.values()) - 1) < 1e-4, "logprobs: they sum to one")
    parts = [{"role": "user", "content": [{"type": "text", "text": TEXT}]}]
    again = client.chat.completions.create(model=model, messages=parts)
    check(again.choices[0].message.content == said, "chat completion: content in parts")
    return said


def chat_streamed(client, model, said):
    chunks = list(client.chat.completions.create(model=model, messages=MESSAGES, stream=True,
                                                 stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    check(text == said, "chat stream: the same label")
    check(chunks[-1].usage.total_tokens > 1 and not chunks[-1].choices, "chat stream: usage")
    check(chunks[-2].choices[0].finish_reason == "stop", "chat stream: its end")
    with client.chat.completions.stream(model=model, messages=MESSAGES) as stream:
        final = stream.get_final_completion()
    check(final.choices[0].message.content == said, "chat stream: the SDK puts it together")


async def chat_async(url, model, said):
    async with openai.AsyncOpenAI(base_url=url, api_key="none") as client:
        answers = await asyncio.gather(*(
            client.chat.completions.create(model=model, messages=MESSAGES) for _ in range(8)))
        check(all(answer.choices[0].message.content == said for answer in answers),
              "async chat completions: eight at once")
        stream = await client.chat.completions.create(model=model, messages=MESSAGES, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        check(text == said, "async chat stream")
        vectors = await client.embeddings.create(model=model, input=TEXT)
        check(len(vectors.data) == 1, "async embeddings")


def responses(client, model, said):
    answer = client.responses.create(model=model, input=TEXT, instructions="Sort the question.",
                                     metadata={"who": "me"})
    check(answer.output_text == said and answer.status == "completed", "response: the same label")
    check(answer.metadata == {"who": "me"} and answer.usage.output_tokens == 1, "response: usage")
    messages = [{"role": "developer", "content": "Sort the question."},
                {"role": "user", "content": [{"type": "input_text", "text": TEXT}]}]
    sure = client.responses.create(model=model, input=messages, top_logprobs=3,
                                   include=["message.output_text.logprobs"])
    token = sure.output[0].content[0].logprobs[0]
    check(token.token == said and len(token.top_logprobs) <= 3, "response: logprobs")
    events = list(client.responses.create(model=model, input=TEXT, stream=True))
    check([event.sequence_number for event in events] == list(range(len(events))),
          "response stream: numbered events")
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    check("".join(deltas) == said, "response stream: the same label")
    with client.responses.stream(model=model, input=TEXT) as stream:
        final = stream.get_final_response()
    check(final.output_text == said, "response stream: the SDK puts it together")


def embeddings(client, model):
    plain = client.embeddings.create(model=model, input=[TEXT, "another text"])
    vector = plain.data[0].embedding
    check(abs(sum(x * x for x in vector) - 1) < 1e-5, f"embeddings of {model}: unit length")
    numbers = client.embeddings.create(model=model, input=TEXT, encoding_format="float")
    check(max(abs(a - b) for a, b in zip(numbers.data[0].embedding, vector)) < 1e-6,
          "embeddings: numbers are what base64 says")
    packed = client.embeddings.create(model=model, input=TEXT, encoding_format="base64")
    floats = struct.unpack(f"<{len(vector)}f", base64.b64decode(packed.data[0].embedding))
    check(max(abs(a - b) for a, b in zip(floats, vector)) < 1e-6, "embeddings: base64 as asked")
    short = client.embeddings.create(model=model, input=TEXT, dimensions=8).data[0].embedding
    norm = math.sqrt(sum(x * x for x in vector[:8]))
    check(len(short) == 8 and max(abs(a - b / norm) for a, b in zip(short, vector)) < 1e-5,
          "embeddings: dimensions cut and of unit length again")
    first = client.embeddings.create(model=model, input=TEXT, extra_body={"pooling": "cls"})
    check(len(first.data[0].embedding) == len(vector) and first.usage.total_tokens > 2,
          "embeddings: pooling cls")


def refusals(client, model, base):
    refused(lambda: client.chat.completions.create(model=base, messages=MESSAGES),
            openai.BadRequestError, "model_not_fine_tuned", "a base model has no labels")
    refused(lambda: client.chat.completions.create(model="no-such-model", messages=MESSAGES),
            openai.BadRequestError, "model_not_found", "an unknown model")
    refused(lambda: client.chat.completions.create(model=model, messages=[]),
            openai.BadRequestError, "invalid_parameter", "no messages")
    refused(lambda: client.embeddings.create(model=base, input=[[1, 2, 3]]),
            openai.BadRequestError, "invalid_parameter", "token ids")
    refused(lambda: client.embeddings.create(model=base, input="a", dimensions=100000),
            openai.BadRequestError, "invalid_parameter", "too many dimensions")
    refused(lambda: client.responses.create(model=base, input="a", stream=True),
            openai.BadRequestError, "model_not_fine_tuned", "a stream of a base model")


# As many as may be pending at once.
UPLOADS = 1000


def error_classes(client, base):
    """One of each class that a status of the daemon makes; 5xx is openai_jobs.py's."""
    quick = client.with_options(max_retries=0)
    refused(lambda: quick.embeddings.create(model="none", input="a"), openai.BadRequestError,
            "model_not_found", "400")
    refused(lambda: quick.models.delete(base), openai.PermissionDeniedError,
            "base_model_protected", "403")
    refused(lambda: quick.models.retrieve("none"), openai.NotFoundError, "model_not_found", "404")
    new = {"filename": "a.jsonl", "purpose": "fine-tune", "bytes": 1, "mime_type": "text/jsonl"}
    uploads = [quick.uploads.create(**new) for _ in range(UPLOADS)]
    full = refused(lambda: quick.uploads.create(**new), openai.RateLimitError,
                   "queue_full", "429")
    check(full.type == "rate_limit_error" and float(full.response.headers["retry-after"]) > 0,
          "429: says when to try again")
    for upload in uploads:
        quick.uploads.cancel(upload.id)
    refused(lambda: quick.uploads.cancel(uploads[0].id), openai.ConflictError, "conflict", "409")


def main():
    if len(sys.argv) < 6:
        sys.exit(__doc__)
    url, model, base, *labels = sys.argv[1:]
    client = openai.OpenAI(base_url=url, api_key="none")
    print(f"openai {openai.__version__}")
    said = chat(client, model, labels)
    chat_streamed(client, model, said)
    asyncio.run(chat_async(url, model, said))
    responses(client, model, said)
    embeddings(client, model)
    embeddings(client, base)
    refusals(client, model, base)
    error_classes(client, base)


if __name__ == "__main__":
    main()
