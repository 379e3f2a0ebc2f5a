# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Deep Potentials (DeePMD-kit `se_e2_a` models) as native OpenMM forces.

`LPSModel` reads a model, `LPSForce` puts it into an `openmm.System`. Importing this module makes the force known to every OpenMM
platform that it supports.
"""

from typing import TYPE_CHECKING, Any

import openmm as _openmm

from openmmlps import _build
from openmmlps._plugins import check_openmm_version as _check_openmm_version
from openmmlps._plugins import load_plugins as _load_plugins

_check_openmm_version(_build.openmm_minor, _openmm.Platform.getOpenMMVersion())

# Only now, because a binary for another OpenMM may crash while it loads.
from openmmlps._deviation import ModelDeviation, ParticleUncertainties
from openmmlps.openmmlps import LPSForce, LPSModel

__version__ = _build.version

#: One message for each platform library of openmmlps that could not be loaded, such as the one for a GPU that is absent.
pluginLoadFailures = _load_plugins()

__all__ = [
    "LPSForce",
    "LPSModel",
    "ModelDeviation",
    "ParticleUncertainties",
    "__version__",
    "addRepulsion",
    "createSystem",
    "load",
    "pluginLoadFailures",
]

if TYPE_CHECKING:
    from openmmlps.app import addRepulsion, createSystem, load


def __getattr__(name: str) -> Any:
    """Import the application layer, and ASE with it, only when it is asked for."""
    if name in ("addRepulsion", "createSystem", "load"):
        import openmmlps.app

        return getattr(openmmlps.app, name)
    raise AttributeError(f"module 'openmmlps' has no attribute '{name}'")
