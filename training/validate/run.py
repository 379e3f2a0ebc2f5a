# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Validate a model with every script, then write its card: one command for a new model.

    python training/validate/run.py --model .training/runs/lps/graph.pb --work .training --full
    python training/validate/run.py --model .training/runs/lps/graph.pb --work .training --reduced
    python training/validate/run.py --model a/graph.pb --committee b/graph.pb c/graph.pb --work .training --full

--full takes the times of the requirements (100 ps, quenched glasses with the quick preset: about two days on two cores, hours on
a GPU machine); --reduced proves within about half an hour of processor time that everything works. Give it again after an
interruption: what is done is not done again. A part that fails is named, the others go on, and the exit code is 1.
"""

import subprocess
import sys
from pathlib import Path

from common import make_parser, open_session

HERE = Path(__file__).resolve().parent
REDUCED = {
    "errors": [],
    "crystals": ["--npt-ps", "10", "--atoms", "120"],
    "glasses": ["--source", "frames", "--time-ps", "4"],
    "pressure": [],
    "stability": ["--time-ps", "1", "--piece-ps", "1", "--drift-ps", "1"],
}
FULL = {
    "errors": [],
    "crystals": ["--npt-ps", "100"],
    "glasses": ["--source", "quench", "--preset", "quick"],
    "pressure": [],
    "stability": ["--time-ps", "100", "--drift-ps", "10"],
}


def main() -> int:
    parser = make_parser(__doc__)
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--full", action="store_true", help="times of the requirements")
    length.add_argument("--reduced", action="store_true", help="short times")
    parser.add_argument("--committee", nargs="+", type=Path, default=[], help="further models of a committee")
    parser.add_argument("--note", default="", help="a sentence about the committee, for the card")
    parser.add_argument(
        "--reference", type=Path, help="errors.json of training/evaluate.py; default: the one beside the model"
    )
    parser.add_argument("--output", type=Path, default=Path("docs/model-card.md"), help="the card to write")
    parser.add_argument("--title", help="name of the model in the heading of the card")
    arguments = parser.parse_args()
    session = open_session(parser, arguments)
    common = ["--work", str(arguments.work), "--threads", str(arguments.threads)]
    model = ["--model", str(session.model)]
    steps = [(part, [*model, *options]) for part, options in (FULL if arguments.full else REDUCED).items()]
    if arguments.reference:
        steps[0][1].extend(["--reference", str(arguments.reference)])
    if arguments.committee:
        models = [str(session.model), *map(str, arguments.committee)]
        steps.append(("committee", ["--models", *models, "--note", arguments.note]))
    title = ["--title", arguments.title] if arguments.title else []
    steps.append(("card", [*model, "--output", str(arguments.output), *title]))
    failed = []
    for part, options in steps:
        print(f"== {part}", flush=True)
        if subprocess.run([sys.executable, str(HERE / f"{part}.py"), *options, *common], check=False).returncode:
            failed.append(part)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
