#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Figures of the study `convergence`: D* against the size of the cell, and against the friction of the thermostat.

    openmm-lps study convergence -o convergence
    devtools/convergence_figures.py convergence docs/images

Writes finite-size.png, thermostat.png and convergence.csv.
"""

import csv
import json
import sys
from collections import defaultdict
from pathlib import Path

from openmmlps import analysis
from openmmlps.report.style import INK, SERIES, picture


def read_points(folder):
    """(atoms, friction in 1/ps or 0 for constant energy, temperature) -> D* with its interval; cube roots of volumes."""
    replicas = defaultdict(list)
    for path in sorted(Path(folder).glob("tasks/*/*/*/replica-*/**/production/trajectory.h5")):
        if any(path.parent.parent.glob("field-*")):
            continue  # the same random numbers as the task without fields
        settings = json.loads((path.parent / "inputs" / "settings.json").read_text())
        trajectory = analysis.read(path)
        friction = settings["friction"] if settings["ensemble"] == "nvt" else 0.0
        replicas[len(trajectory.symbols), friction, settings["temperature"]].append(trajectory)
    points = {}
    for key, trajectories in sorted(replicas.items()):
        found = analysis.transport_coefficients(trajectories, key[2])
        points[key] = (found.diffusion_cm2_per_s, float(trajectories[0].volumes().mean() ** (1 / 3)))
    return points


def draw(x, estimates, reference, label, scale):
    def figure(axes):
        axes.axhline(reference.value * 1e5, color=INK, linewidth=0.8, alpha=0.5)
        values = [estimate.value * 1e5 for estimate in estimates]
        reach = [(estimate.high - estimate.low) / 2 * 1e5 for estimate in estimates]
        axes.errorbar(x, values, yerr=reach, fmt="o", color=SERIES[0], capsize=2.5, markersize=5)
        axes.set(xlabel=label, ylabel="D* (10⁻⁵ cm²/s), 95 %", xscale=scale, ylim=(0, None))

    return picture(figure, height=2.9)


def main(folder, output):
    points, target = read_points(folder), Path(output)
    target.mkdir(parents=True, exist_ok=True)
    free = {key: value for key, value in points.items() if key[1] == 0}
    driven = {key: value for key, value in points.items() if key[1] > 0}
    edges, sizes = [1 / edge for _, edge in free.values()], [estimate for estimate, _ in free.values()]
    (target / "finite-size.png").write_bytes(draw(edges, sizes, sizes[-1], "1 / edge (1/Å)", "linear").png)
    if driven:
        same = next(value[0] for key, value in free.items() if key[0] == next(iter(driven))[0])
        frictions, slowed = [key[1] for key in driven], [estimate for estimate, _ in driven.values()]
        (target / "thermostat.png").write_bytes(draw(frictions, slowed, same, "friction (1/ps)", "log").png)
    with open(target / "convergence.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("atoms", "friction_per_ps", "T_K", "D_cm2_per_s", "low_95", "high_95", "edge_angstrom"))
        for key, (estimate, edge) in points.items():
            writer.writerow((*key, estimate.value, estimate.low, estimate.high, edge))
            print(*key, f"{estimate.value:.3g} ({estimate.low:.3g} to {estimate.high:.3g}) cm2/s")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
