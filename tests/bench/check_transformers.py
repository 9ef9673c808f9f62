#!/usr/bin/env python3
"""Do transformers load what `finetuned run` saves, and say the same?  check_transformers.py --build DIR

For every family and task: a small random base model and its tokenizer, saved by transformers the way
such models are published (an MLM export without a pooler, an encoder without prefix, a discriminator);
two steps of `finetuned run`; then the folder is loaded with the Auto class of the task, which must miss
nothing and find nothing too much, and its logits are compared with those of `bench logits` on the
tokens of transformers' own tokenizer. Needs torch, transformers 5 and tokenizers. Prints a row for each
model; ends with 1 when one is off by more than 1e-4.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

TOLERANCE = 1e-4
WORDS = ("good bad fine awful lovely the film book room was is very not we in Paris London Anna went "
         "to and rain sun warm cold").split()
SHAPE = dict(hidden=32, layers=2, heads=4, inner=48, positions=48)
TASKS = ("classification", "multi_label", "regression", "token_classification")
PROBLEMS = {"classification": "single_label_classification",
            "multi_label": "multi_label_classification", "regression": "regression",
            "token_classification": None}


def make_alive(torch, model):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))


def word_pieces(folder):
    """A WordPiece tokenizer of the words; returns the size of its vocabulary."""
    import transformers
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [w.lower() for w in WORDS]
    vocab = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    transformers.BertTokenizer(vocab=vocab).save_pretrained(folder)
    return len(vocab)


def byte_pairs(folder):
    """A byte-level BPE tokenizer trained on the words."""
    import tokenizers
    import transformers
    trained = tokenizers.ByteLevelBPETokenizer()
    trained.train_from_iterator([" ".join(WORDS)] * 20, vocab_size=320, min_frequency=1,
                                special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    trained.save_model(str(folder))
    made = transformers.RobertaTokenizer.from_pretrained(folder)
    made.save_pretrained(folder)
    return len(made)


def make_base(family, folder):
    import torch
    import transformers as t
    torch.manual_seed(5)
    folder.mkdir()
    vocab = byte_pairs(folder) if family == "roberta" else word_pieces(folder)
    common = dict(vocab_size=vocab, max_position_embeddings=SHAPE["positions"])
    if family == "distilbert":
        model = t.DistilBertModel(t.DistilBertConfig(
            dim=SHAPE["hidden"], n_layers=SHAPE["layers"], n_heads=SHAPE["heads"],
            hidden_dim=SHAPE["inner"], **common))
    else:
        common |= dict(hidden_size=SHAPE["hidden"], num_hidden_layers=SHAPE["layers"],
                       num_attention_heads=SHAPE["heads"], intermediate_size=SHAPE["inner"])
        if family == "bert":
            model = t.BertForMaskedLM(t.BertConfig(**common))
        elif family == "electra":
            model = t.ElectraForPreTraining(t.ElectraConfig(embedding_size=20, **common))
        else:
            model = t.RobertaForMaskedLM(t.RobertaConfig(type_vocab_size=1, **common))
    make_alive(torch, model)
    model.save_pretrained(folder)


def sentence(numbers):
    return [numbers.choice(WORDS) for _ in range(numbers.randint(1, 12))]


def make_row(task, numbers):
    words = sentence(numbers)
    text = " ".join(words)
    if task == "classification":
        return {"text": text, "label": numbers.choice(["no", "yes", "perhaps"])}
    if task == "multi_label":
        return {"text": text, "labels": [l for l in ("warm", "wet", "late") if numbers.random() < 0.5]}
    if task == "regression":
        return {"text": text, "label": round(3 + 2 * numbers.random(), 3)}
    return {"tokens": words, "labels": ["B-PLACE" if w in ("Paris", "London") else "O" for w in words]}


def write_rows(task, path, count):
    numbers = random.Random(7)
    rows = [make_row(task, numbers) for _ in range(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def train(build, base, task, folder):
    """Two steps; None, or why it was refused."""
    data = folder.with_suffix(".jsonl")
    write_rows(task, data, 40)
    job = folder.with_suffix(".job.json")
    job.write_text(json.dumps({
        "model": str(base), "training_file": str(data), "output_dir": str(folder), "task": task,
        "seed": 1, "method": {"type": "supervised", "supervised": {"hyperparameters": {
            "max_steps": 2, "batch_size": 16, "learning_rate": 1e-3}}}}))
    done = subprocess.run([build / "finetuned", "run", job], capture_output=True, text=True)
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or done.stdout.strip().splitlines() or ["?"])[-1]


def load(task, folder):
    import torch
    import transformers as t
    auto = (t.AutoModelForTokenClassification if task == "token_classification"
            else t.AutoModelForSequenceClassification)
    model, info = auto.from_pretrained(folder, output_loading_info=True, dtype=torch.float32,
                                       attn_implementation="eager")
    wrong = [f"{kind}: {sorted(info[kind])}" for kind in
             ("missing_keys", "unexpected_keys", "mismatched_keys") if info.get(kind)]
    if model.config.problem_type != PROBLEMS[task]:
        wrong.append(f"problem_type {model.config.problem_type}")
    if len(model.config.id2label) != model.config.num_labels:
        wrong.append(f"id2label {model.config.id2label}")
    return model.eval(), wrong


def ours(build, folder, rows):
    lines = "".join(" ".join(f"{i}:1" if t else str(i) for i, t in zip(ids, types)) + "\n"
                    for ids, types in rows)
    done = subprocess.run([build / "bench", "logits", folder], input=lines, capture_output=True,
                          text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return [[float(x) for x in line.split()] for line in done.stdout.splitlines()]


def compare(build, task, folder, model):
    """The worst difference of a logit, over singles and pairs."""
    import torch
    import transformers as t
    tokenizer = t.AutoTokenizer.from_pretrained(folder)
    numbers = random.Random(9)
    rows, inputs = [], []
    for i in range(24):
        texts = [" ".join(sentence(numbers)) for _ in range(1 + i % 2)]
        encoded = tokenizer(*texts, truncation=True, max_length=SHAPE["positions"] - 2)
        types = encoded.get("token_type_ids", [0] * len(encoded["input_ids"]))
        rows.append((encoded["input_ids"], types))
        inputs.append(encoded)
    worst = 0.0
    for encoded, got in zip(inputs, ours(build, folder, rows)):
        with torch.inference_mode():
            want = model(**encoded.convert_to_tensors("pt", True)).logits.reshape(-1).tolist()
        if len(got) != len(want):
            return float("inf")
        worst = max([worst] + [abs(a - b) for a, b in zip(got, want)])
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--keep", type=pathlib.Path, help="a new folder for the models")
    arguments = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    import transformers
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    scratch = arguments.keep or pathlib.Path(tempfile.mkdtemp())
    scratch.mkdir(exist_ok=True)
    failed = 0
    for family in ("bert", "distilbert", "electra", "roberta"):
        base = scratch / family
        make_base(family, base)
        for task in TASKS:
            folder = scratch / f"{family}-{task}"
            refusal = train(arguments.build, base, task, folder)
            if refusal is not None:
                print(f"{family:11} {task:21} refused: {refusal[:150]}")
                failed += 1
                continue
            model, wrong = load(task, folder)
            worst = compare(arguments.build, task, folder, model)
            good = worst <= TOLERANCE and not wrong
            failed += not good
            print(f"{family:11} {task:21} {type(model).__name__:36} logits within {worst:.1e}"
                  f"{'' if good else '  FAILED ' + '; '.join(wrong)}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
