# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Train, freeze and evaluate one model; run it again to go on from the newest checkpoint.

    python training/train.py --config training/configs/lps.json --work .training [--init-frozen graph.pb] [--steps N]

Needs `prepare.py` to have been run with the same --work. Everything goes to WORK/runs/<name>/ : input.json, lcurve.out,
model.ckpt*, graph.pb (the frozen model), errors.json and errors.md. Run it with the Python of the environment that
holds deepmd-kit.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

PARTS = {"training_data": "train", "validation_data": "validation"}


def read_config(path: Path) -> dict:
    """Read a config. One that names another config of its folder as `base` holds only what differs from it."""
    content = json.loads(path.read_text())
    base = content.pop("base", None)
    return content if base is None else merge(read_config(path.with_name(base)), content)


def merge(base: dict, changes: dict) -> dict:
    """Return `base` with the values of `changes` put in, level by level."""
    merged = dict(base)
    for key, value in changes.items():
        merged[key] = merge(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
    return merged


def build_input(config: Path, data: Path, overrides: dict) -> dict:
    """Return the DeePMD-kit input: `config` with the systems below `data` and with the overridden values filled in.

    `overrides` may hold `steps`, `start_lr` (dimensionless) and `seed`; None leaves the value of the file. The crystals
    come before the glasses, which is what the index ranges of `auto_prob` in the config rely on.
    """
    content = read_config(config)
    systems = sorted(path for path in data.glob("*") if path.is_dir())
    if not systems:
        raise SystemExit(f"train: no system lies in '{data}'; run training/prepare.py first")
    for section, part in PARTS.items():
        content["training"][section]["systems"] = [str(path / part) for path in systems]
    if overrides.get("steps") is not None:
        content["training"]["numb_steps"] = overrides["steps"]
    if overrides.get("start_lr") is not None:
        content["learning_rate"]["start_lr"] = overrides["start_lr"]
    if overrides.get("seed") is not None:
        content["training"]["seed"] = overrides["seed"]
        content["model"]["descriptor"]["seed"] = overrides["seed"]
        content["model"]["fitting_net"]["seed"] = overrides["seed"]
    return content


def newest_checkpoint(run: Path) -> tuple[str, int] | None:
    """Return prefix and step of the newest complete checkpoint in `run`, or None if there is none."""
    found = [
        (int(match.group(1)), path.name.removesuffix(".index"))
        for path in run.glob("model.ckpt-*.index")
        if (match := re.fullmatch(r"model\.ckpt-(\d+)\.index", path.name))
    ]
    if not found:
        return None
    step, prefix = max(found)
    return prefix, step


def environment(threads: int) -> dict:
    """Return the process environment with the thread numbers that TensorFlow and DeePMD-kit read."""
    return os.environ | {
        "OMP_NUM_THREADS": str(threads),
        "DP_INTRA_OP_PARALLELISM_THREADS": str(threads),
        "DP_INTER_OP_PARALLELISM_THREADS": "1",
    }


def dp(run: Path, threads: int, *command: str) -> None:
    """Run the `dp` program of this Python's environment in the folder `run`; raise CalledProcessError if it fails."""
    program = Path(sys.executable).with_name("dp")
    subprocess.run([str(program), "--tf", *command], cwd=run, env=environment(threads), check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="DeePMD-kit input without systems")
    parser.add_argument("--work", type=Path, default=Path(".training"), help="working folder of prepare.py")
    parser.add_argument("--name", help="name of the run (default: that of the config)")
    parser.add_argument("--init-frozen", type=Path, help="frozen model to start from where there is no checkpoint yet")
    parser.add_argument("--steps", type=int, help="number of batches, instead of the config's")
    parser.add_argument("--start-lr", type=float, help="first learning rate, instead of the config's")
    parser.add_argument("--seed", type=int, help="seed of weights and data order, instead of the config's")
    parser.add_argument("--threads", type=int, default=2, help="threads to use")
    arguments = parser.parse_args()

    run = arguments.work.resolve() / "runs" / (arguments.name or arguments.config.stem)
    run.mkdir(parents=True, exist_ok=True)
    overrides = {"steps": arguments.steps, "start_lr": arguments.start_lr, "seed": arguments.seed}
    content = build_input(arguments.config, arguments.work.resolve() / "data", overrides)
    (run / "input.json").write_text(json.dumps(content, indent=1) + "\n")

    checkpoint = newest_checkpoint(run)
    if checkpoint is None or checkpoint[1] < content["training"]["numb_steps"]:
        start = []
        if checkpoint is not None:
            start = ["--restart", checkpoint[0]]
            if (run / "lcurve.out").exists():  # DeePMD-kit starts a new one on restart
                (run / "lcurve.out").rename(run / f"lcurve-before-{checkpoint[1]}.out")
        elif arguments.init_frozen is not None:
            start = ["--init-frz-model", str(arguments.init_frozen.resolve())]
        dp(run, arguments.threads, "train", "input.json", "--skip-neighbor-stat", *start)
    dp(run, arguments.threads, "freeze", "-c", ".", "-o", "graph.pb")
    evaluate = [sys.executable, str(Path(__file__).with_name("evaluate.py")), "--model", str(run / "graph.pb")]
    evaluate += ["--work", str(arguments.work), "--output", str(run)]
    subprocess.run(evaluate, env=environment(arguments.threads), check=True)


if __name__ == "__main__":
    main()
