#!/usr/bin/env python3
"""The long tests: what cannot be shown in minutes. See script/test-long."""
import argparse
import datetime
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import churn
from daemon import Daemon
import disk_full
import kills
import sigterm
import soak

PARTS = {"kills": kills.run, "disk": disk_full.run, "sigterm": sigterm.run, "churn": churn.run,
         "soak": soak.run}


def arguments():
    here = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--program", type=pathlib.Path, default=here / "build" / "release" / "finetuned")
    parser.add_argument("--models", type=pathlib.Path, default=here / "examples", help="where tiny-bert is")
    parser.add_argument("--data", type=pathlib.Path, default=here / "examples" / "library")
    parser.add_argument("--vocabulary", type=pathlib.Path,
                        default=here / "tests" / "fixtures" / "tokens" / "small" / "vocab.txt")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--megabytes", type=int, default=256, help="of the disk that is filled")
    parser.add_argument("--churn-minutes", type=float, default=10)
    parser.add_argument("--soak-minutes", type=float, default=120)
    parser.add_argument("--results", type=pathlib.Path, default=here / "tests" / "RESULTS.md")
    options = parser.parse_args()
    for part in options.parts:
        if part not in PARTS:
            parser.error(f"there is no part '{part}': {', '.join(PARTS)}")
    return options, here


def record(options, here, part, figures, seconds):
    """One row of the results, with the commit that was tested."""
    commit = subprocess.run(["git", "-C", here, "rev-parse", "--short", "HEAD"], capture_output=True,
                            text=True, check=False).stdout.strip()
    words = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items())
    row = f"| {datetime.date.today()} | {commit} | {part} | {words} | {seconds:.0f} s | {options.seed} |\n"
    if options.results.exists():
        with open(options.results, "a", encoding="utf-8") as out:
            out.write(row)
    print(row, end="", flush=True)


def main():
    options, here = arguments()
    failed = []
    for part in options.parts:
        scratch = pathlib.Path(tempfile.mkdtemp(prefix=f"finetuned-{part}-"))
        options.minutes = options.churn_minutes if part == "churn" else options.soak_minutes
        print(f"== {part} (seed {options.seed})", flush=True)
        begin = time.monotonic()
        try:
            figures = PARTS[part](options, scratch, lambda text: print(f"  {text}", flush=True))
        except Exception as error:
            failed.append(part)
            print(f"  FAILED: {error!r}; everything is kept in {scratch}", flush=True)
            continue
        finally:
            Daemon.end_all()
        record(options, here, part, figures, time.monotonic() - begin)
        shutil.rmtree(scratch, ignore_errors=True)
    print(json.dumps({"failed": failed}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
