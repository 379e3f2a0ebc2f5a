# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Densities at 300 K and 1 bar of two crystals and of the quenched glass of 75 mol% Li2S, beside experiment.

    python training/lps-d3/densities.py --model .training/lps-d3/model/model.safetensors --work .training/lps-d3

The runs are those of training/validate (crystals.py without moduli, glasses.py without transport), and each is kept: give the command
again to go on. Writes densities.json. --glass FILE begins with a glass that another model quenched, and only lets it relax.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "validate"))

from common import Session, cached, make_parser, open_session, write_json
from crystals import at_temperature, known_crystals, relax
from glasses import advance

CRYSTALS = ("gamma-Li3PS4", "Li7P3S11")
BOUNDS = {"gamma-Li3PS4": 2.5, "Li7P3S11": 2.5, "glass-g75": 3.5}  # percent
GLASS = 1.88  # g/cm3, experiment at 300 K, as in the tables of lps


def crystal_density(session: Session, name: str, time_ps: float, atoms: int) -> dict:
    """Relax a crystal and let it run at 300 K; the second half of the run gives the density."""
    crystal = known_crystals()[name]
    relaxed = cached(
        session.folder / "crystals" / f"{name}-relaxed.json", {"most_steps": 1000}, lambda: relax(session, name, 1000)
    )
    found = at_temperature(session, crystal, time_ps, atoms)
    return found | {"at_0_K": relaxed["density_g_per_cm3"], "experiment": crystal["experiment_density"]}


def glass_density(session: Session, start: Path | None, time_ps: float) -> dict:
    """Quench the glass with the preset `quick`, or relax one that is there."""
    from openmmlps.protocols.sequence import stage_result
    from openmmlps.protocols.states import mean_thermo

    if start is None:
        folder = session.folder / "glasses" / "glass-g75-quench-quick"
        advance(session, "quench", folder, ["--composition", "75", "--preset", "quick"])
        thermo = stage_result(folder / "replica-1" / "equilibrate")["thermo"]
    else:
        folder = session.folder / "glasses" / "glass-g75-relaxed"
        settings = {"structure": str(start), "ensemble": "npt", "temperature": 300.0, "timestep": 0.002}
        settings |= {"report_interval": 25, "trajectory_interval": 250, "checkpoint_seconds": 20.0}
        session.advance(folder, time_ps, lambda: settings)
        thermo = mean_thermo(folder)
    density, error = thermo["density_g_per_cm3"][:2]
    way = "quenched by this model" if start is None else f"{time_ps:g} ps from a glass of another model"
    return {"density_g_per_cm3": density, "density_error": error, "experiment": GLASS, "way": way}


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--npt-ps", type=float, default=100.0, help="length of a run at 300 K, ps")
    parser.add_argument("--atoms", type=int, default=250, help="of a crystal, at least")
    parser.add_argument("--glass", type=Path, help="relax this glass instead of quenching one")
    parser.add_argument("--only", nargs="+", choices=list(BOUNDS), help="these materials only")
    arguments = parser.parse_args()
    session = open_session(parser, arguments)
    results = {}
    for name in arguments.only or BOUNDS:
        if name in CRYSTALS:
            found = crystal_density(session, name, arguments.npt_ps, arguments.atoms)
        else:
            found = glass_density(session, arguments.glass, arguments.npt_ps)
        if "failed" not in found:
            off = 100 * (found["density_g_per_cm3"] / found["experiment"] - 1)
            found |= {"off_percent": off, "passes": abs(off) <= BOUNDS[name]}
            print(f"{name}: {found['density_g_per_cm3']:.3f} g/cm3, {off:+.1f} %", file=sys.stderr, flush=True)
        results[name] = found
        write_json(session.folder / f"density-{name}.json", found)
    write_json(session.folder / "densities.json", results)


if __name__ == "__main__":
    main()
