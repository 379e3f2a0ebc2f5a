# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Where the mobile ions are: around the bonds of each former, and in the cell."""

from __future__ import annotations

from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.analysis.trajectory import Trajectory
from openmmlps.report.content import Figure, Section, rows_of
from openmmlps.report.style import picture

from .observable import FILE, TRANSPORT, Needs, Observable, Result, Sample


def _compute(sample: Sample) -> Result | None:
    state, material = sample.hottest, sample.material
    section = Section("density", sample.at(f"Where {material.mobile} is", state))
    for former in material.formers:
        trajectory = state.require(BOND_NEEDS, "density around bonds")[0]
        try:
            section.add(_bond_figure(sample, trajectory, former))
        except ValueError as error:  # a former without bonds says so, the others are shown
            section.paragraphs.append(f"{former}: {error}.")
    section.add(_density_figure(sample, state.require(NEEDS, "density")[0]))
    return Result(section)


def _bond_figure(sample: Sample, trajectory: Trajectory, former: str) -> Figure:
    material = sample.material
    ligands = tuple(material.ligands)
    cutoff = max(material.cutoff(former, ligand) for ligand in ligands)
    found = analysis.bond_density(
        trajectory, material.mobile, ligands, former, r_width=0.15, phi_bins=30, bond_cutoff=cutoff
    )
    around = "/".join(ligands)

    def draw(axes: Any) -> None:
        top = float(np.percentile(found.rho, 99.5)) or 1.0
        draw_map(axes, found.r_angstrom, found.phi_degrees, found.rho, "ρ(r, φ)", vmax=top)
        axes.set(xlim=(1.5, 6), xlabel=f"r({material.mobile}–{around}) (Å)", ylabel="φ (degrees)")
        axes.set(yticks=(0, 60, 120, 180))

    rows = grid_rows(found.r_angstrom, found.phi_degrees, found.rho)
    caption = (
        f"Density of {material.mobile} over the mean density, by distance from {around} and angle to its bond to {former} "
        f"(0: towards {former})."
    )
    name = f"{sample.name}-bond-density" + (f"-{former}" if len(material.formers) > 1 else "")
    return Figure(name, caption, picture(draw), ("r_angstrom", "phi_degrees", "rho"), rows)


def _density_figure(sample: Sample, trajectory: Trajectory) -> Figure:
    ion = sample.material.mobile
    found = analysis.density_map(trajectory, ion, spacing=0.3)
    lengths = np.linalg.norm(found.cell, axis=1)
    projected = found.density_per_angstrom3.mean(2) * lengths[2]
    first, second = (
        np.linspace(0, length, count, endpoint=False) for length, count in zip(lengths, projected.shape, strict=False)
    )

    def draw(axes: Any) -> None:
        draw_map(axes, first, second, projected, "density (1/Å²)")
        axes.set(xlabel="along a (Å)", ylabel="along b (Å)", aspect="equal")

    columns = ("a_angstrom", "b_angstrom", "density_per_angstrom2")
    caption = f"Time-averaged density of {ion}, projected along c."
    return Figure(f"{sample.name}-density", caption, picture(draw), columns, grid_rows(first, second, projected))


def draw_map(axes: Any, x: np.ndarray, y: np.ndarray, values: np.ndarray, label: str, **options: Any) -> None:
    """Draw values [x, y] as colors.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        to draw on
    x, y : np.ndarray
        [m], [n] centers
    values : np.ndarray
        [m, n]
    label : str
        of the colors
    **options
        of pcolormesh, such as vmax and cmap
    """
    image = axes.pcolormesh(
        x, y, values.T, shading="nearest", rasterized=True, **{"vmin": 0, "cmap": "magma_r", **options}
    )
    axes.figure.colorbar(image, label=label)
    axes.grid(visible=False)


def grid_rows(x: np.ndarray, y: np.ndarray, values: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """Rows (x, y, value) of values [x, y]."""
    return rows_of(np.repeat(x, len(y)), np.tile(y, len(x)), values.ravel())


NEEDS, BOND_NEEDS = Needs(frames=500), Needs(frames=200)
ion_density = Observable("density", _compute, "lithium-density", NEEDS, (TRANSPORT, FILE), mobile=True)
