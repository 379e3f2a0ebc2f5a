# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Train one model from a DeePMD-kit input; run it again to go on from the checkpoint.

    python training/train.py --config training/configs/lps.json --work .training [--init-frozen model.dp] [--steps N]

Needs `prepare.py` to have been run with the same --work. Everything goes to WORK/runs/<name>/ : input.json, lcurve.out,
checkpoint.npz, model.dp and model.safetensors. `openmm-lps train` does the same without a config, for any data.
"""

import argparse
import json
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
    """Train, and write model.dp and model.safetensors; the value says whether the last batch was reached.

    If the run averages the weights, those of the last batch go to its folder `last`.
    """
    from openmmlps.learn.engine import interchange
    from openmmlps.learn.engine.loop import Options, Run
    from openmmlps.learn.engine.parameters import named_arrays
    from openmmlps.learn.frames import read_frames

    def tell(line: dict) -> None:
        print(f"batch {line['step']:.0f}: force {line['force_val']:.3f} eV/A, {line['elapsed']:.0f} s", flush=True)

    parts = [[read_frames(Path(path)) for path in content["training"][section].get("systems", [])] for section in PARTS]
    options = Options(
        weight_decay=arguments.weight_decay, average=arguments.average, seconds=arguments.seconds, report=tell
    )
    engine = Run(run, content, options, *parts)
    weights = constants = None
    if arguments.init_frozen is not None and not engine.resumes():
        architecture, weights, constants = interchange.read_model(arguments.init_frozen)
        if architecture != engine.architecture:
            raise SystemExit(f"train: '{arguments.init_frozen}' is of another architecture than the config")
    engine.start(weights, constants)
    complete = engine.train()
    vectors = {run: engine.parameters.flat}
    if engine.averaged is not None:
        vectors = {run: engine.averaged, run / "last": engine.parameters.flat}
    for folder, vector in vectors.items():
        folder.mkdir(exist_ok=True)
        weights = named_arrays(engine.architecture, vector)
        interchange.write_model(folder / "model", engine.architecture, weights, engine.constants)
    return complete


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="DeePMD-kit input without systems")
    parser.add_argument("--work", type=Path, default=Path(".training"), help="working folder of prepare.py")
    parser.add_argument("--name", help="name of the run (default: that of the config)")
    parser.add_argument("--init-frozen", type=Path, help="model to start from where there is no checkpoint yet")
    parser.add_argument("--steps", type=int, help="number of batches, instead of the config's")
    parser.add_argument("--start-lr", type=float, help="first learning rate, instead of the config's")
    parser.add_argument("--seed", type=int, help="seed of weights and data order, instead of the config's")
    parser.add_argument("--batch-size", help="frames per batch or auto:ATOMS, instead of the config's")
    parser.add_argument("--weight-decay", type=float, default=0.0, help="shrink matrices by rate times this a batch")
    parser.add_argument("--average", type=float, help="decay per batch of the average of the weights that is written")
    parser.add_argument("--seconds", type=float, help="write a checkpoint and stop after this time")
    arguments = parser.parse_args()
    if arguments.weight_decay < 0:
        parser.error(f"--weight-decay is {arguments.weight_decay:g}; it must not be negative")

    run = arguments.work.resolve() / "runs" / (arguments.name or arguments.config.stem)
    run.mkdir(parents=True, exist_ok=True)
    overrides = {name: getattr(arguments, name) for name in ("steps", "start_lr", "seed", "batch_size")}
    content = build_input(arguments.config, arguments.work.resolve() / "data", overrides)
    (run / "input.json").write_text(json.dumps(content, indent=1) + "\n")

    if not train(run, content, arguments):
        print("stopped before the last batch; give the same command again to go on")


if __name__ == "__main__":
    main()
