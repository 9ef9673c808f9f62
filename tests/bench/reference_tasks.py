#!/usr/bin/env python3
"""The reference for accuracy: each task fine-tuned by a PyTorch loop over transformers, on the CPU.

Trains with AdamW without decay, a rate that falls linearly to 0, batches grouped by length and no
clipping, then measures the test file with the last model. Prints one JSON object. Needs torch,
transformers, scikit-learn, scipy and seqeval. Tasks and their losses:

  classification        cross entropy
  multi_label           binary cross entropy, biases starting at the labels' log-odds (from 0 neither
                        side leaves "no label at all" in so few steps); given from probability 0.5 on
  regression            squared error of standardised numbers; figures in the data's units
  token_classification  cross entropy of each word's first token
"""
import argparse
import json
import random
import time


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True, help="a folder with a tokenizer and weights")
    parser.add_argument("--task", required=True, choices=sorted(TASKS))
    parser.add_argument("--train", required=True, help="JSON lines")
    parser.add_argument("--test", required=True)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=2e-4)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


class Task:
    """What is the same for tasks with one answer a text."""
    kind = "AutoModelForSequenceClassification"

    def __init__(self, rows, test, tokenizer, length):
        self.tokenizer, self.length = tokenizer, length
        self.learn(rows)
        self.train = [(self.encode(row), self.target(row)) for row in rows]
        self.test = [(self.encode(row), self.target(row)) for row in test]

    def encode(self, row):
        return self.tokenizer(row.get("text", row.get("text_a")), row.get("text_b"), truncation=True,
                              max_length=self.length)

    def start(self, model):
        """What a new head starts from beside transformers' random weights."""

    def tensors(self, targets, width):
        """The targets of one batch; width: its longest row."""
        import torch
        return torch.tensor(targets)


class Classification(Task):
    def learn(self, rows):
        self.names = sorted({str(row["label"]) for row in rows})
        self.width = len(self.names)

    def target(self, row):
        return self.names.index(str(row["label"]))

    def loss(self, logits, targets):
        from torch.nn.functional import cross_entropy
        return cross_entropy(logits, targets)

    def figures(self, outputs, targets):
        from sklearn.metrics import accuracy_score
        return {"accuracy": accuracy_score(targets, [o.argmax() for o in outputs])}


class MultiLabel(Task):
    def learn(self, rows):
        self.names = sorted({name for row in rows for name in row["labels"]})
        self.width = len(self.names)

    def target(self, row):
        return [float(name in row["labels"]) for name in self.names]

    def start(self, model):
        import torch
        rows = torch.tensor([target for _, target in self.train])
        seen = rows.sum(0) + 1
        with torch.no_grad():
            model.classifier.bias.copy_(torch.log(seen / (len(rows) + 2 - seen)))

    def loss(self, logits, targets):
        from torch.nn.functional import binary_cross_entropy_with_logits
        return binary_cross_entropy_with_logits(logits, targets)

    def figures(self, outputs, targets):
        import numpy
        from sklearn.metrics import f1_score
        said, true = numpy.array(outputs) >= 0, numpy.array(targets) > 0
        return {f"{mean}_f1": f1_score(true, said, average=mean, zero_division=0)
                for mean in ("micro", "macro")}


class Regression(Task):
    def learn(self, rows):
        import statistics
        numbers = [float(row["label"]) for row in rows]
        self.mean, self.deviation = statistics.fmean(numbers), statistics.pstdev(numbers)
        self.width = 1

    def target(self, row):
        return (float(row["label"]) - self.mean) / self.deviation

    def loss(self, logits, targets):
        from torch.nn.functional import mse_loss
        return mse_loss(logits[:, 0], targets)

    def figures(self, outputs, targets):
        from scipy.stats import pearsonr, spearmanr
        said = [float(o[0]) for o in outputs]
        return {"pearson": pearsonr(said, targets)[0], "spearman": spearmanr(said, targets)[0]}


