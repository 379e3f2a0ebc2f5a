# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Findings of a relaxation."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from openmmlps.analysis.trajectory import Trajectory
from openmmlps.observables import RELAX, Sample, State, Value
from openmmlps.protocols.protocol_folder import ProtocolFolder
from openmmlps.protocols.relax import RelaxSettings
from openmmlps.protocols.sequence import stage_result
from openmmlps.protocols.states import read_atoms
from openmmlps.units import GRAM_PER_CM3_PER_AMU_PER_NM3

from . import methods, snapshots
from .content import Figure, Findings, Headline, Measured, Section, Table, rounded, rows_of
from .samples import Beside, add_observables, label_of, phase_of
from .style import DASHED, MUTED, SERIES, picture

Outcome = Mapping[str, Any]  #: result.json of a stage


def relax_findings(folder: ProtocolFolder, name: str, beside: Beside) -> Findings:
    """Findings of a relaxation, of the structures that are finished.

    Parameters
    ----------
    folder : ProtocolFolder
        of the protocol
    name : str
        prefix of file names
    beside : Beside
        what is given beside the folder

    Raises
    ------
    ValueError
        nothing is finished
    """
    settings, record = folder.read_settings(RelaxSettings), folder.record
    outcomes = {start: item for start in record["starts"] if (item := stage_result(folder.path / start))}
    if not outcomes:
        raise ValueError(
            f"report: '{folder.shown}' is not finished; continue with: openmm-lps relax --resume --output {folder.shown}"
        )
    first = next(iter(outcomes))
    outcome, atoms = outcomes[first], read_atoms(folder.path / first / "final.extxyz")
    symbols, cell = atoms.get_chemical_symbols(), np.array(atoms.cell)
    material, label, phase = (
        beside.material(symbols, settings),
        label_of(record["material"]),
        phase_of(record["material"]),
    )
    references = beside.references(material, phase)
    subtitle = f"{len(symbols)} atoms, 0 K, {settings.pressure_GPa:g} GPa"
    found = Findings(str(folder.shown), "relax", f"Relaxed {label}", subtitle)
    section = Section("relax", "Relaxation of cell and atoms" if settings.cell else "Relaxation of the atoms")
    section.add(_history_figure(name, outcome, len(symbols), settings), _cell_table(name, outcome))
    section.add(_outcome_table(name, outcomes, len(symbols)))
    found.add(section)
    found.warnings = [
        f"{start}: not converged after {settings.most_steps} steps (largest force {item['largest_force_eV_per_angstrom']:.3g} "
        "eV/Å); allow more steps"
        for start, item in outcomes.items()
        if not item["converged"]
    ]
    density = float(atoms.get_masses().sum() / (atoms.get_volume() / 1000) * GRAM_PER_CM3_PER_AMU_PER_NM3)
    found.results = [
        Headline("density at 0 K (g/cm³)", rounded(density), references.quote("density")),
        Headline("energy (eV/atom)", f"{outcome['energy_eV'] / len(symbols):.5f}"),
        Headline("largest force (eV/Å)", rounded(outcome["largest_force_eV_per_angstrom"])),
    ]
    if settings.cell:
        lengths = np.linalg.norm(np.array(outcome["cell_after_angstrom"]), axis=1) / np.array(settings.supercell)
        text = " × ".join(f"{value:.3f}" for value in lengths)
        found.results.insert(
            0, Headline("a × b × c (Å)", text, references.tuples("cell_length", ("a", "b", "c"), " × "))
        )
    found.methods = [
        *methods.common_methods(record["model"], outcome["platform"]),
        ("minimizer", f"L-BFGS over {'cell and atoms' if settings.cell else 'atoms'} (ASE)"),
        ("tolerances", f"{settings.force_tolerance_eV_per_angstrom:g} eV/Å, {settings.stress_tolerance_GPa:g} GPa"),
        ("target pressure", f"{settings.pressure_GPa:g} GPa"),
    ]
    found.values = [Value("density", Measured(density), "", 0.0)]
    frames = tuple(_frame(folder, start) for start in outcomes)
    state = State(frames, tuple(outcomes), math.nan)
    glass, composition = record["material"]["glass"], record["material"]["name"]
    sample = Sample(name, RELAX, label, material, (state,), glass, phase, composition, references)
    add_observables(found, sample)
    found.snapshots = [snapshots.fold(symbols, atoms.get_positions(), cell, f"{label}, relaxed", material)]
    return found


