# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Makes sure that this package fits the OpenMM in the process, and that OpenMM has loaded its platform libraries."""

from __future__ import annotations

from pathlib import Path

import openmm
import openmm.version

from openmmlps import _build


def check_openmm_version(built: str, present: str) -> None:
    """Refuse an OpenMM of another minor version than that the binaries were built for.

    Parameters
    ----------
    built : str
        minor version at build time, such as '8.6'
    present : str
        version of the OpenMM that was imported, such as '8.6.1'

    Raises
    ------
    ImportError
        if they differ
    """
    if present.split(".")[:2] != built.split("."):
        raise ImportError(
            f"openmmlps: this build is for OpenMM {built}, but OpenMM {present} is installed; "
            f"install 'openmm=={built}.*' or an openmm-lps built for OpenMM {'.'.join(present.split('.')[:2])}."
        )


def plugin_folders() -> list[Path]:
    """Folders in which the platform libraries may lie: OpenMM's own first, then the one that they were installed in."""
    folders = [Path(openmm.version.openmm_library_path) / "plugins", Path(__file__).parent / _build.plugin_folder]
    return list(dict.fromkeys(folder.resolve() for folder in folders))


def load_plugins() -> list[str]:
    """Load the platform libraries that OpenMM has not loaded by itself, for instance because OPENMM_PLUGIN_DIR is set.

    Returns
    -------
    list of str
        one message for each library that could not be loaded
    """
    seen = {Path(name).name for name in openmm.pluginLoadedLibNames}
    failures = [message for message in openmm.Platform.getPluginLoadFailures() if "OpenMMLPS" in message]
    for folder in plugin_folders():
        for library in sorted(folder.glob("*OpenMMLPS*")):
            if library.name in seen or any(library.name in message for message in failures):
                continue
            seen.add(library.name)
            try:
                openmm.Platform.loadPluginLibrary(str(library))
            except openmm.OpenMMException as error:
                failures.append(str(error))
    return failures
