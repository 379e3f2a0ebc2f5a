# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""One run in its folder: from its inputs or its checkpoint to its end.

A checkpoint is written only after everything up to its step is on the disk; resuming removes whatever lies beyond it.
So each frame occurs exactly once, however often a run was stopped.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import (
    checkpoint,
    ensembles,
    h5md_reporter,
    heat_current,
    platforms,
    snapshot,
    stability,
    status,
    thermo_file,
    uncertainty,
)
from .barostat import Barostat, allow_any_shape
from .field import add_field
from .monitor import Monitor
from .quantities import format_time
from .run_folder import RunFolder
from .run_picture import draw_run
from .run_settings import RunSettings
from .run_start import compute_energy, load_structure
from .signals import StopSignals
from .stability import RunFailed
from .system import obey_structure

_CHUNK_SECONDS = 0.25  # wall-clock length of a piece of integration: how long Ctrl-C may take
_PROGRESS_SECONDS = 0.5
_STATUS_SECONDS = 5.0
_GRADE_STEPS = 250  # at least, between lines of uncertainty.csv that nobody asked for: less than 1 % of the time


@dataclass(frozen=True)
class RunResult:
    """How a run ended."""

    folder: Path
    state: str  #: 'finished' or 'interrupted'
    signal: int | None  #: number of the signal that came, be it after the last step
    step: int
    total_steps: int
    timestep: float  #: ps
    ensemble: str
    platform: str | None  #: None if it was interrupted before the first step
    ns_per_day: float
    seconds: float  #: wall-clock seconds of integration in this process
    atoms: int


