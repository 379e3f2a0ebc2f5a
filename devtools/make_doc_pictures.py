#!/usr/bin/env python
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Pictures of docs/analysis from finished folders: a glass, its transport, its elastic constants, and an NVE run of a crystal saved every
10 fs.

openmm-lps quench --preset quick -o glass75
openmm-lps transport glass75 --preset quick --temperatures 550,650,750 --set production_time_ps=600 -o glass75-transport
openmm-lps elastic glass75 --symmetry isotropic -o glass75-elastic
openmm-lps run beta-Li3PS4 --supercell 1x2x2 --temperature 300 --minimize --equilibrate "4 ps" --ensemble nve \
    --time "12 ps" --report-interval "0.01 ps" -o crystal
devtools/make_doc_pictures.py glass75 glass75-transport glass75-elastic crystal
"""

import argparse
import io
from pathlib import Path

import numpy as np

from openmmlps import analysis
from openmmlps.report import find
from openmmlps.report.style import SERIES, heat, picture

DOCS = Path(__file__).resolve().parents[1] / "docs"
TARGET = DOCS / "analysis" / "images"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("glass", type=Path)
    parser.add_argument("transport", type=Path)
    parser.add_argument("elastic", type=Path)
    parser.add_argument("crystal", type=Path)
    folders = parser.parse_args()
    TARGET.mkdir(exist_ok=True)
    wanted = {
        folders.glass: {"rdf": "radial-distribution", "sq": "structure-factor", "cooling": "speciation"},
        folders.transport: {
            "msd": "diffusion",
            "arrhenius": "arrhenius",
            "hosts": "lithium-mobility",
            "van-hove": "van-hove",
            "tetrahedra": "tetrahedra",
            "bond-density": "bond-density",
            "density": "lithium-density",
        },
        folders.elastic: {"young": "elasticity"},
        folders.crystal: {"vdos": "vibrations"},
    }
    for folder, names in wanted.items():
        items = [item for section in find(folder).sections for item in section.items]
        for item in items:
            short = item.name.removeprefix(f"{folder.resolve().name}-")
            if short in names:
                save(names[short], item.picture)
    hottest = sorted(folders.transport.glob("T*/replica-1/production"), key=lambda path: float(path.parts[-3][1:]))
    save("../../images/speed", speed(DOCS / "performance.md"))
    save("conductivity", conductivity(analysis.read(hottest[-1] / "trajectory.h5"), float(hottest[-1].parts[-3][1:])))
    save("orientation", orientation([analysis.read(path / "trajectory.h5") for path in hottest], hottest))
    glass = analysis.read(folders.glass / "replica-1" / "equilibrate" / "trajectory.h5")
    save("glass-checks", order(glass, analysis.read(folders.crystal / "trajectory.h5")))


def save(name, drawn):
    """Write a picture as WebP, in a third of the bytes of a PNG."""
    from PIL import Image

    image = Image.open(io.BytesIO(drawn.png)).convert("RGB")
    image = image.resize((640, round(640 * image.height / image.width)), Image.Resampling.LANCZOS)
    image.save(TARGET / f"{name}.webp", quality=50, method=6)


def speed(page):
    """Bars of the first row of the table of speeds on a page."""
    row = next(line for line in page.read_text().splitlines() if line.startswith("| 1,920 |"))
    cells = [cell.strip().replace(",", "") for cell in row.strip("|").split("|")]
    labels = ("openmm-lps", "LAMMPS with\nDeePMD-kit", "OpenMM with\nDeePMD-kit")
    speeds = [float(cells[column]) / 1000 for column in (2, 3, 5)]

    def draw(axes):
        bars = axes.barh(labels, speeds, color=[SERIES[0], "#8d99a6", "#8d99a6"])
        axes.bar_label(bars, [f"{value:.0f}" for value in speeds], padding=4)
        axes.set_xlim(0, 1.15 * max(speeds))
        axes.invert_yaxis()
        axes.set(xlabel="thousand atom·step/s")
        axes.grid(False)

    return picture(draw)


def conductivity(trajectory, temperature):
    """Single-ion against collective displacement."""
    found = analysis.transport_coefficients(trajectory, temperature)

    def draw(axes):
        for index, (msd, label) in enumerate(
            ((found.msd, "D*: single ions"), (found.collective_msd, "$D_σ$: all ions together"))
        ):
            axes.plot(msd.lags_ps[1:], msd.total_angstrom2[1:], color=SERIES[index], label=label)
        axes.set(xscale="log", yscale="log", xlabel="lag (ps)", ylabel="squared displacement per ion (Å²)")
        axes.legend()

    return picture(draw)


def orientation(trajectories, paths):
    """C_2 of the P-S bonds at each temperature."""

    def draw(axes):
        for index, (trajectory, path) in enumerate(zip(trajectories, paths, strict=True)):
            tetrahedra = analysis.find_tetrahedra(trajectory[:: max(1, len(trajectory) // 600)])
            lags, correlation = analysis.orientational_correlation(tetrahedra, 2)
            axes.plot(lags, correlation, color=heat(index, len(paths)), label=f"{path.parts[-3][1:]} K")
        axes.set(xlabel="lag (ps)", ylabel="C₂(t) of P–S bonds", ylim=(0, 1.02))
        axes.legend()

    return picture(draw)


def order(glass, crystal):
    """P-P g(r) of a glass and of a crystal."""

    def draw(axes):
        for index, (trajectory, label) in enumerate(((crystal, "β-Li₃PS₄, 300 K"), (glass, "glass, 300 K"))):
            found = analysis.radial_distribution(
                trajectory, r_max=12.0, bin_width=0.1, stride=max(1, len(trajectory) // 100)
            )
            axes.plot(
                found.r_angstrom,
                found.pair("P", "P") + (1 - index) * np.ceil(found.pair("P", "P").max() / 2),
                color=SERIES[index],
                label=label,
            )
        axes.axvline(6, color="#5f6c78", linewidth=0.9, linestyle=(0, (4, 3)))
        axes.set(xlim=(3, 12), xlabel="r (Å)", ylabel="g(r) of P–P, shifted")
        axes.legend()

    return picture(draw)


if __name__ == "__main__":
    main()
