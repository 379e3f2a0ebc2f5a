# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Make the golden fixtures of tests/data/golden with genuine DeePMD-kit. A development tool; the tests only read its output.

    python -m venv golden-env
    golden-env/bin/pip install deepmd-kit[cpu]==3.2.0 torch==2.11.0 e3nn jax flax orbax-checkpoint
    golden-env/bin/python tests/golden/make_golden.py [--only NAME ... | --packaged lps graph.pb]

Every model is built with random weights and statistics from a seed (recipes.py) or trained for a few steps on invented
data (trained.py), written in each format that DeePMD-kit can write, and evaluated in float64 by DeePMD-kit itself.
convert_golden.py then adds model.safetensors. The layout is described in tests/data/golden/README.md.
"""

from __future__ import annotations

import argparse
import copy
import datetime
import hashlib
import json
import zipfile
import zlib
from pathlib import Path

import numpy as np
from recipes import GRAPHS, RECIPES, SEL, Recipe
from structures import largest_counts, load_structures

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "golden"
STRUCTURES = load_structures()


def build(recipe: Recipe) -> dict:
    """The serialised model of a recipe."""
    from deepmd.dpmodel.model.model import get_model

    sel = recipe.sel or SEL[recipe.rcut]
    counts = dict(zip(["Li", "P", "S"], largest_counts(STRUCTURES, recipe.rcut), strict=True))
    assert all(sel[recipe.type_map.index(e)] >= n for e, n in counts.items()), f"{recipe.name}: sel too small"
    seed = zlib.crc32(recipe.name.encode())
    rng = np.random.default_rng(seed)
    descriptor = {
        "type": "se_e2_a",
        "sel": sel,
        "rcut": recipe.rcut,
        "rcut_smth": recipe.smth,
        "neuron": recipe.neuron,
        "axis_neuron": recipe.axis,
        "type_one_side": recipe.one_side,
        "precision": recipe.precision,
        "activation_function": recipe.activation,
        "seed": seed % 1000,
        "resnet_dt": False,
        **recipe.descriptor,
    }
    fitting = {
        "type": "ener",
        "neuron": recipe.fit,
        "precision": recipe.precision,
        "resnet_dt": False,
        "seed": seed % 1001,
        "activation_function": recipe.fit_activation or recipe.activation,
        **recipe.fitting,
    }
    script = {"type_map": list(recipe.type_map), "descriptor": descriptor, "fitting_net": fitting, **recipe.model}
    model = get_model(copy.deepcopy(script)).serialize()
    types = len(recipe.type_map)
    variables = model["descriptor"]["@variables"]
    variables["davg"][:] = 0.0
    variables["davg"][..., 0] = np.array(recipe.mean)[:, None]
    variables["dstd"][..., 0] = rng.uniform(0.15, 0.25, types)[:, None]
    variables["dstd"][..., 1:] = rng.uniform(0.08, 0.14, types)[:, None, None]
    for network in model["descriptor"]["embeddings"]["networks"]:
        for layer in network["layers"] if network else []:
            layer["@variables"]["w"] = (layer["@variables"]["w"] * recipe.scale).astype(layer["@variables"]["w"].dtype)
    for network in model["fitting"]["nets"]["networks"]:
        network["layers"][-1]["@variables"]["w"] *= 6.0  # forces of the size of real ones
    model["fitting"]["@variables"]["bias_atom_e"] = rng.uniform(-9.0, -2.0, (types, 1))
    model["@variables"]["out_bias"] = rng.uniform(-1.0, 1.0, (1, types, 1))
    return {
        "model": model,
        "model_def_script": script,
        "backend": "PyTorch",
        "software": "deepmd-kit",
        "version": "3.2.0",
    }


def upcast(value):
    """The same serialised model with every float32 network read as float64."""
    if isinstance(value, dict):
        return {k: upcast(v) for k, v in value.items()}
    if isinstance(value, list):
        return [upcast(v) for v in value]
    if isinstance(value, np.ndarray) and value.dtype == np.float32:
        return value.astype(np.float64)
    return "float64" if isinstance(value, str) and value == "float32" else value


def structure_types(structure: dict, type_map) -> np.ndarray:
    """Types of a structure in the order of a model's type map."""
    return np.array([list(type_map).index(["Li", "P", "S"][t]) for t in structure["types"]])


