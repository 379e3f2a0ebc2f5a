# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What the validation scripts share: the model and its evaluator, results that are kept, reference frames, figures.

Results of a model go to WORK/validate/<name>-<first digits of its hash>/, so another model never reads them. A part that is
done with the same settings is not done again.
"""

import argparse
import hashlib
import json
import math
import os
import sys
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
        from openmmlps.app import runner
        from openmmlps.app.run_folder import is_run
        from openmmlps.app.run_settings import RunSettings

        if is_run(folder):
            runner.resume(folder, {"time": time_ps})
        else:
            common = {"model": str(self.model), "platform": "CPU", "threads": self.threads, "time": time_ps}
            runner.start(folder, RunSettings(**common, **settings()))
        if (read_json(folder / "status.json") or {}).get("state") == "interrupted":
            raise SystemExit(f"validate: '{folder}' was interrupted; give the same command again to go on")


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
        frames = [
            self.evaluate(positions.reshape(-1, 3), cell.reshape(3, 3), types)
            for positions, cell in zip(coord, box, strict=True)
        ]
        energy, force, virial = (np.array(values) for values in zip(*frames, strict=True))
        return energy[:, None], force, virial.reshape(-1, 9)

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


def make_parser(description: str) -> argparse.ArgumentParser:
    """A parser with the options of every validation script; `description` is the module's docstring."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", default="default", help="model.dp or any other model file; default: the packaged one"
    )
    parser.add_argument("--work", type=Path, default=Path(".training"), help="working folder of prepare.py")
    parser.add_argument("--threads", type=int, default=1, help="threads to use")
    return parser


def open_session(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> Session:
    """Return the session of parsed arguments; ends the program with a message if there is no such model."""
    from openmmlps._files import find_model
    from openmmlps.importers import ModelImportError, import_model
    from openmmlps.importers.native import weights_sha256

    path = find_model(arguments.model)
    if not path.is_file():
        parser.error(f"--model: there is no file '{path}'; give a model file, or 'default' for the packaged model")
    if arguments.threads < 1:
        parser.error(f"--threads is {arguments.threads}; give at least 1")
    try:
        digest = weights_sha256(import_model(path).tensors)
    except ModelImportError as error:
        parser.error(str(error))
    name = path.parent.name if path.name in ("graph.pb", "model.dp") else path.stem
    folder = results_folder(arguments.work, digest) or arguments.work / "validate" / f"{name}-{digest[:8]}"
    return Session(path.resolve(), name, digest, arguments.work, folder, arguments.threads)


def results_folder(work: Path, digest: str) -> Path | None:
    """The folder of the results of a model by the hash of its weights, whatever its file was called; None: there is none."""
    return next(iter(sorted((work / "validate").glob(f"*-{digest[:8]}"))), None)


# --- Reference frames


def data_folders(session: Session, part: str) -> dict[str, Path]:
    """Return {system: folder} of one part of the split. Raises SystemExit if prepare.py was not run."""
    data = session.work / "data"
    folders = {path.name: path / part for path in sorted(data.glob("*")) if (path / part / "type.raw").is_file()}
    if not folders:
        raise SystemExit(f"validate: '{data}' holds no frames of the part '{part}'; run training/prepare.py first")
    return folders


def labelled_hashes() -> dict[str, str]:
    """Return {file name: hash} of the files of labelled structures, to tell whether results are of the present ones."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(LABELLED.glob("*.extxyz.gz"))}


def labelled_folders(session: Session) -> dict[str, Path]:
    """Return {system: folder} of the structures that CP2K labelled, written below WORK/labelled in the DeePMD layout.

    They are our own, in training/label/frames/<crystal or glass>.extxyz.gz, and never trained on.
    """
    import ase.io

    from frames import frames_from_atoms, write_frames

    found = {}
    for path in sorted(LABELLED.glob("*.extxyz.gz")):
        structures = ase.io.read(path, index=":")
        name = path.name.split(".")[0]
        name = name if name in GLASSES else f"crystal-{name}"
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


def density(atoms) -> float:
    """g/cm3 of ``ase.Atoms``."""
    from openmmlps.units import GRAM_PER_CM3_PER_AMU_PER_NM3

    return float(atoms.get_masses().sum() / atoms.get_volume() * 1e3 * GRAM_PER_CM3_PER_AMU_PER_NM3)


def supercell(atoms, count: int) -> tuple[int, int, int]:
    """Repeats along a, b, c that bring a cell to at least `count` atoms, always one more where the cell is shortest."""
    repeats = np.ones(3, dtype=int)
    lengths = np.array(atoms.cell.lengths())
    while len(atoms) * repeats.prod() < count:
        repeats[np.argmin(lengths * repeats)] += 1
    return tuple(int(repeat) for repeat in repeats)


# --- Results


def read_json(path: Path) -> dict | None:
    """Return the content of a JSON file, or None if it is not there or was not written to its end."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def write_json(path: Path, content: dict) -> None:
    """Write JSON as a whole or not at all; numbers are rounded to 9 digits, not-a-numbers become null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(plain(content), indent=1, allow_nan=False) + "\n")
    partial.replace(path)


def plain(value):
    """`value` in terms of JSON: arrays and NumPy numbers become plain, floats get 9 digits, which energies of hundreds of eV need."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, float):
        return float(f"{value:.9g}") if math.isfinite(value) else None
    return value


def cached(path: Path, settings: dict, compute: Callable[[], dict]) -> dict:
    """Return the result kept in `path` if it was made with the same settings, or compute and keep it, with its `settings`."""
    kept = read_json(path)
    if kept is None or kept.get("settings") != plain(settings):
        write_json(path, {**compute(), "settings": settings})
        kept = read_json(path)
    return kept


def new_figure(width: float, height: float, columns: int):
    """Return (figure, axes [columns]) in a plain style, sizes in inches."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False})
    figure, axes = plt.subplots(1, columns, figsize=(width, height), squeeze=False, layout="constrained")
    return figure, axes[0]


def save_figure(figure, path: Path) -> None:
    """Write a figure as WebP of a size that may be committed, and close it."""
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, pil_kwargs={"quality": 60, "method": 6})
    plt.close(figure)
