# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The training run: start or resume, batches, learning curve, checkpoint."""

import dataclasses
import io
import math
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from openmmlps.app.replace import replace_file
from openmmlps.learn.frames import Frames

from .architecture import read_architecture
from .dataset import System
from .environment import Standard
from .gradient import Evaluation, Model
from .grid import Grid
from .loss import Loss, Schedule, summary
from .parameters import Parameters
from .sampler import Sampler, batch_sizes, probabilities
from .soap import Soap
from .statistics import collect

INTERVALS = 256
HEADER = "# step       rmse_val    rmse_trn    rmse_e_val  rmse_e_trn    rmse_f_val  rmse_f_trn    rmse_v_val  rmse_v_trn   lr\n"
CHECKPOINT = "checkpoint.npz"
AVERAGE_EVERY = 10
SLOTS = 4  # numbers of neighbor slots are multiples of this, as DeePMD-kit's


@dataclass(frozen=True)
class Options:
    """How to run: type of numbers, weight decay, decay of the averaged weights (None: no average).

    `seconds` stops this call; `budget` is the clock time of the whole run, over which the learning rate falls instead of
    over the steps; `interval` is the time between checkpoints; all in s. `stop` is asked before every batch, and `report`
    gets every line of the learning curve.
    """

    dtype: type = np.float32
    weight_decay: float = 0.0
    average: float | None = None
    seconds: float | None = None
    budget: float | None = None
    interval: float = 60.0
    stop: Callable[[], bool] | None = None
    report: Callable[[dict[str, float]], None] | None = None


