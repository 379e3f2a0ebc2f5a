# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""[material.interface]: two slabs that are stacked, of structures, metals, or a glass that the same study quenches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openmmlps._settings import Settings, setting
from openmmlps.app.interfaces import build_interface, parse_faces, read_side
from openmmlps.protocols.starts import read_result

if TYPE_CHECKING:
    from ase import Atoms


@dataclass(frozen=True)
class InterfaceSettings(Settings):
    """One [material.interface]; the names are those of ``openmm-lps interface``."""

    first: str = setting("", "structure, metal as 'bcc:Li=3.43', or name of a material that is quenched")
    second: str = setting("", "the other one; it takes the strain")
    faces: str = setting("001,001", "Miller indices of both")
    thickness: float = setting(15.0, "of each slab, angstrom, at least", above=0)
    gap: float = setting(2.5, "between the outermost atoms, angstrom", above=0)
    max_strain: float = setting(0.05, "largest strain of the second slab", above=0)
    max_area: float = setting(400.0, "of the common supercell, angstrom^2", above=0)

    def problems(self) -> Iterator[str]:
        """Say what does not fit together."""
        for name in ("first", "second"):
            if not getattr(self, name):
                yield f"{name} is missing; name a structure, a metal as 'bcc:Li=3.43', or a material that is quenched"
        try:
            parse_faces(self.faces)
        except ValueError as error:
            yield str(error).removeprefix("interface: ")


@dataclass(frozen=True)
class Stack:
    """An interface whose sides are known."""

    settings: InterfaceSettings  #: files with their whole paths
    glass: str = ""  #: 'first' or 'second' if that side is a material that is quenched
    quench: str = ""  #: the task that does it
    quenches: int = 0  #: replicas of it

    def build(self, glass: Atoms | None = None) -> Atoms:
        """Stack the slabs.

        Parameters
        ----------
        glass : ase.Atoms or None
            the side that is quenched, if there is one

        Returns
        -------
        ase.Atoms
            info: 'interfaces_angstrom'

        Raises
        ------
        ValueError, OSError
            as of :func:`~openmmlps.app.interfaces.build_interface`
        """
        own = self.settings
        first, second = (
            glass if glass is not None and name == self.glass else read_side(getattr(own, name))
            for name in ("first", "second")
        )
        faces = parse_faces(own.faces)
        return build_interface(first, second, *faces, own.thickness, own.gap, own.max_strain, own.max_area).atoms

    def record(self) -> dict[str, Any]:
        """What a task keeps of it, until the glass is there."""
        return {"glass": self.glass, "settings": asdict(self.settings)}


def heights(stack: Atoms) -> list[float]:
    """Where the interfaces of a stack are, angstrom, as tasks keep them."""
    return [round(float(height), 3) for height in stack.info["interfaces_angstrom"]]


def stack_result(record: dict[str, Any], glass: Path) -> Atoms:
    """Stack the slabs that a task has recorded, when the glass is quenched.

    Parameters
    ----------
    record : dict
        of :meth:`Stack.record`
    glass : Path
        folder of the quench

    Returns
    -------
    ase.Atoms
    """
    settings = InterfaceSettings.from_values(record["settings"], "study.json")
    return Stack(settings, record["glass"]).build(read_result(glass))
