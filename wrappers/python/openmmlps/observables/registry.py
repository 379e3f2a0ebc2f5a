# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""All observables, in the order of the report. A new one is a module and a line here."""

from __future__ import annotations

from .anions import anions
from .diffusion import diffusion
from .displacements import displacements
from .ion_density import ion_density
from .mobility import mobility
from .observable import Observable
from .scattering import scattering
from .structure import structure
from .tetrahedra import tetrahedra
from .van_hove import van_hove
from .vibrations import vibrations

OBSERVABLES: tuple[Observable, ...] = (
    diffusion,
    mobility,
    ion_density,
    anions,
    structure,
    scattering,
    tetrahedra,
    van_hove,
    vibrations,
    displacements,
)
