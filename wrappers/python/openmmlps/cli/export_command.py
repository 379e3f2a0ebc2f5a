# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""``openmm-lps export``: files of a trajectory for programs that look for sites and paths."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .output import console, report_errors


@report_errors
def export(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Trajectory file, such as trajectory.h5.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")],
    mobile: Annotated[str, typer.Option(help="Mobile ions. Default: from the composition.")] = "mobile",
    stride: Annotated[int, typer.Option(help="Write every n-th frame.", min=1)] = 1,
    spacing: Annotated[float, typer.Option(help="Of the density map, Å.")] = 0.3,
) -> None:
    """Write XDATCAR and sites.cif for GEMDAT, site-analysis and pymatgen, and density.cube for VESTA and VMD.

    \b
    openmm-lps export glass-transport/T700/replica-1/production/trajectory.h5 -o export
    """
    from openmmlps import analysis

    trajectory = analysis.read(path)
    ions = trajectory.indices(mobile)
    density = analysis.density_map(trajectory, ions, spacing)
    sites = analysis.find_sites(density)
    output.mkdir(parents=True, exist_ok=True)
    density.write_cube(output / "density.cube")
    sites.write_cif(output / "sites.cif", trajectory.symbols[int(ions[0])])
    analysis.write_xdatcar(trajectory, output / "XDATCAR", stride)
    frames = len(range(0, len(trajectory), stride))
    console().print(
        f"written: {output}: XDATCAR ({frames} frames), sites.cif ({len(sites.fractional)} sites), density.cube",
        soft_wrap=True,
    )
