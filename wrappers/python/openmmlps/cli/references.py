# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Options that reports share: what they are compared with, and what is said of the material."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openmmlps.report import Beside

REFERENCE = (
    "CSV table of published or measured values, or a trajectory such as AIMD, shown beside ours; several are possible."
)
INTERVAL = "Time between the frames of a reference trajectory that has no times, such as '1 fs'."
SET = "What the material is, such as formers=P,Si or bond_cutoffs=P-S=2.6."


def beside_of(references: Sequence[Path] | None, assignments: Sequence[str] | None) -> Beside:
    """What is given beside folders; a fault in it is told before anything is read.

    Parameters
    ----------
    references : sequence of Path or None
        tables and trajectories
    assignments : sequence of str or None
        NAME=VALUE of the material

    Raises
    ------
    FileNotFoundError, ValueError
        a file that is not there, or a table that cannot be read
    """
    from openmmlps.materials import ChemistrySettings
    from openmmlps.protocols.protocol_settings import parse_assignment
    from openmmlps.references import read_table
    from openmmlps.report import Beside

    given = list(references or ())
    tables = tuple(path for path in given if path.suffix.lower() == ".csv")
    for path in tables:
        list(read_table(path))
    for path in given:
        if not path.is_file():
            raise FileNotFoundError(f"report: --reference '{path}' is not a file; give a CSV table or a trajectory")
    chemistry = dict(parse_assignment(text, "report") for text in assignments or ())
    words = ChemistrySettings()
    chemistry = {
        name: ", ".join(map(str, value))
        if isinstance(value, list) and isinstance(getattr(words, name, ""), str)
        else value
        for name, value in chemistry.items()
    }
    ChemistrySettings.from_values(chemistry, "--set")
    return Beside(tables, tuple(path for path in given if path not in tables), chemistry)


def quantity(option: str, text: str | None, dimension: str) -> float | None:
    """Value of an option with a unit.

    Parameters
    ----------
    option : str
        its name, for the message
    text : str or None
        such as '10 fs'
    dimension : str
        such as 'time'

    Raises
    ------
    ValueError
        no such quantity
    """
    from openmmlps.app.quantities import parse

    try:
        return None if text is None else parse(text, dimension)
    except ValueError as error:
        raise ValueError(f"--{option}: {error}") from None
