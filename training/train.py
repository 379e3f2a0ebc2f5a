# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Train, freeze and evaluate one model; run it again to go on from the newest checkpoint.

    python training/train.py --config training/configs/lps.json --work .training [--init-frozen graph.pb] [--steps N]

Needs `prepare.py` to have been run with the same --work. Everything goes to WORK/runs/<name>/ : input.json, lcurve.out,
model.ckpt*, graph.pb (the frozen model), errors.json and errors.md. Run it with the Python of the environment that
holds deepmd-kit. `--engine torch` leaves the batches to the package `engine`, which needs PyTorch and is several times
faster; DeePMD-kit still freezes and evaluates. A run folder belongs to the engine that made its checkpoints.
"""

import argparse
import json
import logging
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

    `overrides` may hold `steps`, `start_lr` (dimensionless), `seed` and `batch_size`; None leaves the value of the file. The crystals
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
    if overrides.get("batch_size") is not None:
        size = overrides["batch_size"]
        content["training"]["training_data"]["batch_size"] = int(size) if size.isdigit() else size
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


def train_deepmd(run: Path, content: dict, arguments: argparse.Namespace) -> bool:
    """Train with DeePMD-kit where the newest checkpoint is not the last one; return whether the run is complete."""
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
    return True


def train_torch(run: Path, content: dict, arguments: argparse.Namespace) -> bool:
    """Train with the package `engine`; return whether the last batch was reached."""
    import torch

    from engine import interchange
    from engine.loop import Options, Run

    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    torch.set_num_threads(arguments.threads)
    names = ("device", "optimiser", "weight_decay", "average", "seconds")
    options = Options(**{name: getattr(arguments, name) for name in names})
    engine = Run(run, content, options)
    weights = constants = None
    if arguments.init_frozen is not None and not engine.resumes():
        weights, constants = interchange.read_model(arguments.init_frozen, engine.architecture)
    engine.start(weights, constants)
    return engine.train()


def freeze_torch(run: Path, content: dict) -> list[Path]:
    """Write what the newest checkpoint holds as models of DeePMD-kit, and return the folders of the graph.pb.

    That is the run folder and, if it averages the weights, its folder `last`, which gets those of the last batch.
    """
    from engine import checkpoint, interchange
    from engine.architecture import read_architecture
    from engine.parameters import named_arrays

    found = checkpoint.find(run)
    if not found:
        raise SystemExit(f"train: no checkpoint lies in '{run}'; train first")
    saved = checkpoint.read(found[-1][1])
    architecture = read_architecture(content["model"])
    constants = {name: value.numpy() for name, value in saved["constants"].items()}
    vectors = {run: saved["parameters"]}
    if saved["averaged"] is not None:
        vectors = {run: saved["averaged"], run / "last": saved["parameters"]}
    for folder, vector in vectors.items():
        folder.mkdir(exist_ok=True)
        weights = named_arrays(architecture, vector)
        interchange.write_model(folder / "model.dp", content["model"], architecture, weights, constants)
        interchange.convert(folder / "model.dp", folder / "graph.pb")
    return list(vectors)


def check_folder(run: Path, engine: str) -> None:
    """Raise SystemExit if the run folder holds checkpoints of the other engine."""
    other, pattern = ("deepmd", "model.ckpt-*.index") if engine == "torch" else ("torch", "model.ckpt-*.pt")
    if any(run.glob(pattern)):
        raise SystemExit(
            f"train: '{run}' holds checkpoints of --engine {other}; use that, or go on from its graph.pb as a new run: "
            "--name NEW --init-frozen graph.pb"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="DeePMD-kit input without systems")
    parser.add_argument("--work", type=Path, default=Path(".training"), help="working folder of prepare.py")
    parser.add_argument("--name", help="name of the run (default: that of the config)")
    parser.add_argument("--engine", choices=("deepmd", "torch"), default="deepmd", help="what computes the batches")
    parser.add_argument("--init-frozen", type=Path, help="frozen model to start from where there is no checkpoint yet")
    parser.add_argument("--steps", type=int, help="number of batches, instead of the config's")
    parser.add_argument("--start-lr", type=float, help="first learning rate, instead of the config's")
    parser.add_argument("--seed", type=int, help="seed of weights and data order, instead of the config's")
    parser.add_argument("--batch-size", help="frames per batch or auto:ATOMS, instead of the config's")
    parser.add_argument("--threads", type=int, default=2, help="threads to use")
    stages = parser.add_mutually_exclusive_group()
    stages.add_argument("--train-only", action="store_true", help="do not freeze and evaluate")
    stages.add_argument("--freeze-only", action="store_true", help="freeze and evaluate the newest checkpoint as it is")
    torch_only = parser.add_argument_group("with --engine torch")
    torch_only.add_argument("--device", default="cpu", help="device of PyTorch, such as cuda")
    torch_only.add_argument("--optimiser", choices=("adam", "soap"), default="adam", help="what moves the weights")
    torch_only.add_argument(
        "--weight-decay",
        type=float,
        default=0.0,
        help="with --optimiser soap: shrink matrices by rate times this a batch",
    )
    torch_only.add_argument(
        "--average", type=float, help="decay per batch of the average of the weights that is frozen"
    )
    torch_only.add_argument("--seconds", type=float, help="write a checkpoint and stop after this time")
    arguments = parser.parse_args()
    if arguments.weight_decay < 0 or (arguments.weight_decay and arguments.optimiser != "soap"):
        parser.error(
            f"--weight-decay is {arguments.weight_decay:g}; it must not be negative, and needs --optimiser soap"
        )

    run = arguments.work.resolve() / "runs" / (arguments.name or arguments.config.stem)
    run.mkdir(parents=True, exist_ok=True)
    check_folder(run, arguments.engine)
    overrides = {name: getattr(arguments, name) for name in ("steps", "start_lr", "seed", "batch_size")}
    content = build_input(arguments.config, arguments.work.resolve() / "data", overrides)
    (run / "input.json").write_text(json.dumps(content, indent=1) + "\n")

    if not arguments.freeze_only:
        complete = (train_torch if arguments.engine == "torch" else train_deepmd)(run, content, arguments)
        if arguments.train_only or not complete:
            return
    folders = [run]
    if arguments.engine == "torch":
        folders = freeze_torch(run, content)
    else:
        dp(run, arguments.threads, "freeze", "-c", ".", "-o", "graph.pb")
    for folder in folders:
        evaluate = [sys.executable, str(Path(__file__).with_name("evaluate.py")), "--model", str(folder / "graph.pb")]
        evaluate += ["--work", str(arguments.work), "--output", str(folder)]
        subprocess.run(evaluate, env=environment(arguments.threads), check=True)


if __name__ == "__main__":
    main()
