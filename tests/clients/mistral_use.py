#!/usr/bin/env python3
"""Using models with Mistral's Python SDK:  mistral_use.py SERVER_URL CLASSIFIER BASE LABEL…

SERVER_URL has no /v1. CLASSIFIER is a fine-tuned model, BASE a base model with weights; LABEL… are
the classifier's labels. Prints a line for each check, and fails at the first that does not hold.
"""

import sys

from mistralai.client import Mistral, errors

TEXT = "I lost my library card, what now?"
CHAT = {"messages": [{"role": "system", "content": "Sort the question."},
                     {"role": "user", "content": TEXT}]}


def check(holds, claim):
    if not holds:
        sys.exit(f"mistral_use.py: FAILED: {claim}")
    print(f"ok {claim}", flush=True)


def scores(answer, i=0):
    (target,) = answer.results[i].values()
    return target.scores


def classify(client, model, labels):
    one = client.classifiers.classify(model=model, inputs=TEXT)
    many = client.classifiers.classify(model=model, inputs=[TEXT, "When do you open?"])
    check(set(scores(one)) == set(labels) and abs(sum(scores(one).values()) - 1) < 1e-4,
          "classify: a distribution over the labels")
    check(len(many.results) == 2 and scores(many, 0).keys() == scores(one).keys(),
          "classify: many texts")
    best = max(scores(one), key=scores(one).get)
    chat = client.classifiers.classify_chat(model=model, input=CHAT)
    chats = client.classifiers.classify_chat(model=model, input=[CHAT, CHAT])
    check(max(scores(chat), key=scores(chat).get) == best, "classify_chat: the same label")
    check(len(chats.results) == 2, "classify_chat: many conversations")
    return best


def others(client, model, best):
    answer = client.chat.complete(model=model, messages=CHAT["messages"])
    check(answer.choices[0].message.content == best, "chat.complete: the same label")
    said = "".join(event.data.choices[0].delta.content or ""
                   for event in client.chat.stream(model=model, messages=CHAT["messages"]))
    check(said == best, "chat.stream: the same label")
    vectors = client.embeddings.create(model=model, inputs=[TEXT, "another"], output_dimension=8)
    check(len(vectors.data) == 2 and len(vectors.data[0].embedding) == 8, "embeddings.create")


def refusals(client, base):
    try:
        client.classifiers.classify(model=base, inputs=TEXT)
    except errors.MistralError as error:
        check(error.status_code == 400 and "model_not_fine_tuned" in error.body,
              "a base model has no labels")
    else:
        check(False, "a base model has no labels")


def main():
    if len(sys.argv) < 6:
        sys.exit(__doc__)
    url, model, base, *labels = sys.argv[1:]
    with Mistral(api_key="none", server_url=url) as client:
        best = classify(client, model, labels)
        others(client, model, best)
        refusals(client, base)


if __name__ == "__main__":
    main()
