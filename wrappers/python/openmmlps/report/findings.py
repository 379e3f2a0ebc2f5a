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
from .single_run import run_findings
from .transport_section import transport_findings

_PROTOCOLS = {
    "elastic": elastic_findings,
    "quench": quench_findings,
    "relax": relax_findings,
    "transport": transport_findings,
}


def find(path: Path | str) -> Findings:
    """Analyze the folder of a run or of a protocol; nothing is written.

    Raises
    ------
    FileNotFoundError, ValueError
        nothing there, or nothing finished yet
    """
    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(f"analyze: '{path}' is not a folder; give the folder of a run or of a protocol")
    name = path.resolve().name
    if is_protocol(path):
        folder = ProtocolFolder(path)
        found, model = _PROTOCOLS[folder.record["protocol"]](folder, name), folder.record["model"]
    elif is_run(path):
        found, model = run_findings(path, name), methods.run_facts(path)[1]["model"]
    else:
        raise ValueError(
            f"analyze: '{path}' holds neither a run nor a protocol of openmm-lps; give a folder that openmm-lps run, quench, "
            "transport, elastic or relax wrote"
        )
    found.warnings = [*methods.model_caveat(model), *found.warnings, *_failed_pictures(found)]
    return found


def _failed_pictures(found: Findings) -> list[str]:
    failed = [item for item in found.items if isinstance(item, Figure) and not item.picture.png]
    if not failed:
        return []
    names = ", ".join(item.name for item in failed)
    return [f"{names} could not be drawn ({failed[0].picture.problem}); the numbers are in the CSV files"]


def analyze(path: Path | str) -> tuple[Findings, Path, list[str]]:
    """Analyze a folder and write its pictures (PNG) and tables (CSV) into its subfolder `analysis`.

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
    found = find(path)
    folder = Path(path) / "analysis"
    return found, folder, found.write(folder)
