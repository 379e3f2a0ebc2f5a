# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The training run: start or resume, batches, learning curve, checkpoints."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from . import checkpoint
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

log = logging.getLogger("engine")
INTERVALS = 256
HEADER = "# step       rmse_val    rmse_trn    rmse_e_val  rmse_e_trn    rmse_f_val  rmse_f_trn    rmse_v_val  rmse_v_trn   lr\n"
AVERAGE_EVERY = 10


@dataclass(frozen=True)
class Options:
    """How to run: device ('cpu', 'cuda'), dtype, optimiser ('adam', 'soap'), weight decay (of soap), decay of the averaged
    weights (None: no average), seconds before stopping.
    """

    device: str = "cpu"
    dtype: torch.dtype = torch.float32
    optimiser: str = "adam"
    weight_decay: float = 0.0
    average: float | None = None
    seconds: float | None = None


class Run:
    """One training run in a folder, from a DeePMD-kit input with its systems filled in."""

    def __init__(self, folder: Path, content: dict, options: Options):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.content, self.options = folder, content, options
        self.device = torch.device(options.device)
        self.architecture = read_architecture(content["model"])
        training = content["training"]
        self.steps = training["numb_steps"]
        self.schedule = Schedule.read(content["learning_rate"], self.steps)
        self.loss = Loss.read(content["loss"])
        self.seed = training.get("seed") or 0
        self.training = self._systems(training["training_data"])
        self.validation = self._systems(training["validation_data"]) if "validation_data" in training else None

    def _systems(self, section: dict) -> tuple[list[System], list[int], Sampler]:
        systems = [
            System(Path(path), self.architecture, self.device, self.options.dtype) for path in section["systems"]
        ]
        sizes = batch_sizes(section.get("batch_size", "auto"), [system.atoms for system in systems])
        frames = [system.count for system in systems]
        batches = [max(1, count // size) for count, size in zip(frames, sizes, strict=True)]
        chances = probabilities(section.get("auto_prob", "prob_sys_size"), batches)
        return systems, sizes, Sampler(frames, sizes, chances, self.seed)

    def largest(self) -> float:
        """Return the largest s (1/angstrom) of all pairs, of training and validation, of which there is a grid to be made."""
        groups = [self.training, self.validation] if self.validation else [self.training]
        closest = min(float(system.pairs.vector.norm(dim=1).min()) for group in groups for system in group[0])
        return 1 / max(0.98 * closest, 0.1)

    def resumes(self) -> bool:
        """Return whether the folder holds a checkpoint."""
        return bool(checkpoint.find(self.folder))

    def start(self, weights: dict | None, constants: dict | None) -> None:
        """Make the model: from the newest checkpoint of the folder, from the given weights, or at random."""
        self.parameters = Parameters(self.architecture, self.device, self.options.dtype)
        flat = self.parameters.flat
        self.optimiser = self._optimiser()
        self.averaged = None if self.options.average is None else torch.zeros_like(flat)
        self.step = 0
        found = checkpoint.find(self.folder)
        if found:
            self._resume(checkpoint.read(found[-1][1]))
        else:
            if weights is None:
                constants = collect(self.training[0], self.training[1], self.architecture)
                self.parameters.randomise(self.seed)
            else:
                self.parameters.load(weights)
            self.constants = constants
            if self.averaged is not None:
                self.averaged.copy_(flat)
        self.model = self._model()
        self.training[2].skip(self.step)
        if not found:
            self.save()

    def _resume(self, saved: dict) -> None:
        self.step = saved["step"]
        with torch.no_grad():
            if saved["parameters"].shape != self.parameters.flat.shape:
                raise ValueError(
                    f"engine: the checkpoint in '{self.folder}' has {len(saved['parameters'])} weights where the config has "
                    f"{len(self.parameters.flat)}; use another --name"
                )
            self.parameters.flat.copy_(saved["parameters"])
            if self.averaged is not None:
                self.averaged.copy_(saved["averaged"] if saved["averaged"] is not None else saved["parameters"])
        self.constants = {name: value.numpy() for name, value in saved["constants"].items()}
        if saved["optimiser"] != self.options.optimiser:
            raise ValueError(
                f"engine: the checkpoint in '{self.folder}' was written with the optimiser {saved['optimiser']}; "
                "use that, or another --name"
            )
        if saved["state"] is not None:
            self.optimiser.load_state_dict(saved["state"])

    def _optimiser(self) -> torch.optim.Optimizer:
        if self.options.optimiser == "soap":
            return Soap(self.parameters, self.schedule.start, self.options.weight_decay)
        flat = self.parameters.flat
        flat.grad = self.parameters.gradient
        fused = self.device.type in ("cpu", "cuda")
        return torch.optim.Adam([flat], lr=self.schedule.start, betas=(0.9, 0.999), eps=1e-8, fused=fused)

    def _model(self) -> Model:
        def tensor(values):
            return torch.from_numpy(np.asarray(values)).to(self.device)

        mean, radial, angular = (
            tensor(self.constants[name]).to(self.options.dtype) for name in ("mean", "radial", "angular")
        )
        grid = Grid.over(self.largest(), INTERVALS, self.device, self.options.dtype)
        return Model(
            self.parameters, Standard(mean, 1 / radial, 1 / angular), tensor(self.constants["constants"]), grid
        )

    def save(self) -> None:
        """Write a checkpoint of the present step."""
        content = {
            "parameters": self.parameters.flat.detach().cpu().clone(),
            "averaged": None if self.averaged is None else self.averaged.cpu().clone(),
            "constants": {name: torch.from_numpy(np.asarray(value)).clone() for name, value in self.constants.items()},
            "optimiser": self.options.optimiser,
            "state": self.optimiser.state_dict() if self.step else None,
        }
        checkpoint.write(self.folder, self.step, content, self.content["training"].get("max_ckpt_keep", 5))

    def train(self) -> bool:
        """Train to the last step, or until the time is over; return whether the last step was reached."""
        training = self.content["training"]
        show, keep = training.get("disp_freq", 1000), training.get("save_freq", 1000)
        begin = mark = time.perf_counter()
        curve = self._curve(self.folder / training.get("disp_file", "lcurve.out"))
        first = last = self.step
        while self.step < self.steps:
            if self.options.seconds is not None and time.perf_counter() - begin > self.options.seconds:
                break
            self.batch(curve if self.step % show == 0 or self.step == self.steps - 1 else None)
            if self.step % show == 0:
                pace = (time.perf_counter() - mark) / (self.step - last)
                error = self.model.interpolation_error()
                log.info("batch %d: %.2f ms per batch, interpolation error %.1e", self.step, 1e3 * pace, error)
                mark, last = time.perf_counter(), self.step
            if self.step % keep == 0:
                self.save()
        if self.step > first and self.step % keep:
            self.save()
        curve.close()
        log.info("stopped at batch %d of %d", self.step, self.steps)
        return self.step >= self.steps

    def _curve(self, path: Path):
        """Open the learning curve at the end, without the lines that a resumed run is to write again."""
        lines = path.read_text().splitlines(keepends=True) if path.exists() else [HEADER]
        kept = [line for line in lines if line.startswith("#") or int(line.split()[0]) < self.step]
        path.write_text("".join(kept))
        return path.open("a", buffering=1)

    def batch(self, curve=None) -> None:
        """Do one step of the optimiser; with a file `curve`, write a line of the learning curve first."""
        systems, _, sampler = self.training
        system, chosen = sampler.next()
        batch = systems[system].batch(chosen)
        rate = self.schedule.rate(self.step)
        weights = self.loss.weights(rate / self.schedule.start)
        evaluation = Evaluation(self.model, batch, differentiate=True)
        if curve is not None:
            trained = summary([tuple(evaluation.misfit.squares().tolist())], [batch.atoms], weights)
            self._line(curve, trained, weights, rate)
        self.parameters.gradient.zero_()
        evaluation.backward(weights)
        self.optimiser.param_groups[0]["lr"] = rate
        self.optimiser.step()
        self.step += 1
        if self.averaged is not None and self.step % AVERAGE_EVERY == 0:
            self.averaged.lerp_(self.parameters.flat, 1 - self.options.average**AVERAGE_EVERY)

    def _line(self, curve, trained: list[float], weights: tuple[float, float, float], rate: float) -> None:
        held_out = [float("nan")] * 4
        if self.validation is not None:
            systems, _, sampler = self.validation
            squares, atoms = [], []
            for _ in range(self.content["training"]["validation_data"].get("numb_btch", 1)):
                system, chosen = sampler.next()
                misfit = Evaluation(self.model, systems[system].batch(chosen), differentiate=False).misfit
                squares.append(tuple(misfit.squares().tolist()))
                atoms.append(systems[system].atoms)
            held_out = summary(squares, atoms, weights)
        numbers = "".join(f"   {pair[0]:11.2e} {pair[1]:11.2e}" for pair in zip(held_out, trained, strict=True))
        curve.write(f"{self.step:7d}{numbers}   {rate:8.1e}\n")
