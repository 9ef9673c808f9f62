"""SIGTERM while a BERT-base shape trains on 32 rows of 512 tokens; then exact resumption.

Wanted: the exit comes within 10 s plus the time to write the state, and the job that goes on ends in
the same bytes as one that nobody stopped.
"""
import json
import random
import time

from daemon import Daemon, outcome


def base_shape(folder, vocabulary):
    """A BERT-base folder without weights."""
    folder.mkdir(parents=True)
    folder.joinpath("vocab.txt").write_bytes(vocabulary.read_bytes())
    words = len(vocabulary.read_text(encoding="utf-8").splitlines())
    folder.joinpath("config.json").write_text(json.dumps({
        "architectures": ["BertModel"], "model_type": "bert", "vocab_size": words, "hidden_size": 768,
        "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12}))


def long_rows(path, count, seed):
    """Rows that fill 512 tokens."""
    chance = random.Random(seed)
    words = "the of and to in a is that for it as was with be by on not he his but at are".split()
    with open(path, "w", encoding="utf-8") as out:
        for row in range(count):
            text = " ".join(chance.choice(words) for _ in range(600))
            out.write(json.dumps({"text": text, "label": f"class {row % 4}"}) + "\n")


def body(file, steps):
    return {"model": "bert-base-shape", "training_file": file, "validation_split": 0, "seed": 3,
            "batch_size": 32, "max_steps": steps, "max_seq_length": 512, "learning_rate": 5e-5}


def run(options, scratch, say):
    base_shape(scratch / "models" / "bert-base-shape", options.vocabulary)
    long_rows(scratch / "long.jsonl", 128, 5)
    calm = Daemon(options.program, scratch / "models", scratch / "calm-base").start()
    job = calm.ask("POST", "/v1/fine_tuning/jobs", body(calm.upload(scratch / "long.jsonl"), 2))["id"]
    calm.wait(job, 3600)
    wanted = outcome(calm, job)
    calm.stop()
    say("the undisturbed job has ended")
    daemon = Daemon(options.program, scratch / "models", scratch / "term").start()
    job = daemon.ask("POST", "/v1/fine_tuning/jobs", body(daemon.upload(scratch / "long.jsonl"), 2))["id"]
    while daemon.ask("GET", f"/v1/fine_tuning/jobs/{job}")["progress"]["step"] < 1:
        time.sleep(0.05)
    time.sleep(0.5)  # into the second step
    seconds = daemon.stop(120)
    say(f"SIGTERM in the second step: exit after {seconds:.1f} s")
    daemon.start()
    state = daemon.wait(job, 3600)
    assert state["status"] == "succeeded", state
    assert state["attempt"] == 2
    assert outcome(daemon, job) == wanted, "other bytes than without SIGTERM"
    daemon.stop()
    return {"seconds_to_exit": round(seconds, 2), "same_bytes": True}
