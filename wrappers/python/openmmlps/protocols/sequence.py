# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""A protocol as a sequence of stages, most of them runs of :mod:`openmmlps.app`, that can be taken up after any kill.

A stage is done when its result is on the disk; nothing else is remembered. So a protocol that was killed looks through its
stages, passes over those that are done, and lets the run it was in continue from its own checkpoint.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from openmmlps.app import runner, status
from openmmlps.app.replace import replace_file
from openmmlps.app.run_folder import is_run
from openmmlps.app.signals import StopSignals
from openmmlps.app.stability import RunFailed

_STATUS_SECONDS = 5.0
_RESULT = "result.json"


@dataclass(frozen=True)
class RunStage:
    """A run in a folder of its own."""

    name: str  #: folder below that of the protocol
    cost: float  #: atoms times steps
    settings: object  #: () -> RunSettings, called when the stages before are done
    conclude: object  #: (folder) -> dict for result.json; may write files into the folder; repeated if it was cut short


@dataclass(frozen=True)
class TaskStage:
    """Work without dynamics."""

    name: str
    cost: float  #: in the same unit, roughly
    action: object  #: (folder, stopped) -> dict for result.json, or None if stopped() became true


@dataclass(frozen=True)
class ProtocolResult:
    """How a protocol ended."""

    folder: Path
    state: str  #: 'finished' or 'interrupted'
    signal: int | None
    seconds: float  #: clock time in this process


class SequenceMonitor:
    """Receives what a protocol has to say; this one keeps silent."""

    def message(self, text):
        """A sentence about what happens."""

    def stage(self, name, number, total):
        """A stage begins; number counts from 1."""

    def run_monitor(self, timestep):
        """A :class:`openmmlps.app.runner.Monitor` for the run of a stage."""
        return runner.Monitor()


class Sequence:
    """Carries out stages in a locked :class:`~.folder.ProtocolFolder`."""

    def __init__(self, folder, stages, engine, timestep, monitor=None):
        """
        :param folder: ProtocolFolder
        :param stages: list of RunStage and TaskStage
        :param engine: what drives the runs
        :param timestep: of the runs, ps
        :param monitor: SequenceMonitor
        """
        self.folder, self.stages, self.engine, self.timestep = folder, stages, engine, timestep
        self.monitor = monitor or SequenceMonitor()
        self._began, self._cost_before = time.monotonic(), 0.0
        self._told = 0.0

    def execute(self):
        """Do what is left to do.

        :return: ProtocolResult
        :raises RunFailed: a stage had to stop; everything written is kept
        :raises ValueError, OSError: wrong input
        """
        self._cost_before = sum(stage.cost for stage in self.stages if self._done(stage))
        self._say("running")
        current = None
        try:
            for number, stage in enumerate(self.stages, 1):
                current = stage
                if self._done(stage):
                    continue
                self.monitor.stage(stage.name, number, len(self.stages))
                self._say("running", stage.name)
                signal = self._run(stage) if isinstance(stage, RunStage) else self._task(stage)
                if signal:
                    self._say("interrupted", stage.name)
                    return self._result("interrupted", signal)
            self._say("finished")
            return self._result("finished", None)
        except (RunFailed, ValueError, OSError) as error:
            self._say("failed", current.name, message=str(error))
            if isinstance(error, RunFailed):
                raise RunFailed(f"{self.folder.path / current.name}: {error}") from None
            raise
        except KeyboardInterrupt:
            self._say("interrupted", current.name)
            raise

    def _done(self, stage):
        return (self.folder.path / stage.name / _RESULT).is_file()

    def _run(self, stage):
        """:return: number of the signal that interrupted it, or None"""
        path = self.folder.path / stage.name
        monitor = _StageMonitor(self, stage)
        finished = _finished(path)
        if not finished:
            if is_run(path):
                result = runner.resume(path, engine=self.engine, monitor=monitor)
            else:
                result = runner.start(path, stage.settings(), overwrite=True, engine=self.engine, monitor=monitor)
            monitor.close()
            if result.state == "interrupted":
                return result.signal
        self._write(path, stage.conclude(path))
        return None

    def _task(self, stage):
        path = self.folder.path / stage.name
        path.mkdir(parents=True, exist_ok=True)
        with StopSignals(
            lambda number: self.monitor.message("Stopping after this step (Ctrl-C again stops at once)")
        ) as stop:

            def stopped():
                if time.monotonic() - self._told > _STATUS_SECONDS:
                    self._say("running", stage.name)
                return stop.received is not None

            found = stage.action(path, stopped)
        if found is None:
            return stop.received
        self._write(path, found)
        return None

    def _write(self, path, result):
        replace_file(path / _RESULT, (json.dumps(result, indent=2) + "\n").encode())

    def _result(self, state, signal):
        return ProtocolResult(self.folder.path, state, signal, time.monotonic() - self._began)

    def _say(self, state, stage=None, fraction=0.0, message=None):
        """status.json of the whole; the estimate of the end comes from the work of this process."""
        self._told = time.monotonic()
        done = sum(item.cost for item in self.stages if self._done(item))
        done += fraction * next((item.cost for item in self.stages if item.name == stage), 0.0)
        total = sum(item.cost for item in self.stages)
        rate = (done - self._cost_before) / max(self._told - self._began, 1e-9)
        record = self.folder.record
        names = [item.name for item in self.stages]
        status.write_status(
            self.folder.status,
            state=state,
            message=message,
            protocol=record["protocol"],
            stage=stage,
            stage_number=names.index(stage) + 1 if stage else None,
            stages=[{"name": item.name, "done": self._done(item)} for item in self.stages],
            fraction_done=done / total if total else 1.0,
            seconds_left=(total - done) / rate if state == "running" and rate > 0 else None,
            model=record["model"],
        )


class _StageMonitor(runner.Monitor):
    """Hands on what a run says, and keeps status.json of the protocol true."""

    def __init__(self, sequence, stage):
        self._sequence, self._stage = sequence, stage
        self._inner = None

    def close(self):
        if hasattr(self._inner, "__exit__"):
            self._inner.__exit__(None, None, None)

    def message(self, text):
        self._sequence.monitor.message(text)

    def begin(self, total_steps, step, details):
        self._inner = self._sequence.monitor.run_monitor(self._sequence.timestep)
        self._inner.begin(total_steps, step, details)

    def progress(self, step, total_steps, ns_per_day, seconds_left, values):
        if self._inner is not None:
            self._inner.progress(step, total_steps, ns_per_day, seconds_left, values)
        if time.monotonic() - self._sequence._told > _STATUS_SECONDS:
            self._sequence._say("running", self._stage.name, step / total_steps)


def _finished(path):
    """Whether the run in a folder came to its end."""
    try:
        return is_run(path) and json.loads((path / "status.json").read_text())["state"] == "finished"
    except (OSError, ValueError, KeyError):
        return False


def stage_result(path):
    """result.json of a stage as a dict, or None if it is not done."""
    file = Path(path) / _RESULT
    return json.loads(file.read_text()) if file.is_file() else None
