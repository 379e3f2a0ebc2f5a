# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Findings of a trajectory of any program: what its frames tell without knowing how they were made."""

import math
from dataclasses import dataclass
from pathlib import Path

from openmmlps import analysis
from openmmlps.analysis import Estimate
from openmmlps.observables import FILE, Sample, State
from openmmlps.units import GRAM_PER_CM3_PER_AMU_PER_NM3

from . import snapshots
from .content import Findings, Measured, formula
from .samples import Beside, add_observables
from .single_run import add_density


@dataclass(frozen=True)
class Reading:
    """How to read a trajectory file, and what is known of it beside what it states."""

    format: str | None = None  #: 'h5md' or ASE's name
    elements: str | None = None  #: of the types, such as 'Li,P,S'
    frame_interval_ps: float | None = None
    temperature_K: float | None = None
    unwrap: bool = False  #: take every step to the nearest image

    def read(self, path: Path) -> analysis.Trajectory:
        """The trajectory."""
        trajectory = analysis.read(path, self.frame_interval_ps, format=self.format, elements=self.elements)
        return analysis.unwrap(trajectory) if self.unwrap else trajectory


def trajectory_findings(path: Path, reading: Reading, beside: Beside) -> Findings:
    """Findings of a trajectory: structure, anions, vibrations, displacements; at a known temperature, conductivity.

    Parameters
    ----------
    path : Path
        the file
    reading : Reading
        how to read it
    beside : Beside
        what is given beside the file

    Raises
    ------
    ValueError
        as of :func:`openmmlps.analysis.read`
    """
    trajectory = reading.read(path)
    name, symbols = path.stem, trajectory.symbols
    times = "" if trajectory.times_ps is None else f", {trajectory.times_ps[-1] - trajectory.times_ps[0]:g} ps"
    title = f"{len(symbols)} atoms ({formula(symbols)}), {len(trajectory)} frames{times}"
    found = Findings(str(path), "trajectory", path.name, title)
    material = beside.material(symbols)
    temperature = math.nan if reading.temperature_K is None else reading.temperature_K
    state = State((trajectory,), settling=0.5, target_K=temperature, temperature_K=temperature)
    sample = Sample(name, FILE, path.name, material, (state,), references=beside.references(material, ""))
    if trajectory.cells is not None:
        volumes = trajectory.volumes()
        density = trajectory.masses_amu.sum() / volumes[len(volumes) // 2 :] * 1000 * GRAM_PER_CM3_PER_AMU_PER_NM3
        add_density(found, sample, Measured.of(Estimate.from_blocks(density)))
        found.snapshots = [snapshots.snapshot(trajectory, f"{path.name}, last frame", material)]
    add_observables(found, sample)
    found.methods = material.lines()
    return found
