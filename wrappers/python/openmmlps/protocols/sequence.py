# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""A protocol as a sequence of stages, most of them runs of :mod:`openmmlps.app`, that can be taken up after any kill.

A stage is done when its result is on the disk; nothing else is remembered. So a protocol that was killed looks through its
stages, passes over those that are done, and lets the run it was in continue from its own checkpoint.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openmmlps.app import runner, status
from openmmlps.app.monitor import Monitor
from openmmlps.app.replace import replace_file
from openmmlps.app.run_folder import is_run
from openmmlps.app.run_settings import RunSettings
from openmmlps.app.signals import StopSignals
from openmmlps.app.stability import RunFailed

if TYPE_CHECKING:
    from collections import abc

    from .protocol_folder import ProtocolFolder
    from .protocol_settings import ProtocolSettings

_STATUS_SECONDS = 5.0
_RESULT = "result.json"
Result = dict[str, Any]  #: content of result.json


@dataclass(frozen=True)
class RunStage:
    """A run in a folder of its own."""

    name: str  #: folder below that of the protocol
    cost: float  #: atoms times steps
    settings: Callable[[], RunSettings]  #: called when the stages before are done
    conclude: Callable[[Path], Result]  #: of the folder; may write files into it; repeated if it was cut short

    def try_out(self, engine: Any) -> None:
        """Compute the energy of the start as the run will, so that wrong input shows before anything is replaced."""
        runner.try_out(self.settings(), engine)


@dataclass(frozen=True)
class TaskStage:
    """Work without dynamics."""

    name: str
    cost: float  #: in the same unit, roughly
    action: Callable[[Path, Callable[[], bool]], Result | None]  #: (folder, stopped); None if stopped() became true
    check: Callable[[], object]  #: raises ValueError if the action cannot be carried out

    def try_out(self, engine: Any) -> None:
        """Check that the action can be carried out."""
        self.check()


@dataclass(frozen=True)
class ProtocolResult:
    """How a protocol ended."""

    folder: Path
    state: str  #: 'finished' or 'interrupted'
    signal: int | None
    seconds: float  #: clock time in this process


