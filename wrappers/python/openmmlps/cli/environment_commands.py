# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""``openmm-lps structures``, ``platforms`` and ``doctor``."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import typer

from .output import console, report_errors, table

if TYPE_CHECKING:
    import openmm

    from openmmlps.app.structure_files import Structure

_TIMED_SECONDS = 1.0


@report_errors
def structures() -> None:
    """List the packaged structures.

    \b
    openmm-lps run beta-Li3PS4
    """
    from ase.geometry import cell_to_cellpar

    from openmmlps.app import load, structure_names

    rows = []
    for name in structure_names():
        structure = load(name)
        cell = cell_to_cellpar(structure.to_user_cell(structure.box._value * 10))
        lengths, angles = (
            "  ".join(f"{value:{width}}" for value in part) for part, width in ((cell[:3], "6.2f"), (cell[3:], "5.1f"))
        )
        rows.append((name, structure.formula, str(len(structure.symbols)), lengths, angles))
    console().print(table(rows, "name", "cell content", "atoms", "a, b, c (Å)", "α, β, γ (°)"))


@report_errors
def platforms() -> None:
    """List OpenMM's platforms, and on which of them a Deep Potential runs."""
    _print_platforms()


def _print_platforms() -> None:
    import openmm

    import openmmlps  # noqa: F401  registers the kernels
    from openmmlps.app.platforms import list_platforms

    rows = [(info.name, f"{info.speed:g}", "yes" if info.has_kernel else "no") for info in list_platforms()]
    console().print(table(rows, "platform", "OpenMM's rank", "runs Deep Potentials"))
    for failure in openmm.Platform.getPluginLoadFailures():
        console().print(f"did not load: {failure}", soft_wrap=True)


@report_errors
def doctor() -> None:
    """Check this installation: versions, plugins, platforms, instruction set, and a short run on each.

    Exits with 1 if a Deep Potential runs nowhere.
    """
    import openmm

    from openmmlps.app import createSystem, load
    from openmmlps.app.h5md_reporter import package_version
    from openmmlps.app.platforms import list_platforms

    out = console()
    out.print(f"openmm-lps {package_version()}, OpenMM {openmm.Platform.getOpenMMVersion()}")
    _print_platforms()
    out.print(f"\nInstruction set of the CPU platform: {_instruction_set()}", soft_wrap=True)
    structure = load("beta-Li3PS4")
    system = createSystem(structure.topology)
    out.print(f"\nA short run of beta-Li3PS4, {len(structure.symbols)} atoms, 1 fs:")
    rows, working = [], 0
    for info in list_platforms():
        if info.has_kernel:
            try:
                milliseconds = _time_step(structure, system, openmm.Platform.getPlatformByName(info.name))
                rows.append((info.name, f"{milliseconds:.3g} ms/step", f"{86.4 / milliseconds:.3g} ns/day"))
                working += 1
            except openmm.OpenMMException as error:
                rows.append((info.name, "failed", str(error)))
    if rows:
        out.print(table(rows, "platform", "time", "speed"))
    if not working:
        out.print("A Deep Potential runs on no platform; the plugin libraries did not load (see above).")
        raise typer.Exit(1)


def _instruction_set() -> str:
    """Name of the vector instructions that the evaluator on the processor uses."""
    import openmm

    from openmmlps import LPSModel
    from openmmlps.openmmlps import CoreEvaluator

    forced = " (LPS_SIMD)" if os.environ.get("LPS_SIMD") else ""
    try:
        return CoreEvaluator(LPSModel.default(), False, True, 1).getTarget() + forced
    except openmm.OpenMMException as error:
        return str(error)


def _time_step(structure: Structure, system: openmm.System, platform: openmm.Platform) -> float:
    """Milliseconds per step of Verlet dynamics at 300 K."""
    import openmm

    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    context.setPositions(structure.positions)
    context.setVelocitiesToTemperature(300, 1)
    integrator = context.getIntegrator()
    integrator.step(2)
    steps, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < _TIMED_SECONDS:
        integrator.step(5)
        context.getState(energy=True)  # GPU platforms work ahead; this waits for them
        steps += 5
    return (time.perf_counter() - begun) / steps * 1000
