# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Runs obey their structure and settings, or refuse them by name."""

import numpy as np
import openmm
import pytest

from openmmlps.app import h5md_reporter, load, thermo_file
from openmmlps.units import GAS_CONSTANT
from run_support import StopAt, frames, resume, settings, start


def test_elements_unknown_to_the_model(tmp_path):
    from ase import Atoms
    from ase.io import write

    write(tmp_path / "si.extxyz", Atoms("Si2", [[0, 0, 0], [1.2, 1.2, 1.2]], cell=[6, 6, 6], pbc=True))
    with pytest.raises(ValueError, match=r"knows Li, P, S, but the structure also has 'Si' \(first at atom 0\)"):
        start(tmp_path / "run", structure=str(tmp_path / "si.extxyz"))


def test_npt_of_a_cluster_is_refused(tmp_path):
    from ase import Atoms
    from ase.io import write

    write(tmp_path / "c.xyz", Atoms("Li2", [[0, 0, 0], [2, 0, 0]]))
    with pytest.raises(ValueError, match="is not periodic, so it has no pressure; use nvt or nve"):
        start(tmp_path / "run", structure=str(tmp_path / "c.xyz"), supercell=None, ensemble="npt")
    assert start(tmp_path / "run", structure=str(tmp_path / "c.xyz"), supercell=None, time=0.02).state == "finished"


def crystal(path, **changes):
    """gamma-Li3PS4 as a file that says more about its atoms."""
    import ase.io
    from ase.constraints import FixAtoms, FixCartesian
    from ase.units import fs

    from openmmlps.app.structure_files import structure_path

    atoms = ase.io.read(structure_path("gamma-Li3PS4")).repeat((2, 2, 2))
    if "masses" in changes:
        atoms.set_masses([6.015 if symbol == "Li" else None for symbol in atoms.symbols])
    if "fixed" in changes:
        atoms.set_constraint(FixAtoms(changes["fixed"]))
    if "partly" in changes:
        atoms.set_constraint(FixCartesian(changes["partly"], (True, False, False)))
    if "velocities" in changes:
        atoms.set_velocities(np.full((len(atoms), 3), changes["velocities"] / fs))
    ase.io.write(path, atoms)
    return str(path)


def test_masses_of_the_file_are_obeyed(tmp_path):
    """6Li moves as 6Li, in the run, in its files, and in what is left of it."""
    file = crystal(tmp_path / "6Li.extxyz", masses=True)
    start(tmp_path / "run", structure=file, supercell=None, ensemble="nve", time=0.02)
    masses = h5md_reporter.read_frames(tmp_path / "run" / "trajectory.h5", ["mass", "species"])
    assert set(masses["mass"][masses["species"] == 3]) == {6.015}
    heavy = start_density(tmp_path / "heavy")
    assert thermo_file.read_thermo(tmp_path / "run" / "thermo.csv")["density_g_per_cm3"][0] == pytest.approx(
        heavy * masses["mass"].sum() / (48 * 6.941 + 16 * 30.97376 + 64 * 32.065), rel=1e-4
    )


def start_density(folder):
    start(folder, ensemble="nve", time=0.01)
    return thermo_file.read_thermo(folder / "thermo.csv")["density_g_per_cm3"][0]


@pytest.mark.parametrize("kind", ["extxyz", "POSCAR"])
def test_fixed_atoms_stay(tmp_path, kind):
    file = crystal(tmp_path / ("POSCAR" if kind == "POSCAR" else "a.extxyz"), fixed=[0, 5, 17])
    fixed = np.flatnonzero(load(file).fixed)
    assert len(fixed) == 3
    start(
        tmp_path / "run", structure=file, supercell=None, minimize=True, equilibrate=0.01, temperature=900.0, time=0.05
    )
    found = frames(tmp_path / "run")
    assert np.ptp(found["position"][:, fixed], axis=0).max() == 0
    moving = np.delete(np.arange(128), fixed)
    assert np.ptp(found["position"][:, moving], axis=0).max(axis=1).min() > 0
    rows = thermo_file.read_thermo(tmp_path / "run" / "thermo.csv")
    kinetic = rows["kinetic_kJ_per_mol"] / (1.5 * 125 * GAS_CONSTANT)
    np.testing.assert_allclose(rows["temperature_K"], kinetic, rtol=1e-6)
    assert rows["density_g_per_cm3"][0] == pytest.approx(start_density(tmp_path / "free"), rel=1e-4)
    assert resume(tmp_path / "run", time=0.06).step == 60
    assert np.ptp(frames(tmp_path / "run")["position"][:, fixed], axis=0).max() == 0


