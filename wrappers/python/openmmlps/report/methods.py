# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What was run, with what: model, hash, versions, platform, seeds."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from openmmlps.app.run_settings import RunSettings
from openmmlps.app.thermo_file import read_thermo

Lines = list[tuple[str, str]]


def run_facts(folder: Path | str) -> tuple[RunSettings, dict[str, Any]]:
    """Facts of one run of :mod:`openmmlps.app`: its settings and its status.json.

    Raises
    ------
    ValueError
        no run there, or one that never wrote its status
    """
    from openmmlps.app.run_folder import is_run

    folder = Path(folder)
    if not is_run(folder):
        raise ValueError(f"report: '{folder}' holds no run; give the folder of a run or of a protocol")
    try:
        status = json.loads((folder / "status.json").read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"report: '{folder}' has no readable status.json ({error}); let the run go on first") from None
    return RunSettings.from_file(folder / "inputs" / "settings.json"), status


def joined_runs(folders: Sequence[Path]) -> tuple[dict[str, np.ndarray], list[float]]:
    """Columns of the thermo.csv of consecutive runs, time running on, and the times at which the runs begin."""
    parts, starts, elapsed = [], [], 0.0
    for folder in folders:
        data = read_thermo(folder / "thermo.csv")
        starts.append(elapsed)
        data = {**data, "time_ps": data["time_ps"] + elapsed}
        elapsed = float(data["time_ps"][-1])
        parts.append(data)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, starts


def common_methods(model: Mapping[str, Any], platform: str | None) -> Lines:
    """Lines on model and software.

    Parameters
    ----------
    model : mapping
        with 'source', 'elements', 'sha256'
    platform : str or None
        of OpenMM
    """
    import openmm

    from openmmlps.app.h5md_reporter import package_version

    lines = [
        ("model", f"{model['source']} ({', '.join(model['elements'])})"),
        ("model sha256", model["sha256"]),
        ("software", f"openmm-lps {package_version()}, OpenMM {openmm.Platform.getOpenMMVersion()}"),
    ]
    return [*lines, ("platform", platform)] if platform else lines


def model_caveat(model: Mapping[str, Any]) -> list[str]:
    """A warning if the model calls itself an interim one, or an empty list."""
    status = model.get("status", "")
    return [f"{model['source']}: {status} (openmm-lps info tells its errors)"] if "interim" in status else []
