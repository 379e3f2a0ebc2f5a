# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Architectures compared: held-out error against the measured speed of the CPU platform.

    python training/validate/variants.py --work .training                # the runs compare-* of training/README.md
    python training/validate/variants.py --work .training --runs lps lps-one-side

Evaluates WORK/runs/<name>/graph.pb on the part `validation` and times it: beta-Li3PS4 of 768 atoms, several rounds in turn, the
best of each counts. Run it on a machine that does nothing else. Errors are kept; speeds are measured again by every call.
Writes WORK/validate/variants.json, variants.png and variants.md.
"""

import argparse
import hashlib
import sys
import time
from pathlib import Path

from common import COLORS, Engine, add_arguments, cached, new_figure, read_json, save_figure, write_json

import evaluate

REFERENCE = "compare-lps"
ROUNDS, STEPS = 3, 40
SUPERCELL = (2, 3, 4)


def simulation_of(graph: Path, threads: int):
    """An OpenMM Simulation of beta-Li3PS4 under a model on the CPU platform, at 600 K."""
    import openmm
    from openmm import app

    from openmmlps import createSystem, load

    structure = load("beta-Li3PS4", SUPERCELL)
    integrator = openmm.LangevinMiddleIntegrator(600, 1, 0.001)
    platform = openmm.Platform.getPlatformByName("CPU")
    system = createSystem(structure.topology, str(graph), precision="single")
    simulation = app.Simulation(structure.topology, system, integrator, platform, {"Threads": str(threads)})
    simulation.context.setPositions(structure.positions)
    simulation.context.setVelocitiesToTemperature(600, 1)
    simulation.step(5)
    return simulation


def speeds(graphs: dict[str, Path], threads: int) -> dict[str, float]:
    """Atoms times steps per second of each model, the best of ROUNDS rounds in turn."""
    simulations = {name: simulation_of(graph, threads) for name, graph in graphs.items()}
    best = dict.fromkeys(graphs, 0.0)
    for _ in range(ROUNDS):
        for name, simulation in simulations.items():
            begun = time.perf_counter()
            simulation.step(STEPS)
            rate = simulation.system.getNumParticles() * STEPS / (time.perf_counter() - begun)
            best[name] = max(best[name], rate)
    return best


def errors_of(graph: Path, work: Path, threads: int) -> dict:
    """Errors on the part `validation` as evaluate.evaluate gives them; kept until the model file changes."""
    kept = work / "validate" / "variants" / f"{graph.parent.name}.json"
    settings = {"sha256": hashlib.sha256(graph.read_bytes()).hexdigest()}
    return cached(kept, settings, lambda: evaluate.evaluate(Engine(graph, threads), work / "data", ["validation"], 1))


def batches_of(run: Path) -> int | None:
    """Batches that a run was trained for, as its input says; None without one."""
    return (read_json(run / "input.json") or {}).get("training", {}).get("numb_steps")


def row(name: str, errors: dict, speed: float, batches: int | None = None) -> dict:
    """What the table says of one run; errors in eV/angstrom and meV/atom, of the part `validation`."""
    part = errors["validation"]
    pick = {"glass": part.get("all glasses"), "crystal": part.get("all crystals")}
    found = {"name": name, "batches": batches, "atom_steps_per_second": speed}
    for group, summary in pick.items():
        for quantity in ("energy", "force", "virial"):
            found[f"{group}_{quantity}"] = summary[quantity]["rmse"] if summary else None
    return found


def fast_enough(rows: list[dict]) -> list[str]:
    """Names of runs at least twice as fast as REFERENCE whose force errors are at most a tenth larger."""
    (reference,) = (found for found in rows if found["name"] == REFERENCE)
    forces = ("glass_force", "crystal_force")
    return [
        found["name"]
        for found in rows
        if found["atom_steps_per_second"] >= 2 * reference["atom_steps_per_second"]
        and all(found[force] <= 1.1 * reference[force] for force in forces)
    ]


def table(rows: list[dict], threads: int) -> str:
    """The rows as Markdown, the fastest last; speeds also relative to REFERENCE, or to the slowest where it is missing."""
    speeds = {found["name"]: found["atom_steps_per_second"] for found in rows}
    unit = speeds.get(REFERENCE, min(speeds.values()))
    lines = [
        "| run | batches | F glasses eV/Å | F crystals eV/Å | E glasses meV/atom | virial glasses meV/atom | "
        f"k atom steps/s, {threads} thread(s) | relative |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for found in sorted(rows, key=lambda item: item["atom_steps_per_second"]):
        values = (
            f"{found['glass_force']:.3f}",
            f"{found['crystal_force']:.3f}",
            f"{found['glass_energy']:.1f}",
            f"{found['glass_virial']:.1f}",
            f"{found['atom_steps_per_second'] / 1e3:.1f}",
            f"{found['atom_steps_per_second'] / unit:.2f}",
        )
        lines.append(f"| {found['name']} | {found['batches'] or '-'} | " + " | ".join(values) + " |")
    if REFERENCE in speeds:
        chosen = ", ".join(fast_enough(rows)) or "none"
        lines += ["", f"At least twice as fast as {REFERENCE}, with force errors at most a tenth larger: {chosen}."]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--runs", nargs="+", help="names of runs; default: all that begin with compare-")
    arguments = parser.parse_args()
    runs = arguments.work / "runs"
    names = arguments.runs or sorted(path.name for path in runs.glob("compare-*"))
    if not names:
        parser.error(
            f"variants: there is no run compare-* in '{runs}'; train them first (training/README.md) or name --runs"
        )
    found, graphs = {}, {}
    for name in names:
        graph = runs / name / "graph.pb"
        if not graph.is_file():
            print(f"variants: '{runs / name}' is not finished (graph.pb); left out", file=sys.stderr)
            continue
        found[name], graphs[name] = errors_of(graph, arguments.work, arguments.threads), graph
    if not found:
        parser.error("variants: none of the runs is finished")
    measured = speeds(graphs, arguments.threads)
    rows = [row(name, found[name], measured[name], batches_of(runs / name)) for name in found]
    folder = arguments.work / "validate"
    write_json(folder / "variants.json", {"rows": rows, "threads": arguments.threads})
    (folder / "variants.md").write_text(table(rows, arguments.threads))
    figure, axes = new_figure(4.5, 2.6)
    for item in rows:
        axes[0, 0].plot(item["atom_steps_per_second"] / 1e3, item["glass_force"], "o", color=COLORS["all"])
        axes[0, 0].annotate(
            item["name"].removeprefix("compare-"),
            (item["atom_steps_per_second"] / 1e3, item["glass_force"]),
            textcoords="offset points",
            xytext=(4, 3),
            fontsize=7,
        )
    axes[0, 0].set(xlabel=f"speed (k atom steps/s, {arguments.threads} thread(s))", ylabel="force RMSE, glasses (eV/Å)")
    axes[0, 0].margins(x=0.25, y=0.2)
    save_figure(figure, folder / "variants.png")
    print(table(rows, arguments.threads))


if __name__ == "__main__":
    main()
