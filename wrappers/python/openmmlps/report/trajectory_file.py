# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Findings of a trajectory of any program: what its frames tell without knowing how they were made."""

from dataclasses import dataclass
from pathlib import Path

from openmmlps import analysis
from openmmlps.analysis import Estimate
from openmmlps.analysis.anions import ION_CHARGES
from openmmlps.units import GRAM_PER_CM3_PER_AMU_PER_NM3

from .content import Findings, Measured, Result, formula
from .single_run import add_displacements, add_structure, vibrations_section


@dataclass(frozen=True)
class Reading:
    """How to read a trajectory file, and what is known of it beside what it states."""

    format: str | None = None  #: 'h5md' or ASE's name
    elements: str | None = None  #: of the types, such as 'Li,P,S'
    frame_interval_ps: float | None = None
    temperature_K: float | None = None
    mobile: str = "Li"  #: the mobile ions
    unwrap: bool = False  #: take every step to the nearest image

    def read(self, path: Path) -> analysis.Trajectory:
        """The trajectory."""
        trajectory = analysis.read(path, self.frame_interval_ps, format=self.format, elements=self.elements)
        return analysis.unwrap(trajectory) if self.unwrap else trajectory


def trajectory_findings(path: Path, reading: Reading) -> Findings:
    """Findings of a trajectory: structure, anions, vibrations, displacements; at a known temperature, conductivity.

    Parameters
    ----------
    path : Path
        the file
    reading : Reading
        how to read it

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
    if trajectory.cells is not None:
        volumes = trajectory.volumes()
        density = trajectory.masses_amu.sum() / volumes[len(volumes) // 2 :] * 1000 * GRAM_PER_CM3_PER_AMU_PER_NM3
        add_structure(name, name, trajectory, Measured.of(Estimate.from_blocks(density)), found)
    found.add(vibrations_section(name, trajectory))
    if trajectory.times_ps is None:
        found.warnings.append("the file has no times; give --frame-interval for displacements and conductivity")
    else:
        add_displacements(name, trajectory, found)
        if reading.temperature_K is not None:
            _add_transport(trajectory, reading.temperature_K, reading.mobile, found)
    return found


def _add_transport(trajectory: analysis.Trajectory, temperature_K: float, mobile: str, found: Findings) -> None:
    try:
        charge = ION_CHARGES.get(mobile, 1)
        transport = analysis.transport_coefficients(trajectory, temperature_K, mobile, charge)
    except ValueError as error:
        found.warnings.append(str(error))
        return
    for what, estimate, factor in (
        (f"D* of {mobile} (10⁻⁵ cm²/s)", transport.diffusion_cm2_per_s, 1e5),
        ("σ_NE (mS/cm)", transport.nernst_einstein_mS_per_cm, 1.0),
        ("σ, collective (mS/cm)", transport.conductivity_mS_per_cm, 1.0),
    ):
        found.results.append(Result(what, str(Measured.of(estimate, factor))))
    found.warnings += transport.warnings
