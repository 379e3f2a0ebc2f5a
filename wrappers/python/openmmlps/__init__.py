# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Deep Potentials (DeePMD-kit `se_e2_a` models) as native OpenMM forces.

`LPSModel` reads a model, `LPSForce` puts it into an `openmm.System`. Importing this module makes the force known to every OpenMM
platform that it supports.
"""

import openmm as _openmm

from openmmlps import _build
from openmmlps._plugins import checkOpenMMVersion as _checkOpenMMVersion
from openmmlps._plugins import loadPlugins as _loadPlugins

_checkOpenMMVersion(_build.openmm_minor, _openmm.Platform.getOpenMMVersion())

from openmmlps.openmmlps import LPSForce, LPSModel  # noqa: E402  the binary must not load before the check

__version__ = _build.version

#: One message for each platform library of openmmlps that could not be loaded, such as the one for a GPU that is absent.
pluginLoadFailures = _loadPlugins()

__all__ = ["LPSForce", "LPSModel", "__version__", "pluginLoadFailures"]
