# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""The import filters against numbers of genuine DeePMD-kit, for every golden fixture and format."""

import json
from pathlib import Path

import numpy as np
import pytest

from importers_support import FORMATS, GOLDEN, ROOT, import_model, model_files
from openmmlps import LPSModel
from openmmlps.openmmlps import CoreEvaluator

# Absolute tolerances: eV per atom, eV/angstrom, eV.
STRICT = (1e-10, 1e-9, 1e-8)
FLOAT32 = (3e-5, 5e-5, 1e-3)  # of TensorFlow in single precision against itself in double: 3.2e-5 eV/angstrom for `lps`
# These two say which backend's rule applies where rules differ; they differ between files of one model without effect.
ORIGIN = {"cutoff_precision", "excluded_padding"}


def native_file(folder: Path, provenance: dict) -> Path:
    """The native file that a reference belongs to."""
    return ROOT / provenance["model_file"] if "model_file" in provenance else folder / "model.safetensors"


def deviations(model, structures: list[dict]) -> np.ndarray:
    """Largest deviation of energy per atom, force and virial, by the CPU evaluator in double precision without tables."""
    evaluator = CoreEvaluator(LPSModel.fromBytes(model.to_bytes()), True, False, 1)
    rows = []
    for s in structures:
        box = np.empty(0) if s["box"] is None else np.reshape(s["box"], (3, 3)).astype(float)
        energies, forces, virial = (np.empty(np.shape(s[name])) for name in ("atom_energies", "forces", "virial"))
        virial = virial.reshape(3, 3)
        evaluator.evaluate(
            np.array(s["positions"]), np.array(s["types"], dtype=np.int32), box, energies, forces, virial
        )
        each = np.abs(energies - s["atom_energies"]).max()
        total = abs(energies.sum() - s["energy"]) / len(s["types"])
        rows.append(
            [max(each, total), np.abs(forces - s["forces"]).max(), np.abs(virial.ravel() - np.ravel(s["virial"])).max()]
        )
    return np.max(rows, axis=0)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/reference*.json")), ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_native_file_gives_the_numbers_of_deepmd_kit(path):
    reference = json.loads(path.read_text())
    tolerance = {"strict": STRICT, "float32": FLOAT32}[reference["tolerance"]]
    model = import_model(native_file(path.parent, reference["provenance"]))
    assert [s["name"] for s in reference["structures"]] == reference["provenance"]["structures"]
    assert max(np.abs(s["forces"]).max() for s in reference["structures"]) > 1e-4
    assert (deviations(model, reference["structures"]) <= tolerance).all()


@pytest.mark.parametrize("path", model_files(), ids=lambda p: f"{p.parent.name}/{p.name}")
def test_every_format_gives_the_same_model(path):
    native = import_model(path.parent / "model.safetensors")
    model = import_model(path)
    assert set(model.tensors) == set(native.tensors)
    for name, array in native.tensors.items():
        assert model.tensors[name].dtype == array.dtype
        assert np.array_equal(model.tensors[name], array), name
    for key, value in native.hyperparameters.items():
        if key not in ORIGIN:
            assert model.hyperparameters[key] == value, key
    if path.suffix != ".pb":
        assert model.hyperparameters["cutoff_precision"] == "float64"
        assert model.hyperparameters["excluded_padding"] == "kept"
    else:
        assert model.hyperparameters["cutoff_precision"] == "float32"
        assert model.hyperparameters["excluded_padding"] == "none"
    assert model.provenance["source"]["file"] == path.name


def test_the_matrix_covers_every_format():
    found = {p.suffix[1:] for p in model_files()}
    assert found == set(FORMATS)
    assert sum(p.stat().st_size for p in GOLDEN.rglob("*") if p.is_file()) < 10e6


def test_provenance_of_a_trained_graph():
    model = import_model(GOLDEN / "trained-tf" / "model.pb")
    assert model.provenance["systems"] == ["invented"]
    assert model.provenance["backend"] == "TensorFlow"
    assert len(model.provenance["source"]["sha256"]) == len(model.provenance["weights_sha256"]) == 64
    other = import_model(GOLDEN / "trained-pt" / "model.pth")
    assert other.provenance["weights_sha256"] != model.provenance["weights_sha256"]
    assert (
        other.provenance["weights_sha256"]
        == import_model(GOLDEN / "trained-pt" / "model.pt").provenance["weights_sha256"]
    )


def test_provenance_tells_what_was_converted():
    tables = import_model(GOLDEN / "trained-tf-compressed-two" / "model.pb")
    assert tables.hyperparameters["embedding"] is None
    assert tables.hyperparameters["table"] == {"extrapolation": "linear"}
    assert "tables kept" in tables.provenance["conversions"][0]
    weights = import_model(GOLDEN / "trained-pt-compressed" / "model.pth")
    assert weights.hyperparameters["table"] is None
    assert "tables ignored" in weights.provenance["conversions"][0]


def test_default_model_names_its_data_and_status():
    model = import_model(ROOT / "wrappers" / "python" / "openmmlps" / "models" / "lps.safetensors")
    assert model.hyperparameters["type_map"] == ["Li", "P", "S"]
    assert model.hyperparameters["precision"] == "float32"
    assert "Nat. Commun. 16, 1057 (2025)" in model.provenance["training"]["citation"]
    assert model.provenance["licence"] == "MIT"
    assert model.provenance["status"].startswith("released")
    assert model.provenance["held_out_errors"][0]["force_eV_per_angstrom"] < 0.17


def test_backends_follow_their_own_rules():
    pytorch = import_model(GOLDEN / "fitting-residuals" / "model.pth").hyperparameters["fitting"]["layers"]
    tensorflow = import_model(GOLDEN / "fitting-residuals-tf" / "model.pb").hyperparameters["fitting"]["layers"]
    assert [layer["residual"] for layer in pytorch] == ["identity", "doubling", "identity", "none"]
    assert [layer["residual"] for layer in tensorflow] == ["none", "none", "identity", "none"]
