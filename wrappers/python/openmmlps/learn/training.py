# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Train a Deep Potential on labelled frames of any elements: a fresh one, or on from a model."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from ._curve import Curve
from ._folder import differences, locked, read_record, write_record
from .data import elements_of, read_data, split
from .engine import interchange
from .engine.architecture import Architecture
from .engine.gradient import Evaluation
from .engine.loop import Options, Run
from .engine.parameters import named_arrays
from .frames import Frames

#: sizes of the packaged models: embedding, axis, fitting
SIZES: dict[str, dict[str, Any]] = {
    "lps": {"embedding": (25, 50, 100), "axis": 16, "fitting": (120, 120, 120)},
    "lps-fast": {"embedding": (12, 24, 48), "axis": 8, "fitting": (120, 120, 120)},
}
LOSS = {
    "start_pref_e": 0.2, "limit_pref_e": 10, "start_pref_f": 500, "limit_pref_f": 20, "start_pref_v": 0.05, "limit_pref_v": 3,
}  # fmt: skip
_MAY_CHANGE = ("time", "steps")
_REFIT_FRAMES = 200


@dataclass(frozen=True)
class TrainSettings:
    """How to train; lengths in angstrom, times in s.

    Parameters
    ----------
    size : str
        'lps' or 'lps-fast', the sizes of the packaged models; a model to start from has its own
    cutoff, smooth : float
        of the descriptor, and where it begins to vanish
    time : float, optional
        clock time of the training, over which the learning rate falls; not with `steps`
    steps : int, optional
        number of batches
    rate : float, optional
        first learning rate; None: 5e-3, or 1e-3 from a model
    batch_atoms : int
        a batch is the fewest frames with so many atoms
    weight_decay, average : float
        of the matrices by batch and rate; of the running mean of the weights
    split : str
        'time', 'trajectory' or 'random', see :func:`openmmlps.learn.data.split`
    hold_out : float
        fraction of the frames
    seed : int
        of weights and the order of the frames
    """

    size: str = "lps"
    cutoff: float = 6.0
    smooth: float = 0.5
    time: float | None = None
    steps: int | None = None
    rate: float | None = None
    batch_atoms: int = 64
    weight_decay: float = 0.0
    average: float = 0.9995
    split: str = "time"
    hold_out: float = 0.1
    seed: int = 1

    def __post_init__(self) -> None:
        wrong = []
        if self.size not in SIZES:
            wrong.append(f"size is '{self.size}', not one of {', '.join(SIZES)}")
        if not 0 <= self.smooth < self.cutoff <= 20:
            wrong.append(f"smooth {self.smooth:g} and cutoff {self.cutoff:g} are not 0 <= smooth < cutoff <= 20")
        if (self.time is None) == (self.steps is None):
            wrong.append("give either time or steps")
        for name in ("time", "steps", "rate", "batch_atoms"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                wrong.append(f"{name} is {value:g}; it must be more than 0")
        if not 0 <= self.average < 1 or self.weight_decay < 0:
            wrong.append("average must be from 0 to below 1, and weight_decay not negative")
        if wrong:
            raise ValueError(f"train: {'; '.join(wrong)}")


@dataclass(frozen=True)
class Trained:
    """What a training left: files, whether it is complete, and errors of the held-out frames."""

    model: Path  #: native file
    deepmd: Path  #: `.dp` file
    finished: bool
    steps: int
    errors: dict[str, float]  #: meV/atom, eV/angstrom, meV/atom; root mean squares


def train(
    data: Iterable[Path | str],
    output: Path | str,
    settings: TrainSettings,
    *,
    start: Path | str | None = None,
    held_out: Iterable[Path | str] = (),
    keys: Mapping[str, str] | None = None,
    threads: int = 1,
    report: Callable[[Mapping[str, float]], None] | None = None,
    tell: Callable[[str], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Trained:
    """Train a potential; the same call goes on where an earlier one was stopped or killed.

    Parameters
    ----------
    data : iterable of Path or str
        labelled frames, see :func:`openmmlps.learn.data.read_data`
    output : Path or str
        folder of the model, its learning curve and the checkpoint
    settings : TrainSettings
        how to train
    start : Path or str, optional
        model to start from, in any format; it may lack elements of the data. Energies per element are fitted again
    held_out : iterable of Path or str
        labelled frames for validation, instead of a part of the data
    keys : mapping of str to str, optional
        names of the labels in files, see :func:`openmmlps.learn.data.read_data`
    threads : int
        of the linear algebra library
    report : callable, optional
        gets every line of the learning curve: step, elapsed (s), rate, and loss, energy (eV/atom), force (eV/angstrom) and
        virial (eV/atom) with `_trn` and `_val`
    tell : callable, optional
        gets sentences about what happens
    stop : callable, optional
        asked before every batch whether to stop

    Returns
    -------
    Trained
        files and errors

    Raises
    ------
    ValueError
        for data, a model or settings that do not fit, or a folder of another training
    OSError
        for a missing file or a full disk
    """
    output, say = Path(output), tell or (lambda text: None)
    frames = read_data(data, keys)
    parts = split(frames, settings.split, 0.0 if held_out else settings.hold_out, settings.seed)
    validation = read_data(held_out, keys) if held_out else parts.held_out
    begin = _begin(start, elements_of([*parts.training, *validation]), settings)
    record = {
        "settings": {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(settings).items()},
        "start": begin.digest,
        "training": [[f.name, f.sha256()[:16]] for f in parts.training],
        "held_out": [[f.name, f.sha256()[:16]] for f in validation],
    }
    with _threads(threads, say), locked(output, "train"):
        _check_folder(output, record)
        write_record(output / "training.json", record | {"frames": parts.ranges})
        content = _input(begin, settings)
        picture = Curve(output, report)
        options = Options(
            weight_decay=settings.weight_decay,
            average=settings.average,
            budget=settings.time,
            stop=stop,
            report=picture.add,
        )
        say(f"{sum(map(len, parts.training))} frames to train on, {sum(map(len, validation))} held out")
        run = Run(output, content, options, parts.training, validation)
        weights, constants = _start(run, begin, settings, say)
        fresh = not run.resumes()
        run.start(weights, constants, save=False)
        if fresh and begin.weights is not None:
            _refit(run)
        if fresh:
            run.save()
        finished = run.train()
        picture.draw()
        level = next((f.level for f in frames if f.level), "")
        return _conclude(run, validation, output, level, finished)


@dataclass(frozen=True)
class _Begin:
    elements: tuple[str, ...]
    architecture: Architecture | None = None
    weights: dict[str, np.ndarray] | None = None
    constants: dict[str, np.ndarray] | None = None
    digest: str | None = None  #: of the weights


def _begin(start: Path | str | None, elements: Sequence[str], settings: TrainSettings) -> _Begin:
    """Read the model to start from; its elements come first, new ones behind."""
    if start is None:
        return _Begin(tuple(elements))
    from openmmlps._files import existing_model
    from openmmlps.importers.native import weights_sha256

    architecture, weights, constants = interchange.read_model(existing_model(start))
    default = TrainSettings(steps=1)
    given = [f.name for f in fields(default) if f.name in ("size", "cutoff", "smooth")]
    different = [name for name in given if getattr(settings, name) != getattr(default, name)]
    if different:
        raise ValueError(
            f"train: {', '.join(different)} cannot be chosen with --from: the model has its own; leave it out"
        )
    names = (*architecture.type_map, *(name for name in elements if name not in architecture.type_map))
    return _Begin(names, architecture, weights, constants, weights_sha256(weights)[:16])


def _input(begin: _Begin, settings: TrainSettings) -> dict[str, Any]:
    """The DeePMD-kit input of a training."""
    sizes = dict(SIZES[settings.size], cutoff=settings.cutoff, smooth=settings.smooth, one_side=False)
    steps = {"embedding": False, "fitting": True}
    old = begin.architecture
    if old is not None:
        sizes = {"embedding": old.embedding, "axis": old.axis, "fitting": old.fitting, "one_side": old.one_side}
        sizes |= {"cutoff": old.rcut, "smooth": old.rcut_smth}
        steps = {"embedding": old.embedding_step, "fitting": old.fitting_step}
    rate = settings.rate or (5e-3 if old is None else 1e-3)
    return {
        "model": {
            "type_map": list(begin.elements),
            "descriptor": {
                "type": "se_e2_a",
                "rcut": sizes["cutoff"],
                "rcut_smth": sizes["smooth"],
                "sel": "auto",
                "neuron": list(sizes["embedding"]),
                "axis_neuron": sizes["axis"],
                "resnet_dt": steps["embedding"],
                "type_one_side": sizes["one_side"],
            },
            "fitting_net": {"neuron": list(sizes["fitting"]), "resnet_dt": steps["fitting"]},
        },
        "learning_rate": {"type": "exp", "start_lr": rate, "stop_lr": min(1e-5, rate), "decay_steps": 200},
        "loss": dict(LOSS),
        "training": {
            "training_data": {"batch_size": f"auto:{settings.batch_atoms}"},
            "validation_data": {"batch_size": 1, "numb_btch": 4},
            "numb_steps": settings.steps or 0,
            "seed": settings.seed,
            "disp_freq": 100 if settings.steps is None else max(1, min(100, settings.steps // 20)),
        },
    }


def _check_folder(output: Path, record: Mapping[str, Any]) -> None:
    """Refuse a folder that holds something else, or another training."""
    old = read_record(output / "training.json")
    if old is None:
        # A kill may leave the record half written.
        others = [path.name for path in output.iterdir() if path.name not in (".lock", "training.json.new")]
        if others:
            raise FileExistsError(f"train: '{output}' holds {sorted(others)[0]}, which is no training; choose another")
        return
    before, now = dict(old["settings"]), dict(record["settings"])
    for name in _MAY_CHANGE:
        before.pop(name, None), now.pop(name, None)
    if (old["settings"]["time"] is None) != (record["settings"]["time"] is None):
        raise ValueError(f"train: '{output}' goes by {'steps' if old['settings']['steps'] else 'time'}; give the same")
    found = differences(before, now)
    for name, what in (("start", "the model to start from"), ("training", "data"), ("held_out", "held-out data")):
        if old[name] != record[name]:
            found += f"{', ' if found else ''}other {what}"
    if found:
        raise ValueError(f"train: '{output}' holds a training with {found}; choose another folder, or remove it")


def _start(
    run: Run, begin: _Begin, settings: TrainSettings, say: Callable[[str], None]
) -> tuple[dict[str, np.ndarray] | None, dict[str, np.ndarray] | None]:
    """Weights and constants to begin with; a kept species keeps its number of slots unless the data need more."""
    old = begin.architecture
    if old is None or begin.weights is None or begin.constants is None:
        return None, None
    needed = list(run.architecture.sel)
    most = np.max([system.most_neighbors(len(needed)) for system in run.training[0]], axis=0)
    kept = [max(slots, int(number)) for slots, number in zip(old.sel, most, strict=False)]
    if kept != list(old.sel):
        say("atoms have more neighbors than the model has slots; it gets more")
    run.set_sel([*kept, *needed[old.species :]])
    if run.resumes():
        return None, None
    weights, constants = begin.weights, begin.constants
    if run.architecture.species > old.species:
        from .engine.statistics import collect

        say(f"new elements: {', '.join(begin.elements[old.species :])}")
        statistics = collect(run.training[0], run.training[1], run.architecture)
        return interchange.extend(old, weights, constants, run.architecture, statistics, settings.seed)
    return weights, constants


def _refit(run: Run) -> None:
    """Shift the energies per element so that the model, as it begins, is right for the data on average."""
    contents, errors = [], []
    for system in run.training[0]:
        for index in range(0, system.count, max(1, system.count * len(run.training[0]) // _REFIT_FRAMES)):
            contents.append(np.array(system.counts, dtype=float))
            errors.append(-float(Evaluation(run.model, system.batch([index])).misfit.energy[0]))
    shift = np.linalg.lstsq(np.array(contents), np.array(errors), rcond=1e-6)[0]
    run.constants["constants"] = run.constants["constants"] + shift
    run.model.constants = run.constants["constants"]


def _conclude(run: Run, validation: Sequence[Frames], output: Path, level: str, finished: bool) -> Trained:
    """Write the averaged weights as model files, with the errors of the held-out frames."""
    if run.averaged is not None:
        run.parameters.flat[...] = run.averaged
    errors = held_out_errors(run) if validation else {}
    frames = sum(map(len, validation))
    provenance: dict[str, Any] = {
        "training": {
            "software": "openmm-lps",
            "batches": run.step,
            "seed": run.seed,
            "data": ", ".join(sorted({Path(s.name.split(" ")[0]).name for s in run.training[0]}))[:500],
            **({"reference_method": level} if level else {}),
        }
    }
    if errors:
        provenance["held_out_errors"] = [{"data": "held out", "frames": frames} | errors]
    arrays = named_arrays(run.architecture, run.parameters.flat)
    interchange.write_model(output / "model", run.architecture, arrays, run.constants, provenance)
    return Trained(output / "model.safetensors", output / "model.dp", finished, run.step, errors)


def held_out_errors(run: Run) -> dict[str, float]:
    """Root mean square errors of all validation frames.

    Parameters
    ----------
    run : Run
        with validation frames

    Returns
    -------
    dict of str to float
        energy and virial in meV/atom, force in eV/angstrom; without a virial where no frame has one
    """
    squares: dict[str, list[float]] = {
        "energy_meV_per_atom": [],
        "force_eV_per_angstrom": [],
        "virial_meV_per_atom": [],
    }
    weights: list[int] = []
    for system in run.validation[0] if run.validation else []:
        for index in range(system.count):
            energy, force, virial = Evaluation(run.model, system.batch([index])).misfit.squares()
            for key, value in zip(squares, (energy / system.atoms**2, force, virial / system.atoms**2), strict=True):
                squares[key].append(value)
            weights.append(system.atoms)
    found = {}
    for key, values in squares.items():
        known = ~np.isnan(values)
        if known.any():
            factor = 1.0 if key.startswith("force") else 1e3
            by = np.array(weights, dtype=float)[known] if key.startswith("force") else None
            found[key] = round(factor * math.sqrt(np.average(np.array(values)[known], weights=by)), 4)
    return found


def _threads(number: int, say: Callable[[str], None]) -> contextlib.AbstractContextManager[object]:
    """Limit the threads of the linear algebra library: the matrices of a batch are small, and threads wait for each other."""
    if number < 1:
        raise ValueError(f"train: threads is {number}; give 1 or more")
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        if os.environ.get("OPENBLAS_NUM_THREADS") != str(number):
            say(f"slow without threadpoolctl: install openmm-lps[learn], or set OPENBLAS_NUM_THREADS={number}")
        return contextlib.nullcontext()
    limited: contextlib.AbstractContextManager[object] = threadpool_limits(number)
    return limited
