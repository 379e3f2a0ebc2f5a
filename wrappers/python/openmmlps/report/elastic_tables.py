# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Tables and figures of elastic constants."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.protocols.elastic import COMPONENTS

from .content import Figure, Table
from .style import SERIES, picture

_INDICES = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))  #: of COMPONENTS


def tensor_table(name: str, constants: np.ndarray) -> Table:
    """C_ij [6, 6] in GPa."""
    rows = tuple(
        (label, *(round(float(value), 2) for value in row)) for label, row in zip(COMPONENTS, constants, strict=True)
    )
    return Table(f"{name}-tensor", "Elastic tensor C_ij (GPa).", ("", *COMPONENTS), rows)


def moduli_table(name: str, moduli: Sequence[analysis.Moduli]) -> Table:
    """Averages over orientations by Voigt, Reuss and Hill."""
    rows = []
    for label, *fields in (
        ("bulk modulus B (GPa)", "bulk_voigt_GPa", "bulk_reuss_GPa", "bulk_GPa"),
        ("shear modulus G (GPa)", "shear_voigt_GPa", "shear_reuss_GPa", "shear_GPa"),
        ("Young's modulus E (GPa)", "", "", "young_GPa"),
        ("Poisson's ratio ν", "", "", "poisson_ratio"),
        ("universal anisotropy", "", "", "anisotropy"),
    ):
        means = (f"{np.mean([getattr(item, field) for item in moduli]):.2f}" if field else "–" for field in fields)
        rows.append((label, *means))
    caption = "Averages over all orientations, mean over structures."
    return Table(f"{name}-moduli", caption, ("", "Voigt", "Reuss", "Hill"), tuple(rows))


def young_figure(name: str, raw: Sequence[np.ndarray], symmetry: str) -> Figure:
    """Young's modulus by direction, in three planes: of every structure, and of the average over the class."""
    angles = np.radians(np.arange(0, 361, 3))
    mean = analysis.symmetrize(np.mean(raw, axis=0), symmetry)
    stable = [item for item in raw if np.linalg.eigvalsh((item + item.T) / 2).min() > 0]  # noise can make others
    tensors = [*stable, mean]
    curves = {}
    for plane, (i, j) in {"xy": (0, 1), "yz": (1, 2), "xz": (0, 2)}.items():
        directions = np.zeros((len(angles), 3))
        directions[:, i], directions[:, j] = np.cos(angles), np.sin(angles)
        curves[plane] = [analysis.young_in_direction(tensor, directions) for tensor in tensors]
    limit = 1.1 * max(float(np.max(values)) for values in curves.values())

    def draw(axes: Any) -> None:
        for panel, (plane, values) in zip(axes, curves.items(), strict=True):
            for radius in values[:-1]:
                panel.plot(radius * np.cos(angles), radius * np.sin(angles), color=SERIES[0], linewidth=1.0)
            panel.plot(values[-1] * np.cos(angles), values[-1] * np.sin(angles), color=SERIES[1])
            panel.set_box_aspect(1)
            panel.set(xlim=(-limit, limit), ylim=(-limit, limit))
            panel.set(xlabel=f"along {plane[0]} (GPa)", ylabel=f"along {plane[1]} (GPa)")

    rows = tuple(
        (plane, float(np.degrees(angle)), *(float(radius[index]) for radius in values))
        for plane, values in curves.items()
        for index, angle in enumerate(angles)
    )
    columns = ("plane", "angle_degrees", *(f"structure_{k + 1}_GPa" for k in range(len(stable))), "class_average_GPa")
    caption = (
        "Young's modulus by direction of pull, in three planes of the cell (distance from the center). Thin: as found, for each "
        f"structure; bold: averaged over the {symmetry} class."
    )
    return Figure(f"{name}-young", caption, picture(draw, height=1.8, columns=3), columns, rows)


def stress_figure(name: str, start: str, stresses: np.ndarray, strain: float) -> Figure:
    """Diagonal response: stress of each component against its own strain.

    Parameters
    ----------
    name, start : str
        prefix of the file, name of the structure
    stresses : ndarray
        [2, 6, 3, 3] GPa: sign of the strain (+, -), its component
    strain : float
        its size
    """
    lines = {
        label: (float(stresses[1, k, i, j]), float(stresses[0, k, i, j]))
        for k, (label, (i, j)) in enumerate(zip(COMPONENTS, _INDICES, strict=True))
    }

    def draw(axes: Any) -> None:
        for color, (label, values) in zip(SERIES, lines.items(), strict=False):
            axes.plot([-100 * strain, 100 * strain], values, color=color, marker="o", markersize=4, label=label)
        axes.set(xlabel="strain (%)", ylabel="stress of the same component (GPa)")
        axes.legend(ncols=2)

    rows = tuple(
        (label, sign * strain, v) for label, pair in lines.items() for sign, v in zip((-1, 1), pair, strict=True)
    )
    caption = f"Stress against strain, same component ({start})."
    return Figure(f"{name}-stress", caption, picture(draw), ("component", "strain", "stress_GPa"), rows)
