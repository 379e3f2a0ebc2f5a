# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Whether atoms stand for sites that a CIF calls partly occupied.

ASE puts a whole atom on such a site and notes the occupancies in ``atoms.info``. That note stays when someone makes
an ordered cell by removing atoms or changing their elements, so the atoms decide whether it is still true.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

_REPEATS = 8  # a supercell of more copies along one direction is not looked through


def partial_species(atoms: Any) -> list[str]:
    """Elements of the sites that are partly occupied.

    Parameters
    ----------
    atoms : ase.Atoms
        with the notes of ASE's reader of CIF: ``info['occupancy']``, ``info['spacegroup']`` and the array
        ``spacegroup_kinds``, which may be stale

    Returns
    -------
    list of str
        sorted; empty for an ordered structure, also if it was made from a disordered one
    """
    occupancies = atoms.info.get("occupancy")
    kinds = atoms.arrays.get("spacegroup_kinds")
    if not isinstance(occupancies, dict) or kinds is None:
        return []
    partial = {int(kind): site for kind, site in occupancies.items() if _is_partial(site)}
    partial = {kind: site for kind, site in partial.items() if (kinds == kind).any()}
    if not partial or _was_ordered(atoms, np.asarray(kinds), partial):
        return []
    return sorted({symbol for site in partial.values() for symbol in site})


def _is_partial(site: dict[str, Any]) -> bool:
    return len(site) > 1 or any(abs(_number(value) - 1) > 1e-3 for value in site.values())


def _number(value: Any) -> float:
    """Occupancy; what is unknown or left out is 1, as the dictionary of CIF has it."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return 1.0


def _was_ordered(atoms: Any, kinds: np.ndarray, partial: dict[int, dict[str, Any]]) -> bool:
    """Whether elements were changed on partly occupied sites, or atoms removed from them."""
    for kind, site in partial.items():
        found = {str(symbol) for symbol in atoms.symbols[kinds == kind]}
        highest = max(map(_number, site.values()))
        if len(found) > 1 or _number(site.get(found.pop(), -1.0)) < highest:
            return True
    return not _is_complete(atoms, kinds)


def _is_complete(atoms: Any, kinds: np.ndarray) -> bool:
    """Whether each site has all the atoms that the space group puts there; True if the group is not known.

    The cell may be a supercell, so that is asked for every number of copies it may hold.
    """
    from ase.spacegroup import Spacegroup

    try:
        group = Spacegroup(atoms.info["spacegroup"])
    except Exception:  # noqa: BLE001  missing, or text that ASE does not know; it raises various errors
        return True
    names, first, counts = np.unique(kinds, return_index=True, return_counts=True)
    fractions = atoms.get_scaled_positions()[first]

    def expected(kind: int, repeats: np.ndarray) -> int:
        sites, _ = group.equivalent_sites([fractions[kind] * repeats], onduplicates="keep", symprec=1e-3)
        return len(sites) * int(repeats.prod())

    return any(
        all(expected(kind, repeats) == counts[kind] for kind in range(len(names)))
        for repeats in map(np.array, _repeats(int(counts.min())))
    )


def _repeats(most: int) -> list[tuple[int, ...]]:
    """Numbers of copies along the three directions, at most so many in all."""
    return [item for item in itertools.product(range(1, _REPEATS + 1), repeat=3) if np.prod(item) <= most]
