# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""``openmm-lps info`` and ``openmm-lps convert``."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import console, report_errors, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np


@report_errors
def info(
    model: Annotated[str, typer.Argument(help="Model file of DeePMD-kit or native, or [bold]default[/].")],
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object instead of a table.")] = False,
) -> None:
    """Show what is in a model file.

    \b
    openmm-lps info graph.pb
    openmm-lps info default --json
    """
    found = describe(model)
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    rows = [
        ("elements", " ".join(found["elements"])),
        ("cutoff", f"{found['cutoff_angstrom']:g} Å, smooth from {found['smooth_from_angstrom']:g} Å"),
        ("parameters", f"{found['parameters']:,}"),
        ("embedding", found["embedding"]),
        ("fitting", found["fitting"]),
        ("precision", found["precision"]),
        ("sel", " ".join(map(str, found["hyperparameters"]["sel"]))),
        ("type_one_side", str(found["hyperparameters"]["type_one_side"]).lower()),
        ("sha256", found["sha256"]),
    ]
    rows += [
        (key.replace("_", " "), _text(value))
        for key, value in found["provenance"].items()
        if value not in ([], {}, "", None)
    ]
    console().print(table(rows))


@report_errors
def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="Model file of DeePMD-kit (.pb, .pth, .pt, .dp, .yaml, ...).")
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="Native file to write, ending in .safetensors.")],
    elements: Annotated[
        str,
        typer.Option("--elements", help="Elements in the order of the types, as Li,P,S: for a model that names none."),
    ] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it exists.")] = False,
) -> None:
    """Convert a DeePMD-kit model to the native format.

    \b
    openmm-lps convert graph.pb model.safetensors
    """
    from openmmlps._files import existing_model
    from openmmlps.importers import import_model

    if target.suffix != ".safetensors":
        raise ValueError(f"convert: '{target}' does not end in .safetensors, which the native format does; rename it")
    if target.exists() and not overwrite:
        raise FileExistsError(f"convert: '{target}' exists; choose another name or add --overwrite")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"convert: there is no folder '{target.parent}'; create it first")
    model = import_model(existing_model(source))
    if elements:
        model = model.with_elements([name.strip() for name in elements.split(",")])
    model.write(target)
    found = describe(target)
    console().print(
        f"{target}: {' '.join(found['elements'])}, {found['parameters']:,} parameters, sha256 {found['sha256']}",
        soft_wrap=True,
    )


def describe(model: str | Path) -> dict[str, Any]:
    """What `info` shows, as a JSON-serialisable dict.

    Parameters
    ----------
    model : str or Path
        path, or the name of a packaged model

    Returns
    -------
    dict
        elements, cutoff, numbers of parameters, hyperparameters and provenance
    """
    from openmmlps._files import existing_model
    from openmmlps.importers import import_model

    imported = import_model(existing_model(model))
    hyperparameters = imported.hyperparameters
    return {
        "file": str(model),
        "elements": list(hyperparameters["type_map"]),
        "cutoff_angstrom": hyperparameters["rcut"],
        "smooth_from_angstrom": hyperparameters["rcut_smth"],
        "parameters": count_parameters(imported.tensors),
        "embedding": _network(hyperparameters["embedding"]) + f", axis {hyperparameters['axis_neuron']}",
        "fitting": _network(hyperparameters["fitting"]),
        "precision": hyperparameters["precision"],
        "sha256": hashlib.sha256(imported.to_bytes()).hexdigest(),
        "hyperparameters": hyperparameters,
        "provenance": imported.provenance,
    }


def count_parameters(tensors: Mapping[str, np.ndarray]) -> int:
    """Trained numbers: weights, biases and time steps, or the coefficients of a compressed model's tables.

    Parameters
    ----------
    tensors : mapping of str to array
        the tensors of a native model

    Returns
    -------
    int
        how many
    """
    return sum(
        int(values.size)
        for name, values in tensors.items()
        if name.startswith(("embedding.", "fitting.")) or name.endswith(".coefficients")
    )


def _network(network: dict[str, Any] | None) -> str:
    if network is None:
        return "tabulated (compressed model)"
    layers = network["layers"]
    activations = dict.fromkeys(layer["activation"] for layer in layers if layer["activation"] != "linear")
    return f"{'-'.join(str(layer['width']) for layer in layers)}, {', '.join(activations) or 'linear'}"


def _text(value: object) -> str:
    """A value of the provenance as text."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    if isinstance(value, list):
        between = "\n" if any(isinstance(item, dict) for item in value) else ", "
        return between.join(map(_text, value))
    return str(value)
