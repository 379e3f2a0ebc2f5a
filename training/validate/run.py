# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Validate a model with every script, then write its card: one command for a new model.

    python training/validate/run.py --model .training/runs/lps/model.dp --work .training --full
    python training/validate/run.py --model a/graph.pb --committee b/graph.pb c/graph.pb --work .training --reduced

--full takes the times of the requirements (100 ps, quenched glasses with the quick preset: about two days on two cores, hours on
a GPU machine); --reduced proves within about half an hour of processor time that everything works. Give it again after an
interruption: what is done is not done again. A part that fails is named, the others go on, and the exit code is 1.
"""

import subprocess
import sys
from pathlib import Path

from common import make_parser, open_session

HERE = Path(__file__).resolve().parent
SHORT_QUENCH = ["atoms=60", "melt_time_ps=2", "cooling_rate_K_per_ps=300", "equilibration_time_ps=2"]
SHORT_TRANSPORT = ["temperatures_K=600,700,800", "cell_time_ps=2", "equilibration_time_ps=1", "production_time_ps=4"]
REDUCED = {
    "errors": [],
    "crystals": ["--npt-ps", "10", "--atoms", "120"],
    "glasses": ["--preset", "quick", "--quench-set", *SHORT_QUENCH, "--transport-set", *SHORT_TRANSPORT],
    "pressure": [],
    "stability": ["--time-ps", "1", "--drift-ps", "1"],
}
FULL = {"errors": [], "crystals": [], "glasses": ["--preset", "quick"], "pressure": [], "stability": []}


def main() -> int:
    parser = make_parser(__doc__)
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--full", action="store_true", help="times of the requirements")
    length.add_argument("--reduced", action="store_true", help="short times")
    parser.add_argument("--committee", nargs="+", type=Path, default=[], help="further models of a committee")
    parser.add_argument("--note", default="", help="a sentence about the committee, for the card")
    parser.add_argument("--output", type=Path, default=Path("docs/model-card.md"), help="the card to write")
    arguments = parser.parse_args()
    session = open_session(parser, arguments)
    model = ["--model", str(session.model)]
    steps = {part: [*model, *options] for part, options in (FULL if arguments.full else REDUCED).items()}
    if arguments.committee:
        models = [str(session.model), *map(str, arguments.committee)]
        steps["committee"] = ["--models", *models, "--note", arguments.note]
    steps["card"] = [*model, "--output", str(arguments.output)]
    common, failed = ["--work", str(arguments.work), "--threads", str(arguments.threads)], []
    for part, options in steps.items():
        print(f"== {part}", flush=True)
        if subprocess.run([sys.executable, str(HERE / f"{part}.py"), *options, *common], check=False).returncode:
            failed.append(part)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