def _frame(folder: ProtocolFolder, start: str) -> Trajectory:
    """A relaxed structure as a trajectory of one frame."""
    atoms = read_atoms(folder.path / start / "final.extxyz")
    symbols, positions = atoms.get_chemical_symbols(), atoms.get_positions()
    return Trajectory(symbols, positions[None], np.array(atoms.cell), name=start)


def _history_figure(name: str, outcome: Outcome, atoms: int, settings: RelaxSettings) -> Figure:
    history = np.array(outcome["history"])
    energy = (history[:, 1] - history[-1, 1]) * 1000 / atoms

    def draw(axes: Any) -> None:
        axes[0].plot(history[:-1, 0], np.maximum(energy[:-1], 1e-5), color=SERIES[0])
        axes[0].set(yscale="log", ylabel="energy − last\n(meV/atom)")
        axes[1].plot(history[:, 0], history[:, 2], color=SERIES[1])
        axes[1].axhline(settings.force_tolerance_eV_per_angstrom, color=MUTED, linewidth=0.9, linestyle=DASHED)
        axes[1].set(yscale="log", ylabel="largest force\n(eV/Å)")
        axes[2].plot(history[:, 0], history[:, 3], color=SERIES[2])
        axes[2].set(ylabel="pressure\n(GPa)", xlabel="step")
        axes[0].figure.align_ylabels()

    columns = ("step", "energy_eV", "largest_force_eV_per_angstrom", "pressure_GPa", "volume_angstrom3")
    caption = "Energy, largest force (dashed: tolerance) and pressure during the relaxation."
    drawn = picture(draw, height=4.6, rows=3, sharex=True)
    return Figure(f"{name}-history", caption, drawn, columns, rows_of(*history.T))


def _cell_table(name: str, outcome: Outcome) -> Table:
    from ase.geometry import cell_to_cellpar

    cells = [np.array(outcome[key]) for key in ("cell_before_angstrom", "cell_after_angstrom")]
    rows = []
    for label, unit, old, new in zip("abcαβγ", "ÅÅÅ°°°", *map(cell_to_cellpar, cells), strict=True):
        change = f"{100 * (new / old - 1):+.2f} %" if unit == "Å" else f"{new - old:+.2f}°"
        rows.append((f"{label} ({unit})", f"{old:.4f}", f"{new:.4f}", change))
    old, new = (abs(np.linalg.det(cell)) for cell in cells)
    rows.append(("volume (Å³)", f"{old:.2f}", f"{new:.2f}", f"{100 * (new / old - 1):+.2f} %"))
    caption = "The cell before and after (of the supercell, in reduced form)."
    return Table(f"{name}-cell", caption, ("", "before", "after", "change"), tuple(rows))


def _outcome_table(name: str, outcomes: Mapping[str, Outcome], atoms: int) -> Table:
    rows = []
    for start, outcome in outcomes.items():
        stress = np.array(outcome["stress_GPa"])
        mean = float(np.trace(stress) / 3)
        row = (
            start,
            "yes" if outcome["converged"] else "no",
            f"{outcome['energy_eV'] / atoms:.6f}",
            outcome["largest_force_eV_per_angstrom"],
            -mean,
            float(np.abs(stress - mean * np.eye(3)).max()),
        )
        rows.append(row)
    columns = (
        "structure",
        "converged",
        "energy (eV/atom)",
        "largest force (eV/Å)",
        "pressure (GPa)",
        "largest deviatoric stress (GPa)",
    )
    return Table(f"{name}-outcome", "How the relaxation ended.", columns, tuple(rows))
