#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Structured inputs for every import filter, in child processes with limited memory.

    python tests/fuzz/hunt_importers.py                     # 200 inputs of each format
    python tests/fuzz/hunt_importers.py --runs 100000       # goes on where the last call stopped, up to so many of each
    python tests/fuzz/hunt_importers.py --formats dp yaml   # only these

Input number k of a format is the same in every run: a golden model changed by ``structured.mutate`` with k as the seed. A child that is
killed, hangs, raises what it must not, or takes more memory than its input justifies leaves that input in FOLDER/crashes, and the next
child goes on behind it. Ends with a table, and with 1 if anything was found. FOLDER/hunt.json holds how far each format has come.
"""

import argparse
import collections
import json
import os
import random
import re
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from structured import mutate
from watch import LastInput, Watch

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
SEEDS = {
    "native": ["every-format/model.safetensors", "trained-pt-compressed/model.safetensors"],
    "pb": ["every-format/model.pb"],
    "compressed pb": ["trained-tf-compressed-one/model.pb"],
    "pth": ["every-format/model.pth"],
    "compressed pth": ["trained-pt-compressed/model.pth"],
    "pt": ["trained-pt/model.pt"],
    "dp": ["every-format/model.dp", "axis-16/model.dp"],
    "hlo": ["every-format/model.hlo"],
    "yaml": ["every-format/model.yaml"],
    "pt2": ["every-format/model.pt2"],
}
BATCH = 1000  # inputs of one child
SLOWEST = 20  # seconds of processor time for one input


def make_input(name, number):
    """Input of a number, the same in every run and on every machine."""
    rng = random.Random(f"{name} {number}")
    seed = (GOLDEN / rng.choice(SEEDS[name])).read_bytes()
    return mutate(seed, rng)


def batch(name, first, end, last_input, results):
    """Import the inputs of a range, in this process; writes what became of them to a file descriptor."""

    def late(*_):
        raise TimeoutError(f"longer than {SLOWEST} s")

    signal.signal(signal.SIGPROF, late)
    for seed in SEEDS[name]:  # loads what only this format needs
        from openmmlps.importers import import_bytes

        import_bytes((GOLDEN / seed).read_bytes())
    watch = Watch(last_input)
    outcome = collections.Counter()
    for number in range(first, end):
        data = make_input(name, number)
        signal.setitimer(signal.ITIMER_PROF, SLOWEST)
        try:
            message = watch.run(data, number)
        except BaseException as error:
            os.write(
                results, json.dumps({"number": number, "error": f"{type(error).__name__}: {error}"[:300]}).encode()
            )
            return 1
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        outcome["accepted" if message is None else "unforeseen" if "contradicts itself" in message else "refused"] += 1
        if message is not None and "contradicts itself" in message:
            outcome[re.sub(r"[0-9]+", "N", message)[:160]] += 1
    os.write(results, json.dumps(outcome).encode())
    return 0


def run_batch(name, first, end, folder):
    """A child for a batch. :return: number of the input behind the last one read, what became of them, and an error or None"""
    last_input = folder / "crashes" / f"last-input-{os.getpid()}"
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.close(reader)
            code = batch(name, first, end, last_input, writer)
        except BaseException as error:  # of the harness itself
            os.write(writer, json.dumps({"error": f"harness: {type(error).__name__}: {error}"[:300]}).encode())
        finally:
            os._exit(code)
    os.close(writer)
    text = b""
    while piece := os.read(reader, 65536):
        text += piece
    os.close(reader)
    _, status = os.waitpid(child, 0)
    if status == 0:
        last_input.unlink()
        return end, json.loads(text), None
    error = json.loads(text)["error"] if text else f"the process ended with status {status}"
    number, data = LastInput.get(last_input)
    last_input.unlink()
    kept = folder / "crashes" / f"{name.replace(' ', '-')}-{number}"
    kept.write_bytes(data)
    return number + 1, {}, f"{kept}: {error}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="inputs of each format, those of earlier calls included")
    parser.add_argument("--formats", nargs="+", choices=SEEDS, default=list(SEEDS))
    parser.add_argument("--folder", type=Path, default=Path(__file__).parents[2] / "build" / "fuzz")
    parser.add_argument("--again", action="store_true", help="forget how far earlier calls came")
    arguments = parser.parse_args()
    (arguments.folder / "crashes").mkdir(parents=True, exist_ok=True)
    record_file = arguments.folder / "hunt.json"
    record = json.loads(record_file.read_text()) if record_file.exists() and not arguments.again else {}
    for name in arguments.formats:
        mine = record.setdefault(name, {"next": 0, "outcome": {}, "errors": [], "seconds": 0.0})
        while mine["next"] < arguments.runs:
            begin = time.monotonic()
            mine["next"], outcome, error = run_batch(
                name, mine["next"], min(mine["next"] + BATCH, arguments.runs), arguments.folder
            )
            mine["seconds"] += time.monotonic() - begin
            for key, count in outcome.items():
                mine["outcome"][key] = mine["outcome"].get(key, 0) + count
            if error:
                mine["errors"].append(error)
                print(error, flush=True)
            new = record_file.with_suffix(".new")
            new.write_text(json.dumps(record, indent=1))
            new.replace(record_file)
    found = 0
    for name in arguments.formats:
        mine = record[name]
        counts = mine["outcome"]
        print(
            f"{name:15} {mine['next']:8} inputs, {counts.get('accepted', 0):7} accepted, {counts.get('unforeseen', 0):5} refused by "
            f"the last resort, {len(mine['errors']):3} bad, {mine['seconds']:6.0f} s"
        )
        found += len(mine["errors"])
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