class TokenClassification(Task):
    kind = "AutoModelForTokenClassification"

    def learn(self, rows):
        self.names = sorted({name for row in rows for name in row["labels"]})
        self.width = len(self.names)

    def encode(self, row):
        return self.tokenizer(row["tokens"], is_split_into_words=True, truncation=True,
                              max_length=self.length)

    def target(self, row):
        """A class for the first token of each word, -100 for all others; names unknown to training are O."""
        labels, seen = [], set()
        for word in self.encode(row).word_ids():
            first = word is not None and word not in seen
            seen.add(word)
            name = row["labels"][word] if first else None
            labels.append(self.names.index(name if name in self.names else "O") if first else -100)
        return labels

    def tensors(self, targets, width):
        import torch
        return torch.tensor([row + [-100] * (width - len(row)) for row in targets])

    def loss(self, logits, targets):
        from torch.nn.functional import cross_entropy
        return cross_entropy(logits.flatten(0, 1), targets.flatten())

    def figures(self, outputs, targets):
        from seqeval.metrics import f1_score
        said, true = [], []
        for output, target in zip(outputs, targets):
            labelled = [i for i, label in enumerate(target) if label != -100]
            said.append([self.names[output[i].argmax()] for i in labelled])
            true.append([self.names[target[i]] for i in labelled])
        return {"entity_f1": f1_score(true, said)}


TASKS = {"classification": Classification, "multi_label": MultiLabel, "regression": Regression,
         "token_classification": TokenClassification}


def order_of(lengths, batch):
    """One epoch's batches: shuffled rows, sorted by length in windows of 50 batches, shuffled again."""
    order = list(range(len(lengths)))
    random.shuffle(order)
    window = 50 * batch
    for start in range(0, len(order), window):
        order[start:start + window] = sorted(order[start:start + window], key=lambda i: -lengths[i])
    batches = [order[start:start + batch] for start in range(0, len(order), batch)]
    random.shuffle(batches)
    return batches


def fill(task, rows):
    padded = task.tokenizer.pad([row[0] for row in rows], padding="longest", return_tensors="pt")
    return padded, task.tensors([row[1] for row in rows], padded["input_ids"].shape[1])


def train(o, task, model):
    import torch
    optimizer = torch.optim.AdamW(model.parameters(), lr=o.lr, weight_decay=0.0, fused=True)
    lengths = [len(row[0]["input_ids"]) for row in task.train]
    total = o.epochs * -(-len(lengths) // o.batch)
    model.train()
    step = 0
    for _ in range(o.epochs):
        for picked in order_of(lengths, o.batch):
            for group in optimizer.param_groups:
                group["lr"] = o.lr * (total - step) / total
            inputs, targets = fill(task, [task.train[i] for i in picked])
            optimizer.zero_grad()
            task.loss(model(**inputs).logits, targets).backward()
            optimizer.step()
            step += 1


def measure(task, model):
    import torch
    model.eval()
    order = sorted(range(len(task.test)), key=lambda i: len(task.test[i][0]["input_ids"]))
    outputs = [None] * len(order)
    with torch.inference_mode():
        for start in range(0, len(order), 64):
            picked = order[start:start + 64]
            inputs, _ = fill(task, [task.test[i] for i in picked])
            for i, output in zip(picked, model(**inputs).logits.numpy()):
                outputs[i] = output
    return task.figures(outputs, [row[1] for row in task.test])


def main():
    o = options()
    import torch
    import transformers
    torch.manual_seed(o.seed)
    random.seed(o.seed)
    torch.set_num_threads(o.threads)
    tokenizer = transformers.AutoTokenizer.from_pretrained(o.model)
    task = TASKS[o.task](read(o.train), read(o.test), tokenizer, o.max_length)
    model = getattr(transformers, task.kind).from_pretrained(o.model, num_labels=task.width,
                                                             dtype=torch.float32)
    task.start(model)
    began = time.monotonic()
    train(o, task, model)
    seconds = time.monotonic() - began
    figures = {name: round(float(value), 4) for name, value in measure(task, model).items()}
    print(json.dumps({"figures": figures, "seconds": round(seconds),
                      "versions": f"torch {torch.__version__.split('+')[0]}, "
                                  f"transformers {transformers.__version__}"}))


if __name__ == "__main__":
    main()
