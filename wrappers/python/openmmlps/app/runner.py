# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Simulations in a folder of their own that survive signals, kills and full disks. Files: docs/usage.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .engine import engine_for
from .monitor import Monitor
from .run import Run, RunResult
from .run_folder import RunFolder
from .run_settings import RunSettings
from .run_start import check_structure, load_structure, try_out
from .stability import RunFailed

__all__ = ["Monitor", "RunFailed", "RunResult", "resume", "start", "try_out"]


def start(
    folder: str | os.PathLike[str],
    settings: RunSettings,
    overwrite: bool = False,
    engine: Any = None,
    monitor: Monitor | None = None,
) -> RunResult:
    """Start a run in a new folder and carry it out.

    Parameters
    ----------
    folder : path
        created; must not exist, or be empty, or be a run and `overwrite` be True
    settings : RunSettings
        what to do
    overwrite : bool
        replace an existing run, once the new one has begun
    engine : optional
        what drives the run; None: what its model needs
    monitor : Monitor, optional
        told what happens

    Returns
    -------
    RunResult
        how it ended

    Raises
    ------
    ValueError, OSError
        for wrong input; nothing was started, and an existing run is as it was
    RunFailed
        if the run had to stop; everything written is kept
    """
    engine, monitor = engine or engine_for(settings.model), monitor or Monitor()
    structure = load_structure(settings.structure, settings)
    check_structure(settings, structure)
    model, record = engine.freeze_model(settings.model, structure.symbols)
    with RunFolder.create(folder, settings, model, record, overwrite) as run_folder:
        try:
            return Run(run_folder, settings, engine, monitor).execute()
        except BaseException as error:
            if not run_folder.begun or isinstance(error, ValueError):
                run_folder.discard()  # wrong input that shows only now, such as a platform that does not come up
            raise


def resume(
    folder: str | os.PathLike[str],
    changes: Mapping[str, Any] | None = None,
    engine: Any = None,
    monitor: Monitor | None = None,
) -> RunResult:
    """Continue a run from its last checkpoint, from its own frozen inputs.

    Parameters
    ----------
    folder : path
        of the run
    changes : mapping, optional
        settings to change: of 'time', 'platform', 'threads', 'checkpoint_seconds'
    engine, monitor
        as in :func:`start`

    Returns
    -------
    RunResult
        how it ended; of a run that was finished already, without doing anything

    Raises
    ------
    ValueError, OSError
        for no run there, a run in progress, damaged files
    RunFailed
        as in :func:`start`
    """
    monitor = monitor or Monitor()
    with RunFolder.open(folder) as run_folder:
        engine = engine or engine_for(run_folder.model)
        settings = replace(run_folder.read_settings(), **(changes or {}))
        return Run(run_folder, settings, engine, monitor).execute()