class Sequence(Monitor):
    """Carries out stages in a locked :class:`~.protocol_folder.ProtocolFolder`.

    It listens to the runs of its stages: hands on what they say, and keeps status.json of the protocol true.

    Parameters
    ----------
    folder : ProtocolFolder
        locked
    stages : sequence of RunStage and TaskStage
        in their order
    engine : object
        what drives the runs
    settings : ProtocolSettings
        for the machine that runs are continued on
    monitor : Monitor
        who is told
    """

    def __init__(
        self,
        folder: ProtocolFolder,
        stages: abc.Sequence[RunStage | TaskStage],
        engine: Any,
        settings: ProtocolSettings,
        monitor: Monitor,
    ) -> None:
        self.folder, self.stages, self.engine, self.settings, self.monitor = folder, stages, engine, settings, monitor
        self._current = stages[0]
        self._began, self._cost_before = time.monotonic(), 0.0
        self._told = self._fraction = 0.0  # of the current stage

    def execute(self) -> ProtocolResult:
        """Do what is left to do.

        Raises
        ------
        RunFailed
            when a stage had to stop; everything written is kept
        ValueError, OSError
            for wrong input
        """
        self._cost_before = sum(stage.cost for stage in self.stages if self._done(stage))
        try:
            for number, stage in enumerate(self.stages, 1):
                self._current, self._fraction = stage, 0.0
                if self._done(stage):
                    continue
                self.monitor.stage(stage.name, number, len(self.stages))
                self._say("running")
                signal = self._run(stage) if isinstance(stage, RunStage) else self._task(stage)
                if signal and not all(map(self._done, self.stages)):
                    return self._result("interrupted", signal)
            return self._result("finished", None)
        except RunFailed as error:
            self._say("failed", message=str(error))
            raise RunFailed(f"{self.folder.shown / self._current.name}: {error}") from None
        except (ValueError, OSError) as error:
            self._say("failed", message=str(error))
            raise
        except KeyboardInterrupt:
            self._say("interrupted")
            raise

    def message(self, text: str) -> None:
        """Hand on a sentence of a run."""
        self.monitor.message(text)

    def begin(self, total_steps: int, step: int, timestep: float, details: Mapping[str, str]) -> None:
        """Hand on that a run begins."""
        self.monitor.begin(total_steps, step, timestep, details)

    def progress(
        self, step: int, total_steps: int, ns_per_day: float, seconds_left: float | None, values: Mapping[str, float]
    ) -> None:
        """Hand on where a run is, and keep the status of the whole true."""
        self.monitor.progress(step, total_steps, ns_per_day, seconds_left, values)
        self._fraction = step / total_steps
        self._say_now_and_then()

    def _done(self, stage: RunStage | TaskStage) -> bool:
        return (self.folder.path / stage.name / _RESULT).is_file()

    def _run(self, stage: RunStage) -> int | None:
        """Start or continue a run; the number of the signal that came meanwhile, or None."""
        path, signal = self.folder.path / stage.name, None
        if not _finished(path):
            if is_run(path):
                result = runner.resume(path, self.settings.machine, engine=self.engine, monitor=self)
            else:
                result = runner.start(path, stage.settings(), overwrite=True, engine=self.engine, monitor=self)
            signal = result.signal
            if result.state == "interrupted":
                return signal
        self._write(path, stage.conclude(path))
        return signal

    def _task(self, stage: TaskStage) -> int | None:
        path = self.folder.path / stage.name
        path.mkdir(parents=True, exist_ok=True)
        with StopSignals(
            lambda number: self.monitor.message("Stopping after this step (Ctrl-C again stops at once)")
        ) as stop:

            def stopped() -> bool:
                self._say_now_and_then()
                return stop.received is not None

            found = stage.action(path, stopped)
        if found is None:
            return stop.received
        self._write(path, found)
        return None

    def _write(self, path: Path, result: Result) -> None:
        replace_file(path / _RESULT, (json.dumps(result, indent=2) + "\n").encode())

    def _result(self, state: str, signal: int | None) -> ProtocolResult:
        self._say(state)
        return ProtocolResult(self.folder.shown, state, signal, time.monotonic() - self._began)

    def _say_now_and_then(self) -> None:
        if time.monotonic() - self._told > _STATUS_SECONDS:
            self._say("running")

    def _say(self, state: str, message: str | None = None) -> None:
        """Write status.json of the whole; the estimate of the end comes from the work of this process."""
        self._told = time.monotonic()
        finished, current = state == "finished", self._current
        done = sum(item.cost for item in self.stages if self._done(item))
        done += 0.0 if finished else self._fraction * current.cost
        total = sum(item.cost for item in self.stages)
        rate = (done - self._cost_before) / max(self._told - self._began, 1e-9)
        record = self.folder.record
        status.write_status(
            self.folder.status,
            state=state,
            message=message,
            protocol=record["protocol"],
            stage=None if finished else current.name,
            stage_number=None if finished else self.stages.index(current) + 1,
            stages=[{"name": item.name, "done": self._done(item)} for item in self.stages],
            fraction_done=done / total if total else 1.0,
            seconds_left=(total - done) / rate if state == "running" and rate > 0 else None,
            model=record["model"],
        )


def _finished(path: Path) -> bool:
    """Whether the run in a folder came to its end."""
    try:
        return is_run(path) and json.loads((path / "status.json").read_text())["state"] == "finished"
    except (OSError, ValueError, KeyError):
        return False


def stage_result(path: Path | str) -> Result | None:
    """Read result.json of a stage; None if it is not done."""
    file = Path(path) / _RESULT
    return dict(json.loads(file.read_text())) if file.is_file() else None
