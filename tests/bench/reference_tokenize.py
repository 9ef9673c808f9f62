#!/usr/bin/env python3
"""The reference for the tokenizer: `tokenizers`, encode_batch_fast on one thread.

Prints one JSON object: texts_per_s, the median of some rounds.
"""
import argparse
import json
import os
import time


def main():
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["RAYON_NUM_THREADS"] = "1"
    import tokenizers
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    o = parser.parse_args()
    tokenizer = tokenizers.Tokenizer.from_file(os.path.join(o.model, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    with open(o.data, encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file if line.strip()]
    encode = getattr(tokenizer, "encode_batch_fast", tokenizer.encode_batch)
    rates = []
    for _ in range(o.rounds):
        began = time.perf_counter()
        encoded = encode(texts)
        rates.append(len(texts) / (time.perf_counter() - began))
    print(json.dumps({"texts_per_s": sorted(rates)[len(rates) // 2], "texts": len(texts),
                      "tokens": sum(len(e.ids) for e in encoded), "call": encode.__name__}))


if __name__ == "__main__":
    main()