class Run:
    """One training run in a folder.

    Parameters
    ----------
    folder : Path
        of the checkpoint and the learning curve
    content : dict
        a DeePMD-kit input; its `sel` may be 'auto', and its systems are not looked at
    options : Options
        how to run
    training, validation : sequence of Frames
        in the order that `auto_prob` of the input counts

    Raises
    ------
    ValueError
        for anything in the input that is not known here
    """

    def __init__(
        self,
        folder: Path,
        content: dict[str, Any],
        options: Options,
        training: Sequence[Frames],
        validation: Sequence[Frames] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.content, self.options = folder, content, options
        self.architecture = read_architecture(content["model"])
        section = content["training"]
        self.steps = section.get("numb_steps", 0)
        self.schedule = Schedule.read(content["learning_rate"], max(self.steps, 1))
        self.loss = Loss.read(content["loss"])
        self.seed = section.get("seed") or 0
        self.training = self._systems(training, section.get("training_data", {}))
        self.validation = self._systems(validation, section.get("validation_data", {})) if validation else None
        self._complete_sel()
        self.step, self.elapsed = 0, 0.0

    def _systems(self, data: Sequence[Frames], section: dict[str, Any]) -> tuple[list[System], list[int], Sampler]:
        systems = [System(frames, self.architecture, self.options.dtype) for frames in data]
        sizes = batch_sizes(section.get("batch_size", "auto"), [system.atoms for system in systems])
        frames = [system.count for system in systems]
        batches = [max(1, count // size) for count, size in zip(frames, sizes, strict=True)]
        chances = probabilities(section.get("auto_prob", "prob_sys_size"), batches)
        return systems, sizes, Sampler(frames, sizes, chances, self.seed)

    def _every(self) -> list[System]:
        return self.training[0] + (self.validation[0] if self.validation else [])

    def _complete_sel(self) -> None:
        """Where the input leaves the numbers of slots open, 1.1 times what the data need, as DeePMD-kit does."""
        if not self.architecture.sel:
            most = np.max([system.most_neighbors(self.architecture.species) for system in self._every()], axis=0)
            self.set_sel([max(SLOTS, SLOTS * math.ceil(1.1 * number / SLOTS)) for number in most])

    def set_sel(self, sel: Sequence[int]) -> None:
        """Set the numbers of neighbor slots by species."""
        self.architecture = dataclasses.replace(self.architecture, sel=tuple(int(number) for number in sel))

    def largest(self) -> float:
        """The largest s (1/angstrom) of all pairs, of training and validation, of which there is a grid to be made."""
        closest = min(float(np.linalg.norm(system.pairs.vector, axis=1).min()) for system in self._every())
        return 1 / max(0.98 * closest, 0.1)

    def resumes(self) -> bool:
        """Whether the folder holds a checkpoint."""
        return (self.folder / CHECKPOINT).is_file()

    def start(
        self, weights: Mapping[str, np.ndarray] | None, constants: dict[str, np.ndarray] | None, save: bool = True
    ) -> None:
        """Make the model: from the checkpoint of the folder, from the given weights, or at random.

        With `save` the first checkpoint is written at once.
        """
        self.parameters = Parameters(self.architecture, self.options.dtype)
        self.optimiser = Soap(self.parameters, self.options.weight_decay)
        self.averaged = None if self.options.average is None else np.zeros_like(self.parameters.flat)
        if self.resumes():
            self._resume()
            self.model = self._model()
            self.training[2].skip(self.step)
            return
        self.constants = constants or collect(self.training[0], self.training[1], self.architecture)
        if weights is None:
            self.parameters.randomise(self.seed)
        else:
            self.parameters.load(weights)
        if self.averaged is not None:
            self.averaged[...] = self.parameters.flat
        self.model = self._model()
        if save:
            self.save()

    def _resume(self) -> None:
        path = self.folder / CHECKPOINT
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
                saved = {name: file[name] for name in file.files}
            step, flat = int(saved["step"]), saved["parameters"]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ValueError(f"train: the checkpoint '{path}' is damaged ({error}); remove it to start anew") from None
        if flat.shape != self.parameters.flat.shape:
            raise ValueError(
                f"train: the checkpoint '{path}' has {len(flat)} weights where {len(self.parameters.flat)} are needed; "
                "use another folder"
            )
        self.step, self.elapsed = step, float(saved["elapsed"])
        self.parameters.flat[...] = flat
        if self.averaged is not None:
            self.averaged[...] = saved.get("averaged", flat)
        self.constants = {name: saved[f"constant {name}"] for name in ("mean", "radial", "angular", "constants")}
        state = {name.removeprefix("state "): saved[name] for name in saved if name.startswith("state ")}
        self.optimiser.load(step, state)

    def save(self) -> None:
        """Write the checkpoint of the present step, complete or not at all."""
        content = {"step": np.array(self.step), "elapsed": np.array(self.elapsed), "parameters": self.parameters.flat}
        content |= {f"constant {name}": np.asarray(value) for name, value in self.constants.items()}
        content |= {f"state {name}": value for name, value in self.optimiser.state.items()}
        if self.averaged is not None:
            content["averaged"] = self.averaged
        memory = io.BytesIO()
        np.savez(memory, **content)  # type: ignore[arg-type]
        replace_file(self.folder / CHECKPOINT, memory.getvalue())

    def _model(self) -> Model:
        dtype = self.options.dtype
        mean, radial, angular = (np.asarray(self.constants[name]) for name in ("mean", "radial", "angular"))
        standard = Standard(mean.astype(dtype), (1 / radial).astype(dtype), (1 / angular).astype(dtype))
        return Model(
            self.parameters, standard, self.constants["constants"], Grid.over(self.largest(), INTERVALS, dtype)
        )

    def finished(self) -> bool:
        """Whether the last step was done, or the budget of time is spent."""
        if self.options.budget is not None:
            return self.elapsed >= self.options.budget
        return self.step >= self.steps

    def rate(self) -> float:
        """Learning rate of the next batch."""
        if self.options.budget is None:
            return self.schedule.rate(self.step)
        share = min(1.0, self.elapsed / self.options.budget)
        return self.schedule.start * (self.schedule.stop / self.schedule.start) ** share

    def train(self) -> bool:
        """Train to the end, or until it is to stop; the value says whether the end was reached."""
        section = self.content["training"]
        show, keep = section.get("disp_freq", 1000), section.get("save_freq")
        options, begin = self.options, time.perf_counter()
        clock = saved = begin
        with self._curve(self.folder / section.get("disp_file", "lcurve.out")) as curve:
            first = saved_step = self.step
            while not self.finished():
                if options.seconds is not None and time.perf_counter() - begin > options.seconds:
                    break
                if options.stop is not None and options.stop():
                    break
                self.batch(curve if self.step % show == 0 or self.step == self.steps - 1 else None)
                now = time.perf_counter()
                self.elapsed += now - clock
                clock = now
                due = now - saved > options.interval if keep is None else self.step % keep == 0
                if due:
                    self.save()
                    saved, saved_step = now, self.step
            if self.step > first and self.step > saved_step:
                self.save()
        return self.finished()

    def _curve(self, path: Path) -> TextIO:
        """The learning curve, opened at its end, without the lines that a resumed run is to write again."""
        kept = [HEADER]
        if path.exists():
            rows = [line for line in path.read_text().splitlines(keepends=True) if not line.startswith("#")]
            kept += [row for row in rows if row.endswith("\n") and int(row.split()[0]) < self.step]
        replace_file(path, "".join(kept).encode())
        return path.open("a", buffering=1)

    def batch(self, curve: TextIO | None = None) -> None:
        """Do one step of the optimiser; with a file `curve`, write a line of the learning curve first.

        Raises ValueError if energies or forces are no longer finite.
        """
        systems, _, sampler = self.training
        system, chosen = sampler.next()
        batch = systems[system].batch(chosen)
        rate = self.rate()
        weights = self.loss.weights(rate / self.schedule.start)
        evaluation = Evaluation(self.model, batch)
        if not math.isfinite(float(np.sum(evaluation.misfit.force)) + float(np.sum(evaluation.misfit.energy))):
            raise ValueError(
                f"train: the forces of batch {self.step} are not finite ('{systems[system].name}'); lower the learning rate"
            )
        if curve is not None:
            trained = summary([evaluation.misfit.squares()], [batch.atoms], weights)
            self._line(curve, trained, weights, rate)
        self.parameters.gradient[...] = 0
        evaluation.backward(weights)
        self.optimiser.step(rate)
        self.step += 1
        if self.averaged is not None and self.options.average is not None and self.step % AVERAGE_EVERY == 0:
            number = self.step / AVERAGE_EVERY
            # The first weights must not outlive a short run.
            share = 1 - min(self.options.average**AVERAGE_EVERY, (1 + number) / (10 + number))
            self.averaged += share * (self.parameters.flat - self.averaged)

    def _line(self, curve: TextIO, trained: list[float], weights: tuple[float, float, float], rate: float) -> None:
        held_out = [math.nan] * 4
        if self.validation is not None:
            systems, _, sampler = self.validation
            squares, atoms = [], []
            for _ in range(self.content["training"].get("validation_data", {}).get("numb_btch", 1)):
                system, chosen = sampler.next()
                squares.append(Evaluation(self.model, systems[system].batch(chosen)).misfit.squares())
                atoms.append(systems[system].atoms)
            held_out = summary(squares, atoms, weights)
        numbers = "".join(f"   {pair[0]:11.2e} {pair[1]:11.2e}" for pair in zip(held_out, trained, strict=True))
        curve.write(f"{self.step:7d}{numbers}   {rate:8.1e}\n")
        if self.options.report is not None:
            names = ("loss", "energy", "force", "virial")
            line = {"step": float(self.step), "elapsed": self.elapsed, "rate": rate}
            line |= {f"{name}_val": value for name, value in zip(names, held_out, strict=True)}
            line |= {f"{name}_trn": value for name, value in zip(names, trained, strict=True)}
            self.options.report(line)
