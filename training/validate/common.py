# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What the validation scripts share: the model and its evaluator, results that are kept, figures, crystals.

Results of a model go to WORK/validate/<name>-<first digits of its hash>/, so another model never reads them. A part that is
done with the same settings is not done again.
"""

import argparse
import hashlib
import json
import math
import os
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# Matrices of 3x3 gain nothing from the threads of a linear algebra library, which on a busy machine cost ten times the work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

# ASE relaxes the logarithm of the cell's deformation, and SciPy warns of an error of 2e-13 in it.
warnings.filterwarnings("ignore", message="logm result may be inaccurate")

TRAINING = Path(__file__).resolve().parent.parent
LABELLED = TRAINING / "label" / "frames"
sys.path.insert(0, str(TRAINING))

DENSITY = 1.66053906660  # g/cm3 per u/angstrom^3
ELECTRONVOLT = 96.48533212331002  # kJ/mol
HELD_OUT = ("validation", "test")
GLASSES = {"glass-g67": 67, "glass-g70": 70, "glass-g75": 75}  # percent Li2S
COLORS = {"Li": "#7a4fbf", "P": "#d1662b", "S": "#b3961c", "all": "#2a6f97", "grey": "#7d8790"}


@dataclass(frozen=True)
class Session:
    """One model under validation: where it is, and where its results go."""

    model: Path  #: in any format that openmm-lps reads
    name: str
    sha256: str  #: of its weights
    work: Path
    folder: Path  #: of the results
    threads: int  #: of the CPU platform

    def engine(self) -> "Engine":
        return Engine(self.model, self.threads)

    def advance(self, folder: Path, time_ps: float, settings: Callable[[], dict]) -> None:
        """Run the simulation in `folder` on to `time_ps`; where there is none yet, start it with what `settings` returns.

        :raises RunFailed: if the run ended early
        """
        from openmmlps.app import run as runner
        from openmmlps.app.run_folder import is_run
        from openmmlps.app.run_settings import RunSettings

        if is_run(folder):
            runner.resume(folder, {"time": time_ps})
            return
        common = {"model": str(self.model), "platform": "CPU", "threads": self.threads, "time": time_ps}
        runner.start(folder, RunSettings(**common, **settings()))


class Engine:
    """The CPU evaluator of openmm-lps in double precision, called like ``deepmd.infer.DeepPot``."""

    def __init__(self, model: Path, threads: int = 1):
        from openmmlps import LPSModel
        from openmmlps.openmmlps import CoreEvaluator

        self.model = LPSModel(str(model))
        self._evaluator = CoreEvaluator(self.model, True, True, threads)

    def get_type_map(self) -> list[str]:
        return list(self.model.getTypeNames())

    def eval(self, coord, box, types):
        """Return energy (F, 1) eV, force (F, N, 3) eV/angstrom, virial (F, 9) eV of frames coord (F, 3N), box (F, 9)."""
        count = len(types)
        energy = np.zeros((len(coord), 1))
        force, virial = np.zeros((len(coord), count, 3)), np.zeros((len(coord), 9))
        for frame in range(len(coord)):
            energy[frame], force[frame], matrix = self.evaluate(
                coord[frame].reshape(-1, 3), None if box is None else box[frame].reshape(3, 3), types
            )
            virial[frame] = matrix.ravel()
        return energy, force, virial

    def evaluate(self, positions, cell, types):
        """Return energy eV, forces [n, 3] eV/angstrom and virial [3, 3] eV of one configuration; cell may be None."""
        count = len(types)
        energies, forces, virial = np.empty(count), np.empty((count, 3)), np.empty((3, 3))
        cell = np.empty(0) if cell is None else np.array(cell, dtype=float, order="C")
        positions = np.array(positions, dtype=float, order="C")
        self._evaluator.evaluate(positions, np.array(types, dtype=np.int32), cell, energies, forces, virial)
        return float(energies.sum()), forces, virial

    def atoms(self, atoms):
        """As :meth:`evaluate`, of ``ase.Atoms``."""
        names = self.get_type_map()
        types = [names.index(symbol) for symbol in atoms.get_chemical_symbols()]
        return self.evaluate(atoms.positions, np.array(atoms.cell) if atoms.pbc.any() else None, types)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of every validation script."""
    parser.add_argument(
        "--model", default="default", help="graph.pb or any other model file; default: the packaged one"
    )
    parser.add_argument("--work", type=Path, default=Path(".training"), help="working folder of prepare.py")
    parser.add_argument("--threads", type=int, default=1, help="threads to use")


def make_parser(description: str) -> argparse.ArgumentParser:
    """A parser with the options of every validation script; `description` is the module's docstring."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    return parser


def open_session(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> Session:
    """Return the session of parsed arguments; ends the program with a message if there is no such model."""
    from openmmlps._files import findModel
    from openmmlps.importers import ModelImportError, import_model
    from openmmlps.importers.native import weights_sha256

    path = findModel(arguments.model)
    if not path.is_file():
        parser.error(f"--model: there is no file '{path}'; give a model file, or 'default' for the packaged model")
    if arguments.threads < 1:
        parser.error(f"--threads is {arguments.threads}; give at least 1")
    try:
        digest = weights_sha256(import_model(path).tensors)
    except ModelImportError as error:
        parser.error(str(error))
    name = path.parent.name if path.name == "graph.pb" else path.stem
    folder = results_folder(arguments.work, digest) or arguments.work / "validate" / f"{name}-{digest[:8]}"
    return Session(path.resolve(), name, digest, arguments.work, folder, arguments.threads)


def results_folder(work: Path, digest: str) -> Path | None:
    """The folder of the results of a model by the hash of its weights, whatever its file was called; None: there is none."""
    found = sorted((work / "validate").glob(f"*-{digest[:8]}"))
    return found[0] if found else None


def data_folders(session: Session, part: str) -> dict[str, Path]:
    """Return {system: folder} of one part of the split. Raises SystemExit if prepare.py was not run."""
    data = session.work / "data"
    folders = {path.name: path / part for path in sorted(data.glob("*")) if (path / part / "type.raw").is_file()}
    if not folders:
        raise SystemExit(f"validate: '{data}' holds no frames of the part '{part}'; run training/prepare.py first")
    return folders


def labelled_hashes() -> dict[str, str]:
    """Return {file name: hash} of the files of labelled structures, to tell whether results are of the present ones."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(LABELLED.glob("*.extxyz"))}