def evaluate_pt(data: dict, type_map) -> list[dict]:
    """Energies, forces and virials by DeePMD-kit's PyTorch model in the precision of the dictionary."""
    import torch
    from deepmd.pt.model.model.model import BaseModel

    model = BaseModel.deserialize(copy.deepcopy(data["model"]))
    model.eval()
    results = []
    for name, s in STRUCTURES.items():
        coordinates = torch.tensor(s["positions"][None], dtype=torch.float64, requires_grad=True)
        box = None if s["box"] is None else torch.tensor(s["box"].reshape(1, 9))
        types = structure_types(s, type_map)
        out = {k: v.detach().numpy() for k, v in model(coordinates, torch.tensor(types[None]), box=box).items()}
        results.append(result(name, s, types, out["energy"], out["atom_energy"], out["force"], out["virial"]))
    return results


def evaluate_file(path: Path, type_map, structures=STRUCTURES) -> list[dict]:
    """The same by DeePMD-kit's own inference of a model file."""
    from deepmd.infer import DeepPot

    potential = DeepPot(str(path))
    results = []
    for name, s in structures.items():
        types = structure_types(s, type_map)
        box = None if s["box"] is None else s["box"].reshape(1, 9)
        e, f, v, ae, _ = potential.eval(s["positions"].reshape(1, -1), box, types, atomic=True)
        results.append(result(name, s, types, e, ae, f, v))
    return results


def result(name, structure, types, energy, atom_energies, forces, virial) -> dict:
    """One entry of "structures" in reference.json."""
    n = len(types)
    return {
        "name": name,
        "types": [int(t) for t in types],
        "positions": structure["positions"].tolist(),
        "box": None if structure["box"] is None else structure["box"].tolist(),
        "energy": float(np.asarray(energy, dtype=np.float64).reshape(-1)[0]),
        "atom_energies": np.asarray(atom_energies, dtype=np.float64).reshape(n).tolist(),
        "forces": np.asarray(forces, dtype=np.float64).reshape(n, 3).tolist(),
        "virial": np.asarray(virial, dtype=np.float64).reshape(3, 3).tolist(),
    }


def deviation(a: list[dict], b: list[dict]) -> list[float]:
    """Largest differences of two evaluations: energy per atom, force component, virial component."""

    def largest(key):
        return max(float(np.abs(np.subtract(x[key], y[key])).max()) for x, y in zip(a, b, strict=True))

    return [largest("atom_energies"), largest("forces"), largest("virial")]


def write_reference(
    folder: Path, about: str, backend: str, results: list[dict], tolerance="strict", name="reference.json", **extra
):
    """Write reference.json. Python prints the shortest text that gives each double back exactly (at most 17 digits)."""
    provenance = {
        "model": folder.name,
        "about": about,
        "deepmd_version": "3.2.0",
        "backend": backend,
        "date": datetime.date.today().isoformat(),
        "structures": [r["name"] for r in results],
        "generator": "tests/golden/make_golden.py",
        **extra,
    }
    text = json.dumps({"provenance": provenance, "tolerance": tolerance, "structures": results}, separators=(",", ":"))
    text = (
        text.replace('"tolerance"', '\n"tolerance"')
        .replace('"structures":[{', '"structures":[\n{')
        .replace('},{"name"', '},\n{"name"')
    )
    (folder / name).write_text(text + "\n")


def write_format(data: dict, path: Path) -> None:
    """Write one file with DeePMD-kit's own writer for its suffix."""
    suffix = path.suffix[1:]
    if suffix in ("dp", "yaml"):
        from deepmd.dpmodel.utils.serialization import save_dp_model

        save_dp_model(str(path), copy.deepcopy(data))
        return
    module = {"pth": "pt", "pb": "tf", "hlo": "jax", "pt2": "pt_expt", "pte": "pt_expt"}[suffix]
    writer = __import__(f"deepmd.{module}.utils.serialization", fromlist=["deserialize_to_file"])
    writer.deserialize_to_file(str(path), copy.deepcopy(data))
    if suffix in ("pth", "pt2"):
        strip_archive(path)
    if suffix == "hlo":
        strip_hdf5(path)


def strip_archive(path: Path) -> None:
    """Drop from a ZIP what tells of this computer: debugging records (paths) and machine code. The model stays as it is."""
    with zipfile.ZipFile(path) as package:
        names = [n for n in package.namelist() if not n.endswith(".debug_pkl") and "/data/aotinductor/" not in n]
        kept = [(package.getinfo(n), package.read(n)) for n in names]
    with zipfile.ZipFile(path, "w") as package:
        for info, content in kept:
            entry = zipfile.ZipInfo(info.filename)
            entry.compress_type = info.compress_type
            package.writestr(entry, content)


