# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The picture that a run leaves behind; it never ends the run."""

from __future__ import annotations

from pathlib import Path

from .replace import replace_file
from .thermo_file import read_thermo


def draw_run(thermo: Path, picture: Path, title: str, atoms: int) -> str:
    """Draw temperature and energy against time.

    Parameters
    ----------
    thermo : Path
        a thermo.csv with at least one line
    picture : Path
        the PNG, replaced as a whole
    title : str
        one line above the panels
    atoms : int
        number of atoms

    Returns
    -------
    str
        why there is no picture; empty if there is
    """
    try:
        from openmmlps.report.thermo_section import thermo_picture  # only now: it brings matplotlib

        drawn = thermo_picture(read_thermo(thermo), atoms, title)
        if not drawn.problem:
            replace_file(picture, drawn.png, synchronise=False)
        return drawn.problem
    except Exception as error:  # noqa: BLE001  matplotlib raises anything, and so do its backends and fonts
        return " ".join(str(error).split()) or type(error).__name__
