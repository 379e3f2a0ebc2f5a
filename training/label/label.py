# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Label structures with CP2K at the DFT level of the reference data, in the DeePMD layout.

    python training/label/label.py strained.extxyz POSCAR --output labelled

The data, and so a label without more options, have the Gamma point only. In cells below about 11 angstrom that is not converged:
doubling k-points along b = 8.4 angstrom of beta-Li3PS4, --kpoints 1 2 1, moves its stress along b by 0.94 GPa and its energy by
14 meV/atom.

Every frame of every file is computed in OUTPUT/jobs/<hash of its input>/; a frame that is done is not computed again, so
the same command continues after an interruption and takes in further files. The frames with a label are then written to
OUTPUT/<formula>/, one folder for each order of elements, and all together, in the order given and with what their files say
of them, to OUTPUT/labelled.extxyz. Needs CP2K (Debian: apt-get install cp2k) and ASE.
Frames that fail are named with the reason, the others are labelled all the same; the exit code is then 1.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cp2k import GAMMA, TEMPLATE, Label, LabelError, make_input, parse_output, with_kpoints

from frames import frames_from_atoms, write_frames

TYPE_MAP = ["Li", "P", "S"]


def read_structures(paths: list[Path]) -> list[tuple[str, object]]:
    """Return (name, ``ase.Atoms``) of every frame of the files. Raises ValueError for a file that ASE does not read."""
    import ase.io

    found = []
    for path in paths:
        if not path.is_file():
            raise ValueError(f"label: there is no file '{path}'; give extended XYZ or POSCAR files")
        try:
            frames = ase.io.read(path, index=":")
        except Exception as error:  # ASE's readers raise whatever they meet
            raise ValueError(
                f"label: '{path}' is not a structure that ASE reads ({error}); give extended XYZ or POSCAR"
            ) from None
        found += [(f"{path.name}[{index}]", atoms) for index, atoms in enumerate(frames)]
    return found


def label(atoms, jobs: Path, template: str, command: list[str], threads: int) -> tuple[Label, float]:
    """Return the label of one structure and the seconds it took, computed or from an earlier call.

    Raises LabelError with the reason, also from an earlier call (the job folder then has an output without a label).
    """
    text = make_input(atoms, template)
    job = jobs / hashlib.sha256(text.encode()).hexdigest()[:16]
    job.mkdir(parents=True, exist_ok=True)
    done = job / "label.json"
    if done.is_file():
        values = json.loads(done.read_text())
        return Label(values["energy_eV"], np.array(values["forces"]), np.array(values["virial_eV"])), values["seconds"]
    (job / "label.inp").write_text(text)
    begun = time.monotonic()
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    with open(job / "label.out", "w") as output:
        result = subprocess.run(
            [*command, "-i", "label.inp"],
            cwd=job,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            check=False,
        )
    seconds = time.monotonic() - begun
    try:
        found = parse_output((job / "label.out").read_text(errors="replace"), len(atoms), atoms.get_volume())
    except LabelError as error:
        code = f", exit code {result.returncode}" if result.returncode else ""
        raise LabelError(f"{error} '{job / 'label.out'}'{code}") from None
    values = {"energy_eV": found.energy, "forces": found.forces.tolist(), "virial_eV": found.virial.tolist()}
    partial = job / "label.json.partial"
    partial.write_text(json.dumps(values | {"seconds": round(seconds, 1)}) + "\n")
    partial.replace(done)
    for leftover in job.glob("label-RESTART*"):
        leftover.unlink()
    return found, seconds


def with_label(atoms, found: Label):
    """A copy of ``ase.Atoms`` that carries its label: energy (eV), forces (eV/angstrom), stress (eV/angstrom^3, ASE's sign)."""
    from ase.calculators.singlepoint import SinglePointCalculator

    labelled = atoms.copy()
    stress = -found.virial / labelled.get_volume()
    labelled.calc = SinglePointCalculator(labelled, energy=found.energy, forces=found.forces, stress=stress)
    return labelled


def collect(labelled: list, output: Path) -> dict[str, int]:
    """Write structures that carry a label as extended XYZ and as DeePMD folders below `output`; return the frames of each folder.

    Atoms keep their order; structures with the same order of elements share a folder.
    """
    import ase.io

    ase.io.write(output / "labelled.extxyz", labelled, format="extxyz")
    groups = {}
    elements = {symbol for atoms in labelled for symbol in atoms.get_chemical_symbols()}
    type_map = TYPE_MAP + sorted(elements - set(TYPE_MAP))
    for atoms in labelled:
        groups.setdefault(tuple(atoms.get_chemical_symbols()), []).append(atoms)
    counts, names = {}, {}
    for members in groups.values():
        formula = members[0].get_chemical_formula()
        names[formula] = names.get(formula, 0) + 1
        name = formula if names[formula] == 1 else f"{formula}-{names[formula]}"
        write_frames(output / name, frames_from_atoms(members, type_map))
        counts[name] = len(members)
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("structures", nargs="+", type=Path, help="files that ASE reads; every frame is labelled")
    parser.add_argument("--output", type=Path, required=True, help="folder of the jobs and the labelled frames")
    parser.add_argument("--cp2k", default="cp2k", help="command of CP2K, as in 'mpirun -n 8 cp2k.psmp'")
    parser.add_argument("--template", type=Path, default=TEMPLATE, help="CP2K input with @A@ @B@ @C@ @COORDINATES@")
    parser.add_argument(
        "--kpoints", nargs=3, type=int, default=GAMMA, metavar="N", help="Monkhorst-Pack grid along a, b, c"
    )
    parser.add_argument("--threads", type=int, default=1, help="OpenMP threads of CP2K")
    arguments = parser.parse_args()
    command = arguments.cp2k.split()
    if not command or shutil.which(command[0]) is None:
        parser.error(f"label: there is no program '{arguments.cp2k}'; install CP2K or name it with --cp2k")
    if not arguments.template.is_file():
        parser.error(f"label: there is no template '{arguments.template}'")
    if min(arguments.kpoints) < 1:
        parser.error(f"label: --kpoints are {' '.join(map(str, arguments.kpoints))}; give three numbers from 1 on")
    grid = tuple(arguments.kpoints)
    try:
        template = with_kpoints(arguments.template.read_text(), grid)
        structures = read_structures(arguments.structures)
    except (LabelError, ValueError) as error:
        parser.error(str(error))
    labelled, failures = [], 0
    for name, atoms in structures:
        try:
            found, seconds = label(atoms, arguments.output / "jobs", template, command, arguments.threads)
        except LabelError as error:
            failures += 1
            print(f"{name}: {error}", file=sys.stderr, flush=True)
            continue
        labelled.append(with_label(atoms, found))
        labelled[-1].info["kpoints"] = "x".join(map(str, grid))
        print(f"{name}: {found.energy / len(atoms):.5f} eV/atom, {seconds:.0f} s", flush=True)
    for name, count in collect(labelled, arguments.output).items() if labelled else ():
        print(f"{arguments.output / name}: {count} frames")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