class Run:
    """One run in its folder, from its inputs or its checkpoint to its end."""

    def __init__(self, folder: RunFolder, settings: RunSettings, engine: Any, monitor: Monitor) -> None:
        self.folder, self.settings, self.engine, self.monitor = folder, settings, engine, monitor
        self.structure = load_structure(folder.structure, settings)
        self.symbols = self.structure.symbols
        self.name = Path(settings.structure).stem
        self.stop = StopSignals(self._announce_stop)
        self.simulation: Any = None
        self.checkpoint_step: int | None = None
        self.guard: stability.StabilityGuard | None = None
        self.barostat: Barostat | None = None
        self.writers: list[Any] = []
        self.said: set[str] = set()  # notes about platforms
        self.new_random_numbers: list[dict[str, Any]] = []  # steps at which a resumed run was not continued exactly
        self.rate = float("nan")  # steps per second
        self.first_step = 0
        self.began = time.monotonic()

    def execute(self) -> RunResult:
        """Carry the run to its end, or to a signal."""
        with self.stop:
            try:
                self._prepare()
                if self.simulation is not None:
                    self._integrate()
                return self._conclude()
            except RunFailed as error:
                if not self.folder.begun:
                    raise
                text = f"{error}{self._keep_last_good()}"
                self._record_failure(text)
                raise RunFailed(text) from None
            except OSError as error:
                if not self.folder.begun:
                    raise
                where = f" ('{error.filename}')" if error.filename else ""
                text = (
                    f"run: step {self._step()}: {error.strerror or error}{where}; make room or mend the disk, "
                    "then continue with --resume"
                )
                self._record_failure(text)
                raise RunFailed(text) from None
            finally:
                self._close()

    # Preparation

    def _prepare(self) -> None:
        """Bring the Simulation to its first step or to its checkpoint, and open the reporters."""
        settings, folder = self.settings, self.folder
        resumed, record = folder.checkpoint.exists(), {}
        if resumed:
            record = checkpoint.read_record(folder.checkpoint)
            self.new_random_numbers = record.get("new_random_numbers", [])
            if record["step"] > settings.total_steps:
                raise ValueError(
                    f"resume: the run is at {format_time(record['step'] * settings.timestep)} already, "
                    f"beyond a --time of {format_time(settings.time)}; give a longer one"
                )
        system = self.engine.make_system(self.structure.topology, folder.model, settings)
        obey_structure(system, self.structure)
        add_field(system, self.symbols, settings)
        virial = self.engine.virial(system)
        if not resumed and (settings.minimize or settings.equilibration_steps):
            positions, velocities = self._equilibrate(system)
            if self.stop.received:
                return
        elif not resumed:
            positions, velocities = self.structure.positions, self._velocities(system)
        seed = ensembles.random_seed(settings, record["step"] if resumed else 0)
        allow_any_shape(system, settings)
        self.simulation = self._make_simulation(system, lambda: ensembles.integrator(settings, seed))
        if resumed:
            self._load_checkpoint()
            folder.write_settings(settings)
        else:
            self._begin(self.simulation, positions)
            self.simulation.context.setVelocities(velocities)
        ramp = ensembles.TemperatureRamp(settings)
        if settings.ensemble == "npt":
            if resumed and "barostat" not in record:
                why = "the checkpoint of an earlier version holds no state of the barostat"
                self.new_random_numbers.append({"step": record["step"], "why": why})
            self.barostat = Barostat(settings, settings.seed + 1, ramp.temperature, record.get("barostat"))
        self._tell_note()
        self._open_writers(virial, resumed)
        if settings.final_temperature is not None:
            ramp.apply(self.simulation)
            self.simulation.reporters.append(ramp)
        if self.barostat is not None:
            self.simulation.reporters.append(self.barostat)

    def _tell_note(self) -> None:
        """Say what is known of the model and concerns the run, such as the cost of its virial."""
        note = self.folder.read_model_record().get("note")
        if note:
            self.monitor.message(note)

    def _open_writers(self, virial: Any, resumed: bool) -> None:
        """Open the files of the run; a new one begins with its first frame and a checkpoint."""
        settings, folder = self.settings, self.folder
        self.guard = stability.StabilityGuard(settings.report_interval, settings.highest_temperature, self.symbols)
        information = {**folder.read_model_record(), "timestep_ps": settings.timestep, "ensemble": settings.ensemble}
        self.thermo = thermo_file.ThermoReporter(folder.thermo, settings.report_interval, append=resumed, virial=virial)
        self.trajectory = h5md_reporter.H5MDReporter(
            folder.trajectory, settings.trajectory_interval, append=resumed, virial=virial, information=information
        )
        self.writers = [self.trajectory, self.thermo]
        if settings.stop_grade is not None:
            self.writers.append(
                uncertainty.UncertaintyReporter(
                    folder.uncertainty,
                    settings.report_interval,
                    bounds=(1.0, settings.stop_grade) if settings.stop_grade > 1 else None,
                    stop=settings.stop_grade,
                    append=resumed,
                )
            )
        elif folder.uncertainty.is_file() if resumed else uncertainty.is_calibrated(self.simulation):
            interval = settings.report_interval * -(-_GRADE_STEPS // settings.report_interval)
            self.writers.append(uncertainty.UncertaintyReporter(folder.uncertainty, interval, append=resumed))
        if settings.heat_current_interval:
            self.writers.append(
                heat_current.HeatCurrentReporter(folder.heat_current, settings.heat_current_interval, append=resumed)
            )
        if not resumed:
            state = self.simulation.context.getState(positions=True, velocities=True, energy=True)
            for reporter in [self.guard, *self.writers]:
                reporter.report(self.simulation, state)
            self._checkpoint()
        self.simulation.reporters = [self.guard, *self.writers]

    def _velocities(self, system: Any) -> Any:
        """Velocities [n, 3] in nm/ps for the start."""
        settings, structure = self.settings, self.structure
        if settings.velocities == "file":
            return np.where(structure.fixed[:, None], 0.0, structure.velocities._value)
        if settings.velocities == "auto" and structure.velocities is not None:
            self.monitor.message(
                f"The velocities of '{structure.name}' are not used; --velocities file takes them, instead of random ones"
            )
        return ensembles.initial_velocities(system, settings.temperature, settings.seed)

    def _begin(self, simulation: Any, positions: Any) -> None:
        """Take up positions; once their energy could be computed, an old run gives way."""
        simulation.context.setPositions(positions)
        if not self.folder.begun:
            compute_energy(simulation, self.structure)
            self.folder.begin()

    def _equilibrate(self, system: Any) -> tuple[Any, Any]:
        """Minimize, draw velocities, and equilibrate at constant volume, as far as the settings say so.

        Returns
        -------
        positions, velocities : Quantity
            [n, 3] nm and [n, 3] nm/ps for the first step
        """
        settings = self.settings
        steps = settings.equilibration_steps
        simulation = self._make_simulation(system, lambda: ensembles.thermostat(settings, settings.seed + 2048))
        self._begin(simulation, self.structure.positions)
        if settings.minimize:
            self.monitor.message("Minimizing the energy at constant volume")
            simulation.minimizeEnergy()
        simulation.context.setVelocities(self._velocities(system))
        if steps and not self.stop.received:
            self.monitor.message(f"Equilibrating for {format_time(settings.equilibrate)} at {settings.temperature:g} K")
            self.guard = stability.StabilityGuard(settings.report_interval, settings.temperature, self.symbols)
            simulation.reporters = [self.guard]
            self._advance(simulation, steps, lambda: None)
        state = simulation.context.getState(positions=True, velocities=True)
        return state.getPositions(asNumpy=True), state.getVelocities(asNumpy=True)

    def _make_simulation(self, system: Any, make_integrator: Callable[[], Any]) -> Any:
        simulation, notes = platforms.make_simulation(
            self.structure.topology, system, make_integrator, self.settings, self.engine.kernel
        )
        for note in notes:
            if note not in self.said:
                self.monitor.message(f"Passed over: {note}")
        self.said.update(notes)
        return simulation

    def _load_checkpoint(self) -> None:
        folder = self.folder
        why = checkpoint.load(folder.checkpoint, self.simulation)
        self.checkpoint_step = step = self.simulation.currentStep
        if why:
            self.new_random_numbers.append({"step": step, "why": why})
        files: list[tuple[Path, Any]] = [(folder.trajectory, h5md_reporter), (folder.thermo, thermo_file)]
        if self.settings.heat_current_interval:
            files.append((folder.heat_current, heat_current))
        if self.settings.stop_grade is not None or folder.uncertainty.is_file():
            files.append((folder.uncertainty, uncertainty))
        for path, module in files:
            if not path.is_file():
                raise ValueError(f"resume: '{path}' is missing; put it back or start a new run with --overwrite")
            module.truncate_after(path, step)
        how = f"; random numbers start anew, since {why}" if why else ""
        if step < self.settings.total_steps:
            self.monitor.message(f"Continuing at step {step} ({format_time(step * self.settings.timestep)}){how}")
        else:
            self.monitor.message("This run is finished already; make it longer with --time")

    # Integration

    def _integrate(self) -> None:
        settings = self.settings
        self.first_step, self.began = self._step(), time.monotonic()
        self.monitor.begin(
            settings.total_steps,
            self.first_step,
            settings.timestep,
            {
                "platform": str(self._platform()),
                "atoms": str(len(self.symbols)),
                "formula": self.structure.formula,
                "ensemble": settings.ensemble.upper(),
            },
        )
        self._status("running")
        self._shown = self._told = self._saved = time.monotonic()
        self._advance(self.simulation, settings.total_steps - self.first_step, self._between_chunks)
        if self.checkpoint_step != self._step():
            self._checkpoint()

    def _advance(self, simulation: Any, steps: int, between: Callable[[], None]) -> None:
        """Integrate in pieces of a fraction of a second, until the end or a signal."""
        import openmm

        end, chunk = simulation.currentStep + steps, 1

        while simulation.currentStep < end and not self.stop.received:
            before, begun = simulation.currentStep, time.monotonic()
            try:
                simulation.step(min(chunk, end - before))
            except openmm.OpenMMException as error:
                # OpenMM's own checks meet not-a-numbers first; the guard knows the atoms.
                self._blame(simulation, error)
            per_step = (time.monotonic() - begun) / max(1, simulation.currentStep - before)
            chunk = int(np.clip(_CHUNK_SECONDS / max(per_step, 1e-6), 1, 4 * chunk))
            between()

    def _blame(self, simulation: Any, error: Exception) -> None:
        """End the run for what OpenMM found; the guard says more if it can."""
        import openmm

        try:
            stability.StabilityGuard(1, self.settings.highest_temperature, self.symbols).check(simulation)
        except openmm.OpenMMException:
            pass
        raise RunFailed(
            f"run: step {simulation.currentStep}: {error}; if the simulation became unstable, use a shorter "
            "--timestep or relax the structure first with --minimize"
        ) from None

    def _between_chunks(self) -> None:
        now = time.monotonic()
        self.rate = (self._step() - self.first_step) / max(now - self.began, 1e-9)
        if now - self._shown > _PROGRESS_SECONDS:
            self._shown = now
            self._say(self._step())
        if now - self._told > _STATUS_SECONDS:
            self._told = now
            self._status("running")
        if now - self._saved > self.settings.checkpoint_seconds:
            self._checkpoint()
            self._saved = time.monotonic()

    def _checkpoint(self) -> None:
        assert self.guard is not None
        self.guard.check(self.simulation)
        self.trajectory.flush()
        self.thermo.flush()
        record: dict[str, Any] = {"platform": self._platform(), "new_random_numbers": self.new_random_numbers}
        if self.barostat is not None:
            record["barostat"] = self.barostat.state
        checkpoint.save(self.folder.checkpoint, self.simulation, record)
        self.checkpoint_step = self._step()

    # The end

    def _conclude(self) -> RunResult:
        state = "interrupted" if self.stop.received and self._step() < self.settings.total_steps else "finished"
        for reporter in self.writers:
            reporter.flush()
        if self.simulation is not None:
            self._say(self._step())
        self._status(state)
        if self.simulation is not None:
            self._draw()
            if self.folder.uncertainty.is_file() and (beyond := uncertainty.warn_beyond(self.folder.uncertainty)):
                self.monitor.message(f"Warning: {beyond}")
        return RunResult(
            folder=self.folder.shown,
            state=state,
            signal=self.stop.received,
            step=self._step(),
            total_steps=self.settings.total_steps,
            timestep=self.settings.timestep,
            ensemble=self.settings.ensemble,
            platform=self._platform(),
            ns_per_day=self._ns_per_day(),
            seconds=time.monotonic() - self.began,
            atoms=len(self.symbols),
        )

    def _draw(self) -> None:
        """Draw the picture of the run; that it cannot be drawn does not change that the run is done."""
        title = f"{self.name}, {len(self.symbols)} atoms, {self.settings.temperature:g} K"
        problem = draw_run(
            self.folder.thermo, self.folder.plot, f"{title}, {self.settings.ensemble.upper()}", len(self.symbols)
        )
        if problem:
            self.monitor.message(
                f"Warning: {self.folder.plot.name} could not be drawn ({problem}); the run itself is complete"
            )

    def _keep_last_good(self) -> str:
        """Save the latest state that made sense, and say so."""
        if self.guard is None or self.guard.last is None:
            return ""
        good, structure = self.guard.last, self.structure
        _, positions, box, velocities = good
        atoms = snapshot.snapshot_atoms(
            self.symbols, positions, box, velocities, structure.masses._value, structure.fixed
        )
        try:
            snapshot.write_snapshot(self.folder.last_good, atoms, step=good[0])
        except OSError:
            return ""
        return f"; the last good state (step {good[0]}) is in {self.folder.last_good.name}"

    def _record_failure(self, text: str) -> None:
        """Keep what can be kept, then say in status.json why the run stopped; a disk may refuse either."""
        for action in [*(reporter.flush for reporter in self.writers), lambda: self._status("failed", text)]:
            with contextlib.suppress(OSError):
                action()

    def _close(self) -> None:
        for reporter in self.writers:
            with contextlib.suppress(OSError):  # already reported by the write that failed first
                reporter.close()

    # What others see

    def _announce_stop(self, number: int) -> None:
        self.monitor.message("Stopping: writing a checkpoint first (Ctrl-C again stops at once)")

    def _say(self, step: int) -> None:
        self.monitor.progress(step, self.settings.total_steps, self._ns_per_day(), self._seconds_left(), self._latest())

    def _status(self, state: str, message: str | None = None) -> None:
        step, total = self._step(), self.settings.total_steps
        latest = self._latest()
        status.write_status(
            self.folder.status,
            state=state,
            message=message,
            step=step,
            total_steps=total,
            time_ps=step * self.settings.timestep,
            total_time_ps=total * self.settings.timestep,
            fraction_done=step / total,
            checkpoint_step=self.checkpoint_step,
            new_random_numbers=self.new_random_numbers,
            ns_per_day=self._ns_per_day(),
            seconds_left=self._seconds_left() if state == "running" else None,
            temperature_K=latest.get("temperature_K"),
            potential_kJ_per_mol=latest.get("potential_kJ_per_mol"),
            pressure_bar_positive_under_compression=latest.get("pressure_bar_positive_under_compression"),
            atoms=len(self.symbols),
            ensemble=self.settings.ensemble,
            platform=self._platform(),
            model=self.folder.read_model_record(),
        )

    def _latest(self) -> dict[str, float]:
        return self.thermo.last if self.writers else {}

    def _platform(self) -> str | None:
        return self.simulation.context.getPlatform().getName() if self.simulation is not None else None

    def _step(self) -> int:
        return self.simulation.currentStep if self.simulation is not None else 0

    def _ns_per_day(self) -> float:
        return self.rate * self.settings.timestep * 86400 / 1000

    def _seconds_left(self) -> float:
        return (self.settings.total_steps - self._step()) / self.rate if self.rate > 0 else float("nan")
