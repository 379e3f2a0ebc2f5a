# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Crystals under a model: relaxed and at 300 K, moduli, formation energies, against PBE and experiment (crystals.csv).

    python training/validate/crystals.py --model .training/runs/lps/model.dp --work .training

For each crystal: cell and atoms relaxed at 0 K (double precision), elastic constants with relaxed ions, and a run at constant
pressure and 300 K whose second half gives the mean cell. Writes crystals.json. Each piece is kept when it is done; the runs go on
where they were stopped. The full time at 300 K is --npt-ps 100; the card says what was used.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from common import Session, cached, density, make_parser, open_session, supercell, write_json

ELASTIC_STRAIN = 0.01
KELVIN = 300.0


def known_crystals() -> dict[str, dict]:
    """The packaged crystals of crystals.csv: cells in angstrom, densities in g/cm3; None where nothing is known."""
    numbers = ("a", "b", "c", "experiment_density", "pbe_density")
    with open(Path(__file__).with_name("crystals.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["name"]: row | {name: float(row[name]) if row[name] else None for name in numbers} for row in rows}


def relax(session: Session, name: str, most_steps: int) -> dict:
    """Relax the packaged cell of a crystal; the structure is kept as <name>.extxyz beside the result."""
    import ase.io

    from openmmlps.app.structure_files import structure_path
    from openmmlps.ase import LPSCalculator
    from openmmlps.protocols.relaxation import relax_atoms

    atoms = ase.io.read(structure_path(name))
    atoms.calc = LPSCalculator(str(session.model), threads=session.threads)
    found = relax_atoms(
        atoms, 0.002, most_steps, lambda: False, lambda step: None, cell=True, stress_tolerance_GPa=0.005
    )
    energy = float(atoms.get_potential_energy())
    atoms.calc = None
    folder = session.folder / "crystals"
    folder.mkdir(parents=True, exist_ok=True)
    ase.io.write(folder / f"{name}.extxyz", atoms)
    return {
        "converged": found.converged,
        "energy_eV_per_atom": energy / len(atoms),
        "symbols": atoms.get_chemical_symbols(),
        "lengths_angstrom": atoms.cell.lengths(),
        "density_g_per_cm3": density(atoms),
    }


def moduli(session: Session, crystal: dict) -> dict:
    """Elastic constants of the relaxed crystal by the protocol `elastic`, and their Hill averages, GPa."""
    from openmmlps import analysis
    from openmmlps.protocols import ElasticSettings, elastic, is_protocol
    from openmmlps.protocols.elastic import strain_name
    from openmmlps.protocols.sequence import stage_result

    name = crystal["name"]
    folder = session.folder / "crystals" / f"{name}-elastic"
    settings = ElasticSettings.make(
        structure=str((session.folder / "crystals" / f"{name}.extxyz").resolve()),
        model=str(session.model),
        strain=ELASTIC_STRAIN,
        symmetry=crystal["symmetry"],
        platform="CPU",
        threads=session.threads,
        force_tolerance_eV_per_angstrom=0.002,
        most_steps=1000,
    )
    if is_protocol(folder):
        elastic.resume(folder)
    else:
        elastic.start(folder, settings)
    plus, minus = (
        np.array([stage_result(folder / "replica-1" / strain_name(i, sign))["stress_GPa"] for i in range(6)])
        for sign in (1, -1)
    )
    constants = analysis.symmetrize(analysis.elastic_constants(plus, minus, ELASTIC_STRAIN), crystal["symmetry"])
    result = {"stable": bool(np.linalg.eigvalsh(constants).min() > 0), "constants_GPa": constants}
    if result["stable"]:
        averages = analysis.voigt_reuss_hill(constants)
        result |= {"bulk_GPa": averages.bulk_GPa, "young_GPa": averages.young_GPa}
    return result


def at_temperature(session: Session, crystal: dict, time_ps: float, atoms: int) -> dict:
    """Mean cell and density of a run at constant pressure, by the second half of it; 300 K, 2 fs, 1 bar."""
    import ase.io
    from ase.geometry import cell_to_cellpar

    from openmmlps.app import load
    from openmmlps.app.stability import RunFailed
    from openmmlps.protocols.states import mean_box, mean_thermo

    start = session.folder / "crystals" / f"{crystal['name']}.extxyz"
    repeats = supercell(ase.io.read(start), atoms)
    folder = session.folder / "crystals" / f"{crystal['name']}-npt-{KELVIN:g}K"
    settings = {
        "structure": str(start),
        "supercell": repeats,
        "ensemble": "npt",
        "barostat": crystal["barostat"],
        "temperature": KELVIN,
        "timestep": 0.002,
        "report_interval": 25,
        "trajectory_interval": 250,
        "checkpoint_seconds": 20.0,
    }
    try:
        session.advance(folder, time_ps, lambda: settings)
    except RunFailed as error:
        return {"failed": str(error)}
    loaded = load(str(start), repeats)
    thermo = mean_thermo(folder)
    return {
        "atoms": len(loaded.symbols),
        "lengths_angstrom": cell_to_cellpar(loaded.to_user_cell(10 * mean_box(folder)))[:3],
        "density_g_per_cm3": thermo["density_g_per_cm3"][0],
        "density_error": thermo["density_g_per_cm3"][1],
        "time_ps": time_ps,
    }


def formation(symbols: list[str], energy: float, sulfide: float, pentasulfide: float) -> float | None:
    """meV/atom of atoms against Li2S and P2S5; energies eV/atom. None if their composition is not on the line between the two."""
    lithium, phosphorus, sulfur = (symbols.count(symbol) for symbol in ("Li", "P", "S"))
    if 2 * sulfur != lithium + 5 * phosphorus:
        return None
    reference = 1.5 * lithium * sulfide + 3.5 * phosphorus * pentasulfide
    return 1e3 * (energy - reference / len(symbols))


def main() -> None:
    known = known_crystals()
    parser = make_parser(__doc__)
    parser.add_argument("--npt-ps", type=float, default=100.0, help="length of the run at 300 K, ps; 0: none")
    parser.add_argument("--atoms", type=int, default=250, help="of the cell at 300 K, at least")
    parser.add_argument("--most-steps", type=int, default=1000, help="of a relaxation")
    parser.add_argument("--only", nargs="+", choices=list(known), help="these crystals only")
    arguments = parser.parse_args()
    if arguments.npt_ps < 0 or arguments.atoms < 1 or arguments.most_steps < 1:
        parser.error("--npt-ps must not be negative, --atoms and --most-steps must be positive")
    session = open_session(parser, arguments)
    pieces, results = session.folder / "crystals", {}
    for name in arguments.only or known:
        crystal = known[name]
        steps = {"most_steps": arguments.most_steps}
        results[name] = found = {"reference": crystal}
        found["relaxed"] = cached(
            pieces / f"{name}-relaxed.json", steps, lambda n=name: relax(session, n, arguments.most_steps)
        )
        found["elastic"] = cached(
            pieces / f"{name}-elastic.json", steps | {"strain": ELASTIC_STRAIN}, lambda c=crystal: moduli(session, c)
        )
        if arguments.npt_ps:
            found["npt"] = cached(
                pieces / f"{name}-npt.json",
                {"time_ps": arguments.npt_ps, "atoms": arguments.atoms},
                lambda c=crystal: at_temperature(session, c, arguments.npt_ps, arguments.atoms),
            )
        print(f"{name}: {found['relaxed']['density_g_per_cm3']:.3f} g/cm3 at 0 K", file=sys.stderr, flush=True)
    if {"Li2S", "P2S5"} <= set(results):
        ends = [results[name]["relaxed"]["energy_eV_per_atom"] for name in ("Li2S", "P2S5")]
        for found in results.values():
            relaxed = found["relaxed"]
            found["formation_meV_per_atom"] = formation(relaxed["symbols"], relaxed["energy_eV_per_atom"], *ends)
    write_json(session.folder / "crystals.json", {"crystals": results})


if __name__ == "__main__":
    main()