def labelled_structures() -> dict[str, list]:
    """Return {system: list of ``ase.Atoms``} that CP2K labelled with energy, forces and stress; temperature in K in `info`.

    They are our own, in training/label/frames/<crystal>.extxyz and <glass>.extxyz, and never trained on.
    """
    import ase.io

    return {
        path.stem if path.stem in GLASSES else f"crystal-{path.stem}": ase.io.read(path, index=":")
        for path in sorted(LABELLED.glob("*.extxyz"))
    }


def labelled_folders(session: Session) -> dict[str, Path]:
    """Return {system: folder} of the labelled structures, which are written below WORK/labelled in the DeePMD layout."""
    from frames import frames_from_atoms, write_frames

    found = {}
    for name, structures in labelled_structures().items():
        found[name] = folder = session.work / "labelled" / name
        write_frames(folder, frames_from_atoms(structures, sorted(set(structures[0].get_chemical_symbols()))))
        if name not in GLASSES:  # whose errors nobody asks by temperature
            temperatures = [atoms.info["temperature"] for atoms in structures]
            np.save(folder / "temperature.npy", np.array(temperatures, dtype=float))
    return found


def frame_atoms(frames, index: int):
    """One frame of :class:`frames.Frames` as ``ase.Atoms``."""
    from ase import Atoms

    return Atoms(
        [frames.type_map[kind] for kind in frames.types],
        positions=frames.coord[index].reshape(-1, 3).astype(float),
        cell=frames.box[index].reshape(3, 3).astype(float),
        pbc=True,
    )


def read_json(path: Path) -> dict | None:
    """Return the content of a JSON file, or None if it is not there or was not written to its end."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def write_json(path: Path, content: dict) -> None:
    """Write JSON as a whole or not at all; numbers are rounded to 6 digits, not-a-numbers become null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(plain(content), indent=1, allow_nan=False) + "\n")
    partial.replace(path)


def plain(value):
    """`value` in terms of JSON: dataclass fields, arrays and NumPy numbers become plain, floats get 6 digits."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value


def cached(path: Path, settings: dict, compute: Callable[[], dict]) -> dict:
    """Return the result kept in `path` if it was made with the same settings, or compute and keep it.

    The result carries `settings` and `processor_seconds`.
    """
    settings = plain(settings)
    kept = read_json(path)
    if kept is not None and kept.get("settings") == settings:
        return kept
    begun = time.process_time()
    result = compute()
    write_json(path, {**result, "settings": settings, "processor_seconds": time.process_time() - begun})
    return read_json(path)


def density(atoms) -> float:
    """g/cm3 of ``ase.Atoms``."""
    return float(atoms.get_masses().sum() / atoms.get_volume() * DENSITY)


def supercell(atoms, count: int) -> tuple[int, int, int]:
    """Repeats along a, b, c that bring a cell to at least `count` atoms, always doubling where the cell is shortest."""
    repeats = np.ones(3, dtype=int)
    lengths = np.array(atoms.cell.lengths())
    while len(atoms) * repeats.prod() < count:
        repeats[np.argmin(lengths * repeats)] += 1
    return tuple(int(repeat) for repeat in repeats)


def closest_approach(atoms_list, symbols, cutoff: float = 2.6) -> dict[str, float]:
    """Return {'Li-S': shortest distance, angstrom} over configurations; pairs never nearer than `cutoff` are missing.

    `atoms_list` yields (positions [n, 3], cell [3, 3]) in angstrom.
    """
    from vesin import NeighborList

    search = NeighborList(cutoff=cutoff, full_list=False)
    symbols = np.array(symbols)
    shortest = {}
    for positions, cell in atoms_list:
        first, second, distance = search.compute(
            np.ascontiguousarray(positions, dtype=float), np.ascontiguousarray(cell, dtype=float), True, "ijd"
        )
        first, second = symbols[first.astype(int)], symbols[second.astype(int)]
        for name in {"-".join(sorted(pair)) for pair in zip(first, second, strict=True)}:
            a, b = name.split("-")
            chosen = ((first == a) & (second == b)) | ((first == b) & (second == a))
            shortest[name] = min(shortest.get(name, math.inf), float(distance[chosen].min()))
    return shortest


def new_figure(width: float, height: float, columns: int = 1, rows: int = 1):
    """Return (figure, axes [rows, columns]) of the house's plain style, sizes in inches."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False})
    return plt.subplots(rows, columns, figsize=(width, height), squeeze=False, layout="constrained")


def save_figure(figure, path: Path) -> None:
    """Write a PNG of a size that may be committed, and close the figure."""
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, pil_kwargs={"optimize": True})
    plt.close(figure)
