# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Where LAMMPS finds ``pair_style lps``.

A package beside openmmlps, because every rank of an MPI run imports it: it imports nothing.
"""

PLUGIN = "lpsplugin.so"


def get_plugin_folder() -> str:
    """Get the folder that the command ``lmp`` of the package lammps searches for plugins.

    Returns
    -------
    str
        the folder of this file; it holds `PLUGIN` where openmm-lps was built with LPS_BUILD_LAMMPS
    """
    return __file__.rpartition("/")[0]
