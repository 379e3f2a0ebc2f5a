# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Sites of the mobile ions, jumps between them, and the free energy at which they get through the cell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.analysis.trajectory import Trajectory
from openmmlps.report.content import Figure, Measured, Section, Table, rows_of
from openmmlps.report.style import SERIES, picture

from .ion_density import draw_map, grid_rows
from .observable import FILE, TRANSPORT, Needs, Observable, Result, Sample, State, Value

_DEFINED = 0.3  # share of positions within cores below which sites are no more than a way of speaking
_HIGHEST_EV = 0.5  # of the map


def _compute(sample: Sample) -> Result | None:
    ion = sample.material.mobile
    result = Result(Section("sites", f"Sites and jumps of {ion}"))
    rows, fuzzy = [], []
    for state in sample.states:
        try:
            trajectory = state.require(NEEDS, "sites")[0]
            sites = analysis.find_sites(analysis.density_map(trajectory, ion, spacing=0.3))
            jumps = analysis.find_jumps(trajectory, sites, ion)
        except ValueError as error:
            result.warnings.append(str(error))
            continue
        rows.append(_row(state, jumps, trajectory))
        result.values.append(Value("jump_rate", Measured.of(jumps.rate_per_ps), ion, state.target_K))
        if jumps.inside < _DEFINED:
            fuzzy.append(state.label or "these frames")
    if not rows:
        return result if result.warnings else None
    assert result.section is not None
    result.section.add(_table(sample, rows))
    if fuzzy:
        result.section.paragraphs.append(
            f"At {', '.join(fuzzy)} less than {100 * _DEFINED:.0f} % of the positions lie near a site: sites are ill defined there, "
            "and their rates depend on how the density is smoothed."
        )
    _add_percolation(sample, result)
    return result


def _row(state: State, jumps: analysis.Jumps, trajectory: Trajectory) -> tuple[Any, ...]:
    dimensions, along = jumps.percolation()
    names = "".join(name for name, reached in zip("abc", along, strict=True) if reached)
    return (
        state.label or "–",
        len(jumps.sites.fractional),
        round(100 * jumps.inside, 1),
        len(jumps.frames),
        Measured.of(jumps.rate_per_ps),
        float(jumps.lengths_angstrom.mean()) if len(jumps.frames) else math.nan,
        jumps.jump_diffusion_cm2_per_s * 1e5,
        f"{dimensions} ({names})" if dimensions else "0",
    )


def _table(sample: Sample, rows: list[tuple[Any, ...]]) -> Table:
    ion = sample.material.mobile
    columns = (
        "T",
        "sites",
        "% near a site",
        "jumps",
        f"jumps per {ion} and ps",
        "length (Å)",
        "D of independent jumps (10⁻⁵ cm²/s)",
        "dimensions (along)",
    )
    note = (
        "Sites are maxima of the density; an ion belongs to the site within 1 Å of which it was last. Dimensions: those in which the "
        "jumps seen lead on through the periodic cell. D* over D of independent jumps is the correlation factor. First replica."
    )
    return Table(f"{sample.name}-sites", f"Sites and jumps of {ion}.", columns, tuple(rows), note)


def _add_percolation(sample: Sample, result: Result) -> None:
    """Map, path and barriers of the hottest state whose temperature is known."""
    state, ion = sample.hottest, sample.material.mobile
    temperature = state.temperature_K if math.isfinite(state.temperature_K) else state.target_K
    if not math.isfinite(temperature) or result.section is None:
        return
    found = analysis.percolation(state.require(NEEDS, "percolation")[0], ion, temperature, spacing=0.4)
    barriers = [found.dimension_barriers_eV[k] for k in range(3)] + list(found.direction_barriers_eV)
    names = ("in one dimension", "in two dimensions", "in three dimensions", "along a", "along b", "along c")
    rows = tuple((name, Measured.of(barrier)) for name, barrier in zip(names, barriers, strict=True))
    note = "Lowest free energy below which the density reaches its own periodic image; no activation energy. –: never seen."
    caption = f"Free energy at which {ion} gets through the cell{f', {state.label}' if state.label else ''}."
    table = Table(f"{sample.name}-percolation", caption, ("way", "barrier (eV)"), rows, note)
    result.section.add(_free_energy_figure(sample, found), _path_figure(sample, found), table)
    for number, barrier in enumerate(found.dimension_barriers_eV, 1):
        result.values.append(Value("percolation_barrier", Measured.of(barrier), f"{number}D", state.target_K))


def _free_energy_figure(sample: Sample, found: analysis.Percolation) -> Figure:
    lowest = np.minimum(found.free_energy_eV.min(2), _HIGHEST_EV)
    lengths = np.linalg.norm(found.cell, axis=1)
    a, b = (np.linspace(0, length, count, endpoint=False) for length, count in zip(lengths, lowest.shape, strict=False))

    def draw(axes: Any) -> None:
        draw_map(axes, a, b, lowest, "free energy (eV)", cmap="viridis")
        axes.set(xlabel="along a (Å)", ylabel="along b (Å)", aspect="equal")

    caption = f"Lowest free energy of {sample.material.mobile} along c, -kT ln of the density, from its deepest point."
    columns = ("a_angstrom", "b_angstrom", "free_energy_eV")
    return Figure(f"{sample.name}-free-energy", caption, picture(draw), columns, grid_rows(a, b, lowest))


def _path_figure(sample: Sample, found: analysis.Percolation) -> Figure | None:
    if not len(found.path_fractional):
        return None
    along, energy = found.path_angstrom, found.path_free_energy_eV

    def draw(axes: Any) -> None:
        axes.plot(along, energy, color=SERIES[0])
        axes.set(xlabel="along the path (Å)", ylabel="free energy (eV)", xlim=(0, along[-1]), ylim=(0, None))

    columns = ("length_angstrom", "free_energy_eV", "a_fractional", "b_fractional", "c_fractional")
    rows = rows_of(along, energy, *found.path_fractional.T)
    caption = f"Path of least resistance of {sample.material.mobile} from a point to its periodic image."
    return Figure(f"{sample.name}-path", caption, picture(draw, height=2.9), columns, rows)


NEEDS = Needs(frames=3000, interval_ps=0.5, time_ps=10.0)
sites = Observable("sites", _compute, "sites", NEEDS, (TRANSPORT, FILE), mobile=True)
