# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What a run needs from the force that drives it. Another force needs the same four members: `potential_engine` is one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openmmlps._files import DEFAULT, existing_model, packaged_name

from . import observables, platforms
from .potential_engine import PotentialEngine, is_potential
from .repulsion import addRepulsion
from .run_settings import RunSettings
from .system import check_elements, createSystem


def engine_for(model: str | os.PathLike[str] | None) -> DeepPotentialEngine | PotentialEngine:
    """Find the engine of what users call a model, or of one that was frozen.

    Parameters
    ----------
    model : str, os.PathLike or None
        a model file, the name of a packaged model or of another potential; None: the packaged one

    Returns
    -------
    DeepPotentialEngine or PotentialEngine
    """
    return PotentialEngine() if is_potential(model) else DeepPotentialEngine()


class DeepPotentialEngine:
    """Runs driven by an LPSForce."""

    kernel = platforms.KERNEL  #: a platform can be used if it has this kernel

    def freeze_model(
        self, source: str | os.PathLike[str] | None, symbols: Sequence[str]
    ) -> tuple[bytes, dict[str, Any]]:
        """Read the model, and check it against the elements of the structure.

        Parameters
        ----------
        source : str, os.PathLike or None
            path of a model file in any format that can be imported, or the name of a packaged model; None: the default
        symbols : sequence of str
            [n] chemical symbols of the structure

        Returns
        -------
        content : bytes
            the model in the native format
        record : dict
            JSON-serialisable: the name of the source, its types and, of models that tell how far they can be trusted,
            their `status`

        Raises
        ------
        ValueError, OSError
            for no such model, not a model, or an element that it does not know
        """
        from openmmlps.importers import import_model

        path = existing_model(source or None)
        model = import_model(path)
        known = list(model.hyperparameters["type_map"])
        check_elements(symbols, known)
        name = packaged_name(path)
        origin = path.name if name is None else "packaged model" + ("" if name == DEFAULT else f" {name}")
        record: dict[str, Any] = {"source": origin, "elements": known}
        if "status" in model.provenance:
            record["status"] = str(model.provenance["status"])
        return model.to_bytes(), record

    def make_system(self, topology: Any, model_path: Path, settings: RunSettings) -> Any:
        """Make the System without thermostat and barostat."""
        precision = {"auto": "automatic", "mixed": "automatic"}.get(settings.precision, settings.precision)
        system = createSystem(topology, model_path, precision=precision, useTables=settings.use_tables)
        if settings.repulsion:
            addRepulsion(system)
        return system

    def virial(self, system: Any) -> observables.Virial:
        """Make a callable (context, step) -> [3, 3] kJ/mol."""
        return observables.Virial.of(system)
