#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Structured inputs for every import filter, in child processes with limited memory.

    python tests/fuzz/hunt_importers.py                     # 200 inputs of each format
    python tests/fuzz/hunt_importers.py --runs 100000 --formats dp yaml

Input number k of a format is the same in every run: a golden model changed by ``structured.mutate`` with k as the seed. A child that is
killed, hangs, raises what it must not, or takes more memory than its input justifies leaves that input in FOLDER/crashes, and the next
child goes on behind it. Ends with a table, and with 1 if anything was found.
"""

import argparse
import collections
import json
import os
import random
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
    "pb": ["every-format/model.pb", "graph-012/model.pb"],
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


def batch(name, first, end, last_input):
    """Import the inputs of a range in this process. :return: what became of them, or the error that ended it"""
    from openmmlps.importers import import_bytes

    def late(*_):
        raise TimeoutError(f"longer than {SLOWEST} s")

    signal.signal(signal.SIGPROF, late)
    seeds = [(GOLDEN / seed).read_bytes() for seed in SEEDS[name]]
    for seed in seeds:  # loads what only this format needs
        import_bytes(seed)
    watch = Watch(last_input)
    outcome = collections.Counter()
    for number in range(first, end):
        rng = random.Random(f"{name} {number}")
        data = mutate(rng.choice(seeds), rng)
        signal.setitimer(signal.ITIMER_PROF, SLOWEST)
        try:
            message = watch.run(data, number)
        except BaseException as error:
            return {"error": f"{type(error).__name__}: {error}"[:300]}
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        outcome["accepted" if message is None else "unforeseen" if "contradicts itself" in message else "refused"] += 1
    return outcome


def run_batch(name, first, end, folder):
    """A child for a batch. :return: number of the input behind the last one read, what became of them, and an error or None"""
    last_input = folder / f"last-input-{os.getpid()}"
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            os.write(writer, json.dumps(batch(name, first, end, last_input)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as stream:
        text = stream.read()
    _, status = os.waitpid(child, 0)
    outcome = json.loads(text) if text else {"error": f"the process ended with status {status}"}
    number, data = LastInput.get(last_input)
    last_input.unlink()
    if "error" not in outcome:
        return end, outcome, None
    kept = folder / f"{name.replace(' ', '-')}-{number}"
    kept.write_bytes(data)
    return number + 1, {}, f"{kept}: {outcome['error']}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="inputs of each format")
    parser.add_argument("--formats", nargs="+", choices=SEEDS, default=list(SEEDS))
    parser.add_argument("--folder", type=Path, default=Path(__file__).parents[2] / "build" / "fuzz")
    arguments = parser.parse_args()
    folder = arguments.folder / "crashes"
    folder.mkdir(parents=True, exist_ok=True)
    bad = 0
    for name in arguments.formats:
        number, counts, errors, begin = 0, collections.Counter(), 0, time.monotonic()
        while number < arguments.runs:
            number, outcome, error = run_batch(name, number, min(number + BATCH, arguments.runs), folder)
            counts.update(outcome)
            if error:
                errors += 1
                print(error, flush=True)
        print(
            f"{name:15} {number:8} inputs, {counts['accepted']:7} accepted, {counts['unforeseen']:5} refused by the last resort, "
            f"{errors:3} bad, {time.monotonic() - begin:6.0f} s",
            flush=True,
        )
        bad += errors
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
