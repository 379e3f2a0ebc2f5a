# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""From a folder to its findings, whatever is in it."""

from pathlib import Path

from openmmlps.app.run_folder import is_run
from openmmlps.protocols.protocol_folder import ProtocolFolder, is_protocol

from . import methods
from .content import Findings
from .quench_section import quench_findings
from .single_run import run_findings
from .statics_section import elastic_findings, relax_findings
from .transport_section import transport_findings

_PROTOCOLS = {
    "elastic": elastic_findings,
    "quench": quench_findings,
    "relax": relax_findings,
    "transport": transport_findings,
}


def find(path):
    """Analyse the folder of a run or of a protocol; nothing is written.

    :return: :class:`~.content.Findings`
    :raises FileNotFoundError, ValueError: nothing there, or nothing finished yet
    """
    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(f"analyze: '{path}' is not a folder; give the folder of a run or of a protocol")
    name = path.resolve().name
    if is_protocol(path):
        folder = ProtocolFolder(path)
        found = _PROTOCOLS[folder.record["protocol"]](folder, name)
        found.warnings = methods.model_caveat(folder.record["model"]) + found.warnings
        return found
    if is_run(path):
        found = run_findings(path, name)
        found.warnings = methods.model_caveat(methods.run_facts(path)[1]["model"]) + found.warnings
        return found
    raise ValueError(
        f"analyze: '{path}' holds neither a run nor a protocol of openmm-lps; give a folder that openmm-lps run, quench, "
        "transport, elastic or relax wrote"
    )


def analyze(path):
    """Analyse a folder and write its pictures (PNG) and tables (CSV) into its subfolder `analysis`.

    :return: (Findings, folder of the files, names of the files)
    """
    found = find(path)
    folder = Path(path) / "analysis"
    return found, folder, found.write(folder)


__all__ = ["Findings", "analyze", "find"]