def test_what_cannot_be_obeyed_is_refused_by_name(tmp_path):
    partly, fixed = crystal(tmp_path / "a.extxyz", partly=[3]), crystal(tmp_path / "b.extxyz", fixed=[3])
    every = crystal(tmp_path / "c.extxyz", fixed=list(range(128)))
    for changes, message in [
        ({"structure": partly}, r"atom 3 \(\w+\), is fixed along some directions only"),
        ({"structure": fixed, "ensemble": "npt"}, "fixes 1 atoms, which a barostat would move with the box"),
        ({"structure": every}, "fixes all its atoms"),
        ({"velocities": "file"}, "has no velocities; use --velocities random"),
        ({"velocities": "some"}, "velocities is 'some'"),
    ]:
        with pytest.raises(ValueError, match=message):
            start(tmp_path / "run", **{"supercell": None, **changes})


def test_velocities_of_the_file_are_taken_or_named(tmp_path):
    file = crystal(tmp_path / "a.extxyz", velocities=1e-3)
    monitor = StopAt(10**9)
    start(tmp_path / "random", structure=file, supercell=None, time=0.01, monitor=monitor)
    assert any("The velocities of 'a.extxyz' are not used; --velocities file takes them" in t for t in monitor.messages)
    start(tmp_path / "file", structure=file, supercell=None, time=0.01, velocities="file")
    first = frames(tmp_path / "file")["velocity"][0]
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 0.1 * np.sqrt(3), rtol=1e-4)


@pytest.mark.parametrize("barostat", ["isotropic", "anisotropic", "flexible"])
def test_npt_relaxes_the_cell(tmp_path, barostat):
    changes = {"time": 1.0, "barostat_interval": 5, "platform": "CPU", "pressure": 1.0, "report_interval": 50}
    start(tmp_path / "run", ensemble="npt", barostat=barostat, **changes)
    rows = thermo_file.read_thermo(tmp_path / "run" / "thermo.csv")
    assert rows["volume_nm3"][-1] > 1.1 * rows["volume_nm3"][0], "compressed soft spheres expand"
    assert rows["pressure_bar_positive_under_compression"][-1] < rows["pressure_bar_positive_under_compression"][0]


def test_equilibration_and_minimization_are_not_written(tmp_path):
    start(tmp_path / "run", ensemble="nve", equilibrate=0.1, minimize=True, time=0.02)
    rows = thermo_file.read_thermo(tmp_path / "run" / "thermo.csv")
    assert rows["step"][0] == 0 and rows["time_ps"][0] == 0
    start(tmp_path / "plain", ensemble="nve", time=0.02)
    assert (
        rows["potential_kJ_per_mol"][0]
        != thermo_file.read_thermo(tmp_path / "plain" / "thermo.csv")["potential_kJ_per_mol"][0]
    )


def test_initial_velocities_have_the_temperature_and_no_drift(tmp_path):
    from openmmlps.app import ensembles, observables

    system = openmm.System()
    for mass in [6.94, 30.97, 32.06] * 5:
        system.addParticle(mass)
    velocities = ensembles.initial_velocities(system, 300, 1)
    masses = observables.masses_of(system)
    np.testing.assert_allclose(masses @ velocities, 0, atol=1e-12)
    kinetic = 0.5 * (masses[:, None] * velocities**2).sum()
    assert 2 * kinetic / (GAS_CONSTANT * observables.degrees_of_freedom(system)) == pytest.approx(300)
    assert not ensembles.initial_velocities(system, 0, 1).any()


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"ensemble": "nph"}, "ensemble is 'nph'; use nve, nvt, npt"),
        ({"timestep": 1.0}, "timestep is 1000 fs; give 0.01 to 20 fs"),
        ({"timestep": float("nan")}, "timestep is nan; it must be finite"),
        ({"time": 0.0}, "time is 0 ps, less than one timestep"),
        ({"temperature": -1.0}, "temperature is -1 K; it must be at least 0"),
        ({"temperature": 0.0}, "a thermostat needs more than that"),
        ({"friction": 0.0}, "friction is 0 /ps; it must be more than 0"),
        ({"report_interval": 0}, "report_interval is 0 steps"),
        ({"seed": 0}, "seed is 0; it must be 1 to"),
        ({"threads": 0}, "threads is 0"),
        ({"barostat": "x", "precision": "half"}, "barostat is 'x'; .*; precision is 'half'"),
    ],
)
def test_wrong_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=f"^run: .*{message}"):
        settings(**changes)
