# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""``openmm-lps interface``: slabs of two structures, matched and stacked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .output import console, report_errors, table


@report_errors
def interface(
    first: Annotated[str, typer.Argument(help="Packaged structure, or any file that ASE reads.")],
    second: Annotated[str, typer.Argument(help="The other one; it takes the strain. bcc:Li=3.43 is a metal.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, as interface.extxyz.")],
    faces: Annotated[str, typer.Option(help="Miller indices of both, as 010,001.")] = "001,001",
    thickness: Annotated[float, typer.Option(help="Of each slab, Å, at least.")] = 15.0,
    gap: Annotated[float, typer.Option(help="Between the outermost atoms, Å.")] = 2.5,
    max_strain: Annotated[float, typer.Option(help="Largest strain of the second slab.")] = 0.05,
    max_area: Annotated[float, typer.Option(help="Of the common supercell, Å².")] = 400.0,
) -> None:
    """Stack slabs of two structures along c, with the smallest common supercell; prints how well they fit.

    \b
    openmm-lps interface beta-Li3PS4 bcc:Li=3.43 --faces 010,001 -o interface.extxyz
    openmm-lps relax interface.extxyz --fixed-cell -o relaxed
    openmm-lps transport relaxed --temperatures 500 -o transport
    """
    import ase.io

    from openmmlps.app.interfaces import build_interface, parse_faces, read_side

    if output.exists():
        raise ValueError(f"interface: '{output}' exists already; give another --output, or remove it")
    both = parse_faces(faces)
    found = build_interface(read_side(first), read_side(second), *both, thickness, gap, max_strain, max_area)
    ase.io.write(output, found.atoms, format="extxyz")
    match, out = found.match, console()
    cells = [abs(round(float(m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]))) for m in (match.first, match.second)]
    rows = [
        (name, str(number), f"{high:.1f}", str(count), strain)
        for name, number, high, count, strain in zip(
            (first, second),
            cells,
            found.thicknesses_angstrom,
            found.counts,
            ("none", " and ".join(f"{100 * value:+.2f} %" for value in match.strains)),
            strict=True,
        )
    ]
    out.print(table(rows, "slab", "cells in the plane", "thickness (Å)", "atoms", "strain"))
    out.print(
        f"area {match.area:.1f} Å², second slab turned by {match.rotation_degrees:.1f}°, shortest distance between the slabs "
        f"{found.shortest_distance_angstrom:.2f} Å; written to {output}",
        soft_wrap=True,
    )
