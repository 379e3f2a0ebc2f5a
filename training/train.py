# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Train and freeze one model; run it again to go on from the newest checkpoint.

    python training/train.py --config training/configs/lps.json --work .training [--init-frozen graph.pb] [--steps N]

Needs `prepare.py` to have been run with the same --work. Everything goes to WORK/runs/<name>/ : input.json, lcurve.out,
model.ckpt-*.pt, model.dp and graph.pb (the frozen model). Run it with the Python of the environment that holds deepmd-kit: the
package `engine` computes the batches with PyTorch, and DeePMD-kit writes the frozen model.
"""

import argparse
import json
import logging
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


def train(run: Path, content: dict, arguments: argparse.Namespace) -> bool:
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


def freeze(run: Path, content: dict) -> None:
    """Write what the newest checkpoint holds as models of DeePMD-kit.

    If the run averages the weights, its folder `last` gets those of the last batch.
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="DeePMD-kit input without systems")
    parser.add_argument("--work", type=Path, default=Path(".training"), help="working folder of prepare.py")
    parser.add_argument("--name", help="name of the run (default: that of the config)")
    parser.add_argument("--init-frozen", type=Path, help="frozen model to start from where there is no checkpoint yet")
    parser.add_argument("--steps", type=int, help="number of batches, instead of the config's")
    parser.add_argument("--start-lr", type=float, help="first learning rate, instead of the config's")
    parser.add_argument("--seed", type=int, help="seed of weights and data order, instead of the config's")
    parser.add_argument("--batch-size", help="frames per batch or auto:ATOMS, instead of the config's")
    parser.add_argument("--threads", type=int, default=1, help="threads to use")
    stages = parser.add_mutually_exclusive_group()
    stages.add_argument("--train-only", action="store_true", help="do not freeze")
    stages.add_argument("--freeze-only", action="store_true", help="freeze the newest checkpoint as it is")
    parser.add_argument("--device", default="cpu", help="device of PyTorch, such as cuda")
    parser.add_argument("--optimiser", choices=("adam", "soap"), default="soap", help="what moves the weights")
    parser.add_argument(
        "--weight-decay",
        type=float,
        default=0.0,
        help="with --optimiser soap: shrink matrices by rate times this a batch",
    )
    parser.add_argument("--average", type=float, help="decay per batch of the average of the weights that is frozen")
    parser.add_argument("--seconds", type=float, help="write a checkpoint and stop after this time")
    arguments = parser.parse_args()
    if arguments.weight_decay < 0 or (arguments.weight_decay and arguments.optimiser != "soap"):
        parser.error(
            f"--weight-decay is {arguments.weight_decay:g}; it must not be negative, and needs --optimiser soap"
        )

    run = arguments.work.resolve() / "runs" / (arguments.name or arguments.config.stem)
    run.mkdir(parents=True, exist_ok=True)
    overrides = {name: getattr(arguments, name) for name in ("steps", "start_lr", "seed", "batch_size")}
    content = build_input(arguments.config, arguments.work.resolve() / "data", overrides)
    (run / "input.json").write_text(json.dumps(content, indent=1) + "\n")

    complete = arguments.freeze_only or train(run, content, arguments)
    if complete and not arguments.train_only:
        freeze(run, content)


if __name__ == "__main__":
    main()
