# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""All observables, in the order of the report. A new one is a module and a line here."""

from __future__ import annotations

from .anions import anions
from .crystallinity import crystallinity
from .diffusion import diffusion
from .displacements import displacements
from .field import field
from .interfaces import interfaces
from .ion_density import ion_density
from .ion_paths import ion_paths
from .ligand_angles import ligand_angles
from .mobility import mobility
from .observable import Observable
from .rotation_coupling import rotation_coupling
from .scattering import scattering
from .sites import sites
from .structure import structure
from .tetrahedra import tetrahedra
from .van_hove import van_hove
from .van_hove_maps import van_hove_maps
from .vibrational_difference import vibrational_difference
from .vibrations import vibrations

OBSERVABLES: tuple[Observable, ...] = (
    diffusion,
    field,
    mobility,
    sites,
    interfaces,
    ion_paths,
    ion_density,
    anions,
    crystallinity,
    structure,
    scattering,
    tetrahedra,
    ligand_angles,
    rotation_coupling,
    van_hove,
    van_hove_maps,
    vibrations,
    vibrational_difference,
    displacements,
)
