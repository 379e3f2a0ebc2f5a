# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""From a folder to its findings, whatever is in it."""

from pathlib import Path

from openmmlps.app.run_folder import is_run
from openmmlps.protocols.protocol_folder import ProtocolFolder, is_protocol

from . import methods
from .content import Figure, Findings
from .elastic_section import elastic_findings
from .quench_section import quench_findings
from .relax_section import relax_findings
from .samples import Beside
from .single_run import run_findings
from .thermal_section import thermal_findings
from .trajectory_file import Reading, trajectory_findings
from .transport_section import transport_findings

_PROTOCOLS = {
    "elastic": elastic_findings,
    "quench": quench_findings,
    "relax": relax_findings,
    "thermal": thermal_findings,
    "transport": transport_findings,
}


def find(path: Path | str, reading: Reading | None = None, beside: Beside | None = None) -> Findings:
    """Analyze the folder of a run or of a protocol, or a trajectory; nothing is written.

    Parameters
    ----------
    path : Path or str
        folder, or file of a trajectory
    reading : Reading or None
        how to read a file
    beside : Beside or None
        tables of references, and what is said of the material

    Raises
    ------
    FileNotFoundError, ValueError
        nothing there, or nothing finished yet
    """
    path, beside = Path(path), beside or Beside()
    if path.is_file():
        found = trajectory_findings(path, reading or Reading(), beside)
        found.warnings += _failed_pictures(found)
        return found
    if reading not in (None, Reading()):
        raise ValueError(f"analyze: '{path}' is no trajectory file; leave out the options that say how to read one")
    if not path.is_dir():
        raise FileNotFoundError(
            f"analyze: '{path}' does not exist; give the folder of a run or of a protocol, or a trajectory file"
        )
    name = path.resolve().name
    if is_protocol(path):
        folder = ProtocolFolder(path)
        found, model = _PROTOCOLS[folder.record["protocol"]](folder, name, beside), folder.record["model"]
    elif is_run(path):
        found, model = run_findings(path, name, beside), methods.run_facts(path)[1]["model"]
    elif (path / "inputs" / "study.json").is_file():
        raise ValueError(f"analyze: '{path}' is the folder of a study; say openmm-lps study report {path}")
    else:
        raise ValueError(
            f"analyze: '{path}' holds neither a run nor a protocol of openmm-lps; give a folder that openmm-lps run, quench, "
            "transport, thermal, elastic or relax wrote"
        )
    found.warnings = [*methods.model_caveat(model), *found.warnings, *_failed_pictures(found)]
    return found


def reference_findings(beside: Beside | None, reading: Reading | None = None) -> list[Findings]:
    """Findings of the trajectories that a report is compared with.

    Parameters
    ----------
    beside : Beside or None
        that names them
    reading : Reading or None
        how to read them
    """
    return [find(path, reading, beside) for path in beside.trajectories] if beside else []


def _failed_pictures(found: Findings) -> list[str]:
    failed = [item for item in found.items if isinstance(item, Figure) and not item.picture.png]
    if not failed:
        return []
    names = ", ".join(item.name for item in failed)
    return [f"{names} could not be drawn ({failed[0].picture.problem}); the numbers are in the CSV files"]


def analyze(
    path: Path | str,
    output: Path | str | None = None,
    reading: Reading | None = None,
    beside: Beside | None = None,
) -> tuple[Findings, Path, list[str]]:
    """Analyze a folder or a trajectory, and write its pictures (PNG) and tables (CSV).

    Parameters
    ----------
    path : Path or str
        folder of a run or of a protocol, or file of a trajectory
    output : Path, str or None
        folder to write to; None: the subfolder `analysis`, or for a file the folder of its name with `-analysis`
    reading : Reading or None
        how to read a file
    beside : Beside or None
        tables of references, and what is said of the material

    Returns
    -------
    found : Findings
        what `find` tells
    folder : Path
        of the files
    names : list of str
        of the files

    Raises
    ------
    FileNotFoundError, ValueError
        as of `find`; older files are kept then
    """
    path = Path(path)
    found = find(path, reading, beside)
    folder = Path(output) if output else path / "analysis" if path.is_dir() else path.with_name(f"{path.name}-analysis")
    return found, folder, found.write(folder)
