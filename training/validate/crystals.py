# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Crystals under a model: relaxed and at 300 K, moduli, bond lengths, formation energies, against PBE and experiment.

    python training/validate/crystals.py --model .training/runs/lps/graph.pb --work .training

For each crystal: cell and atoms relaxed at 0 K (double precision), elastic constants with relaxed ions, and a run at constant
pressure and 300 K whose second half gives the mean cell. Writes crystals.json and crystals.png. Each piece is kept when it is
done; the runs go on where they were stopped. The full time at 300 K is --npt-ps 100; the card says what was used.
"""

import sys
from dataclasses import asdict, dataclass

import numpy as np
from common import (
    COLORS,
    Session,
    cached,
    density,
    make_parser,
    new_figure,
    open_session,
    save_figure,
    supercell,
    write_json,
)

ELASTIC_STRAIN = 0.01


@dataclass(frozen=True)
class Crystal:
    """A packaged crystal and what is known of it: lengths angstrom, angles degrees, densities g/cm3."""

    name: str
    symmetry: str  #: class of the elastic tensor
    barostat: str  #: that keeps its angles, where symmetry fixes them
    units: float  #: formula units of `formula` in the packaged cell
    formula: str
    sulfide: float | None = None  #: Li2S and P2S5 in one formula unit; None: not on the line between them
    pentasulfide: float | None = None
    experiment: tuple | None = None  #: a, b, c
    experiment_density: float | None = None
    experiment_source: str = ""
    pbe_density: float | None = None
    pbe_source: str = ""


CRYSTALS = (
    Crystal(
        "beta-Li3PS4",
        "orthorhombic",
        "anisotropic",
        4,
        "Li3PS4",
        1.5,
        0.5,
        (12.819, 8.2195, 6.1236),
        1.853,
        "637 K, 10.1016/j.ssi.2010.10.001",
    ),
    Crystal(
        "gamma-Li3PS4",
        "orthorhombic",
        "anisotropic",
        2,
        "Li3PS4",
        1.5,
        0.5,
        (7.708, 6.535, 6.137),
        1.934,
        "10.1016/0167-2738(84)90097-3",
        1.795,
        "compilation of PBE cells",
    ),
    Crystal(
        "Li7P3S11",
        "triclinic",
        "flexible",
        2,
        "Li7P3S11",
        3.5,
        1.5,
        (12.501, 6.032, 12.530),
        1.979,
        "OBELiX",
        1.979 * 829.3 / 876.8,
        "PBE cell of 876.8 Å³",
    ),
    Crystal(
        "Li4P2S6",
        "triclinic",
        "anisotropic",
        1,
        "Li4P2S6",
        None,
        None,
        (6.0775, 6.0775, 6.599),
        2.219,
        "average structure, OBELiX",
    ),
    Crystal(
        "Li2P2S6",
        "monoclinic",
        "flexible",
        2,
        "Li2P2S6",
        1,
        1,
        (11.116, 7.007, 6.525),
        2.155,
        "10.1021/acs.inorgchem.7b00751",
    ),
    Crystal(
        "Li7PS6",
        "triclinic",
        "anisotropic",
        4,
        "Li7PS6",
        3.5,
        0.5,
        (9.993, 9.993, 9.993),
        1.810,
        "ordered cell of the high-temperature form",
    ),
    Crystal("Li2S", "cubic", "anisotropic", 4, "Li2S", 1, 0, (5.7215, 5.7215, 5.7215), 1.629, "cell of the data"),
    Crystal("P2S5", "triclinic", "flexible", 4, "P2S5", 0, 1, None, None, ""),
)
BONDS = {"P-S": 2.6, "P-P": 2.6, "Li-S": 3.0}  # largest distance counted, angstrom


@dataclass(frozen=True)
class Relaxed:
    """A crystal at rest."""

    converged: bool
    energy_eV: float  #: of the packaged cell
    lengths_angstrom: list
    angles_degree: list
    density_g_per_cm3: float
    bonds_angstrom: dict  #: pair -> mean length
    moved_angstrom: float  #: root mean square change of fractional positions, in the relaxed cell


def relax(session: Session, crystal: Crystal, most_steps: int) -> dict:
    """Relax the packaged cell of a crystal; the structure is kept as <name>.extxyz beside the result."""
    import ase.io
    from ase.geometry import cell_to_cellpar, find_mic

    from openmmlps.app.structure_files import structure_path
    from openmmlps.ase import LPSCalculator
    from openmmlps.protocols.relaxation import relax_atoms

    atoms = ase.io.read(structure_path(crystal.name))
    first = atoms.get_scaled_positions()
    atoms.calc = LPSCalculator(str(session.model), threads=session.threads)
    found = relax_atoms(atoms, 0.002, most_steps, lambda: False, cell=True, stress_tolerance_GPa=0.005)
    folder = session.folder / "crystals"
    folder.mkdir(parents=True, exist_ok=True)
    shape = cell_to_cellpar(np.array(atoms.cell))
    shift = atoms.get_scaled_positions() - first
    shift = (shift - np.round(shift)) @ np.array(atoms.cell)
    shift, _ = find_mic(shift - shift.mean(axis=0), atoms.cell)
    result = asdict(
        Relaxed(
            converged=found.converged,
            energy_eV=float(atoms.get_potential_energy()),
            lengths_angstrom=list(shape[:3]),
            angles_degree=list(shape[3:]),
            density_g_per_cm3=density(atoms),
            bonds_angstrom=bond_lengths(atoms),
            moved_angstrom=float(np.sqrt((shift**2).sum(axis=1).mean())),
        )
    )
    atoms.calc = None
    ase.io.write(folder / f"{crystal.name}.extxyz", atoms)
    return result


def bond_lengths(atoms) -> dict[str, float]:
    """Mean length in angstrom of each kind of bond of BONDS that occurs."""
    from vesin import NeighborList

    symbols = np.array(atoms.get_chemical_symbols())
    search = NeighborList(cutoff=max(BONDS.values()), full_list=True)
    first, second, distance = search.compute(
        np.ascontiguousarray(atoms.positions), np.ascontiguousarray(np.array(atoms.cell)), True, "ijd"
    )
    found = {}
    for pair, limit in BONDS.items():
        a, b = pair.split("-")
        chosen = (symbols[first.astype(int)] == a) & (symbols[second.astype(int)] == b) & (distance < limit)
        if chosen.any():
            found[pair] = float(distance[chosen].mean())
    return found


def moduli(session: Session, crystal: Crystal) -> dict:
    """Elastic constants of the relaxed crystal by the protocol `elastic`, and their Hill averages, GPa."""
    from openmmlps import analysis
    from openmmlps.protocols import ElasticSettings, elastic, is_protocol
    from openmmlps.protocols.elastic import strain_name
    from openmmlps.protocols.sequence import stage_result

    folder = session.folder / "crystals" / f"{crystal.name}-elastic"
    settings = ElasticSettings.make(
        structure=str((session.folder / "crystals" / f"{crystal.name}.extxyz").resolve()),
        model=str(session.model),
        strain=ELASTIC_STRAIN,
        symmetry=crystal.symmetry,
        platform="CPU",
        threads=session.threads,
        force_tolerance_eV_per_angstrom=0.002,
        most_steps=1000,
    )
    if is_protocol(folder):
        elastic.resume(folder)
    else:
        elastic.start(folder, settings)
    stresses = [
        [stage_result(folder / "replica-1" / strain_name(component, sign)) for component in range(6)]
        for sign in (1, -1)
    ]
    raw = analysis.elastic_constants(
        *(np.array([outcome["stress_GPa"] for outcome in row]) for row in stresses), ELASTIC_STRAIN
    )
    constants = analysis.symmetrize(raw, crystal.symmetry)
    result = {"stable": bool(np.linalg.eigvalsh(constants).min() > 0), "constants_GPa": constants.tolist()}
    if result["stable"]:
        averages = analysis.voigt_reuss_hill(constants)
        result |= {
            "bulk_GPa": averages.bulk_GPa,
            "young_GPa": averages.young_GPa,
            "shear_GPa": averages.shear_GPa,
            "poisson_ratio": averages.poisson_ratio,
        }
    result["converged"] = all(outcome["converged"] for row in stresses for outcome in row)
    return result


def at_temperature(session: Session, crystal: Crystal, time_ps: float, atoms: int, kelvin: float = 300.0) -> dict:
    """Mean cell and density of a run at constant pressure, by the second half of it; 2 fs, 1 bar."""
    import ase.io
    from ase.geometry import cell_to_cellpar

    from openmmlps.app import load
    from openmmlps.app.stability import RunFailed
    from openmmlps.protocols.states import mean_box, mean_thermo

    start = session.folder / "crystals" / f"{crystal.name}.extxyz"
    repeats = supercell(ase.io.read(start), atoms)
    folder = session.folder / "crystals" / f"{crystal.name}-npt-{kelvin:g}K"
    settings = {
        "structure": str(start),
        "supercell": repeats,
        "ensemble": "npt",
        "barostat": crystal.barostat,
        "temperature": kelvin,
        "timestep": 0.002,
        "report_interval": 25,
        "trajectory_interval": 250,
        "checkpoint_seconds": 20.0,
    }
    try:
        session.advance(folder, time_ps, lambda: settings)
    except RunFailed as error:
        return {"failed": str(error), "repeats": repeats}
    loaded = load(str(start), repeats)
    shape = cell_to_cellpar(loaded.to_user_cell(10 * mean_box(folder)))
    thermo = mean_thermo(folder)
    return {
        "repeats": repeats,
        "atoms": len(loaded.symbols),
        "lengths_angstrom": list(shape[:3]),
        "angles_degree": list(shape[3:]),
        "density_g_per_cm3": thermo["density_g_per_cm3"][0],
        "density_error": thermo["density_g_per_cm3"][1],
        "temperature_K": thermo["temperature_K"][0],
        "time_ps": time_ps,
    }


def formation(crystal: Crystal, energies: dict[str, float]) -> float | None:
    """meV/atom of a crystal against Li2S and P2S5, or None if it is not on the line between them.

    `energies` are those of formula units, eV, by name of the crystal.
    """
    if crystal.sulfide is None or not {"Li2S", "P2S5", crystal.name} <= set(energies):
        return None
    atoms = 3 * crystal.sulfide + 7 * crystal.pentasulfide
    reference = crystal.sulfide * energies["Li2S"] + crystal.pentasulfide * energies["P2S5"]
    return 1e3 * (energies[crystal.name] - reference) / atoms


def plot(results: dict, path) -> None:
    """Density at 0 K and 300 K against experiment and PBE, in percent."""
    figure, axes = new_figure(7.2, 2.4)
    axis = axes[0, 0]
    known = [crystal for crystal in CRYSTALS if crystal.experiment_density and crystal.name in results]
    for place, crystal in enumerate(known):
        reference = crystal.experiment_density
        for key, marker, color in (("relaxed", "o", COLORS["all"]), ("npt", "s", COLORS["P"])):
            value = (results[crystal.name].get(key) or {}).get("density_g_per_cm3")
            if value:
                axis.plot(place, 100 * (value / reference - 1), marker, color=color, markersize=5)
        if crystal.pbe_density:
            axis.plot(place, 100 * (crystal.pbe_density / reference - 1), "_", color="black", markersize=14)
    axis.axhline(0, color=COLORS["grey"], linewidth=0.8)
    axis.set_xticks(range(len(known)), [crystal.name for crystal in known], rotation=20)
    axis.set_ylabel("density against experiment (%)")
    for label, style in (
        ("0 K", {"marker": "o", "color": COLORS["all"]}),
        ("300 K", {"marker": "s", "color": COLORS["P"]}),
    ):
        axis.plot([], [], linestyle="", label=label, **style)
    axis.plot([], [], "_", color="black", markersize=12, label="PBE")
    axis.legend(ncols=3)
    save_figure(figure, path)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--npt-ps", type=float, default=100.0, help="length of the run at 300 K, ps; 0: none")
    parser.add_argument("--atoms", type=int, default=250, help="of the cell at 300 K, at least")
    parser.add_argument("--most-steps", type=int, default=1000, help="of a relaxation")
    parser.add_argument("--only", nargs="+", choices=[crystal.name for crystal in CRYSTALS], help="these crystals only")
    parser.add_argument("--no-elastic", action="store_true", help="leave out the elastic constants")
    arguments = parser.parse_args()
    if arguments.npt_ps < 0 or arguments.atoms < 1 or arguments.most_steps < 1:
        parser.error("--npt-ps must not be negative, --atoms and --most-steps must be positive")
    session = open_session(parser, arguments)
    chosen = [crystal for crystal in CRYSTALS if not arguments.only or crystal.name in arguments.only]
    pieces = session.folder / "crystals"
    results = {}
    for crystal in chosen:
        results[crystal.name] = found = {}
        steps = {"most_steps": arguments.most_steps}
        found["relaxed"] = cached(
            pieces / f"{crystal.name}-relaxed.json", steps, lambda c=crystal: relax(session, c, arguments.most_steps)
        )
        if not arguments.no_elastic:
            found["elastic"] = cached(
                pieces / f"{crystal.name}-elastic.json",
                steps | {"strain": ELASTIC_STRAIN},
                lambda c=crystal: moduli(session, c),
            )
        if arguments.npt_ps:
            found["npt"] = cached(
                pieces / f"{crystal.name}-npt.json",
                {"time_ps": arguments.npt_ps, "atoms": arguments.atoms},
                lambda c=crystal: at_temperature(session, c, arguments.npt_ps, arguments.atoms),
            )
        print(f"{crystal.name}: {found['relaxed']['density_g_per_cm3']:.3f} g/cm3 at 0 K", file=sys.stderr, flush=True)
    energies = {
        crystal.name: results[crystal.name]["relaxed"]["energy_eV"] / crystal.units
        for crystal in CRYSTALS
        if crystal.name in results
    }
    for crystal in chosen:
        results[crystal.name]["formation_meV_per_atom"] = formation(crystal, energies)
        results[crystal.name]["reference"] = asdict(crystal)
    write_json(session.folder / "crystals.json", {"crystals": results})
    plot(results, session.folder / "crystals.png")


if __name__ == "__main__":
    main()