def strip_hdf5(path: Path) -> None:
    """Replace the compiled code of a .hlo file, which is full of paths, by one byte. The model stays as it is."""
    import h5py

    with h5py.File(path) as old:
        top = json.loads(old.attrs["json"])
        code = {name.lstrip("/") for key, name in top["@variables"].items() if "stablehlo" in key}
        arrays = {name: (np.void(b"0") if name in code else old[name][()]) for name in old}
    path.unlink()
    with h5py.File(path, "w") as new:
        for name, array in arrays.items():
            new.create_dataset(name, data=array)
        new.attrs["json"] = json.dumps(top, separators=(",", ":"))


def make(recipe: Recipe) -> None:
    """All files of one recipe."""
    folder = GOLDEN / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    data = build(recipe)
    exact = upcast(data)
    checks: dict = {}
    files: dict[str, list[dict]] = {}
    for suffix in recipe.formats:
        path = folder / f"model.{suffix}"
        try:
            write_format(data, path)
        except (
            ImportError,
            NotImplementedError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:  # a backend that is not installed, or that cannot express this model
            print(f"  {recipe.name}.{suffix}: not written: {type(error).__name__}: {str(error)[:150]}")
            path.unlink(missing_ok=True)
            continue
        if suffix in ("pth", "pb"):
            files[suffix] = evaluate_file(path, recipe.type_map)
    reference = files["pb"] if recipe.reference == "tf" else evaluate_pt(exact, recipe.type_map)
    for suffix, results in files.items():
        checks[suffix] = deviation(results, reference)
    print(
        recipe.name,
        "energy/atom",
        f"{reference[0]['energy'] / 32:.3f}",
        "max force",
        f"{max(np.abs(r['forces']).max() for r in reference):.2f}",
        checks,
    )
    backend = "TensorFlow" if recipe.reference == "tf" else "PyTorch"
    extra = {"other_backends_max_deviation": checks} if checks else {}
    if recipe.precision == "float32":
        extra["note"] = "float32 weights evaluated in float64"
        write_reference(
            folder, recipe.about, "PyTorch", evaluate_pt(data, recipe.type_map), "float32", "reference-float32.json"
        )
    write_reference(folder, recipe.about, backend, reference, **extra)


def make_graph(name: str, origin: str, about: str) -> None:
    """A TensorFlow graph with the weights of another recipe and TensorFlow's rules."""
    recipe = next(r for r in RECIPES if r.name == origin)
    folder = GOLDEN / name
    folder.mkdir(parents=True, exist_ok=True)
    write_format(build(recipe), folder / "model.pb")
    results = evaluate_file(folder / "model.pb", recipe.type_map)
    print(name, "differs from", origin, deviation(results, evaluate_pt(build(recipe), recipe.type_map)))
    write_reference(folder, about, "TensorFlow", results, weights_of=origin)


def make_packaged(name: str, path: Path) -> None:
    """Reference numbers of a packaged model: the graph that it was made of as it is, and with its weights in double precision."""
    from deepmd.tf.utils.serialization import serialize_from_file

    folder, types = GOLDEN / name, ("Li", "P", "S")
    folder.mkdir(parents=True, exist_ok=True)
    single, double = evaluate_file(path, types), evaluate_pt(upcast(serialize_from_file(str(path))), types)
    print("float32 against float64:", deviation(single, double))
    extra = {
        "model_file": f"wrappers/python/openmmlps/models/{name}.safetensors",
        "source_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    about = f"the packaged model {name}, two-sided, float32"
    write_reference(folder, about, "PyTorch", double, note="float32 weights evaluated in float64", **extra)
    write_reference(folder, about, "TensorFlow", single, "float32", "reference-float32.json", **extra)


def main() -> None:
    """Make all golden fixtures, or those named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", help="names of models")
    parser.add_argument(
        "--packaged", nargs=2, metavar=("NAME", "GRAPH"), help="a packaged model, instead of all others"
    )
    arguments = parser.parse_args()
    if arguments.packaged:
        make_packaged(arguments.packaged[0], Path(arguments.packaged[1]))
        return
    wanted = arguments.only
    for recipe in RECIPES:
        if wanted is None or recipe.name in wanted:
            make(recipe)
    for name, (origin, about) in GRAPHS.items():
        if wanted is None or name in wanted:
            make_graph(name, origin, about)
    if wanted is None or "trained" in wanted:
        from trained import make_trained

        make_trained(GOLDEN)
    if wanted is None or "graph-012" in wanted:
        from old_graph import make_old_graph

        make_old_graph(GOLDEN)


if __name__ == "__main__":
    main()
