# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The metadata of the shipped model: what package_model.py stamps, LPSModel and the command show."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from force_support import MODEL_FILE
from openmmlps import LPSModel
from openmmlps._files import packaged_models
from openmmlps.cli import app as command
from openmmlps.importers import import_model
from openmmlps.importers.native import weights_sha256

TRAINING = Path(__file__).resolve().parents[2] / "training"
sys.path[:0] = [str(TRAINING), str(TRAINING / "validate")]

import package_model

CONFIG = {
    "model": {"descriptor": {"seed": 1}},
    "training": {"numb_steps": 1000, "seed": 4, "training_data": {"systems": ["/a"], "batch_size": 1}},
}


def package(*arguments):
    script = TRAINING / "package_model.py"
    return subprocess.run([sys.executable, script, *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.fixture
def trained(tmp_path):
    """A model with its input and its measured errors; the options that package it."""
    model = import_model(MODEL_FILE)
    folder = tmp_path / "work" / "validate" / f"any-{weights_sha256(model.tensors)[:8]}"
    folder.mkdir(parents=True)
    summary = {"frames": 7, **{name: {"rmse": 0.125, "mae": 0.1} for name in ("energy", "force", "virial")}}
    (folder / "errors.json").write_text(json.dumps({"held_out": {"all glasses": summary, "all crystals": summary}}))
    (tmp_path / "input.json").write_text(json.dumps(CONFIG))
    (tmp_path / "graph.safetensors").write_bytes(MODEL_FILE.read_bytes())
    paths = {"--model": "graph.safetensors", "--work": "work", "--output": "out.safetensors"}
    return [part for option, name in paths.items() for part in (option, tmp_path / name)]


def test_metadata_travels_with_the_weights(tmp_path, trained):
    found = package(*trained, "--version", "1.2", "--commit", "abc")
    assert found.returncode == 0, found.stderr
    model = LPSModel(str(tmp_path / "out.safetensors"))
    metadata = json.loads(model.getMetadata())["provenance"]
    assert metadata["name"] == "lps" and metadata["version"] == "1.2" and metadata["licence"] == "MIT"
    assert "halides" in metadata["not_for"] and "glasses" in metadata["intended_domain"]
    training = metadata["training"]
    assert training["batches"] == 1000 and training["seed"] == 4 and training["commit"] == "abc"
    assert "PBE" in training["reference_method"] and "Nat. Commun. 16, 1057 (2025)" in training["citation"]
    assert metadata["held_out_errors"][0] == {
        "data": "held-out glasses",
        "frames": 7,
        "energy_meV_per_atom": 0.12,
        "force_eV_per_angstrom": 0.125,
        "virial_meV_per_atom": 0.12,
    }
    before, after = import_model(MODEL_FILE), import_model(tmp_path / "out.safetensors")
    assert weights_sha256(before.tensors) == weights_sha256(after.tensors)
    shown = CliRunner().invoke(command, ["info", str(tmp_path / "out.safetensors")]).output
    for word in ("version", "1.2", "intended domain", "not for", "held out errors", "config_sha256"):
        assert word in shown


def test_the_hash_of_a_recipe_ignores_paths_only():
    other = json.loads(json.dumps(CONFIG))
    other["training"]["training_data"]["systems"] = ["/elsewhere"]
    assert package_model.recipe(CONFIG, "") == package_model.recipe(other, "")
    other["model"]["descriptor"]["seed"] = 2
    assert package_model.recipe(CONFIG, "")["config_sha256"] != package_model.recipe(other, "")["config_sha256"]
    assert "commit" not in package_model.recipe(CONFIG, "")


def test_models_without_errors_or_recipe_are_refused(tmp_path, trained):
    found = package(*trained[:2], "--work", tmp_path / "empty", "--version", "1")
    assert found.returncode == 2 and "the errors of these weights on held-out frames are not known" in found.stderr
    (tmp_path / "input.json").unlink()
    found = package(*trained, "--version", "1")
    assert found.returncode == 2 and "there is no input.json beside the model" in found.stderr
    assert "there is no file 'nothing.pb'" in package("--model", "nothing.pb", "--version", "1").stderr


@pytest.mark.parametrize("name", packaged_models())
def test_packaged_models_have_all_of_it(name):
    metadata = json.loads(LPSModel(name).getMetadata())["provenance"]
    assert metadata["name"] == name
    for key in "name version status licence intended_domain not_for training held_out_errors source".split():
        assert metadata[key], key
    assert {"citation", "reference_method", "config_sha256", "batches"} <= set(metadata["training"])


def test_a_trained_model_is_packaged_with_its_card(tmp_path):
    """From `train` and `validate` to a packaged file; a validation of other weights is refused."""
    import ase.io

    from learn_support import lithium_sulfide
    from openmmlps.learn import train, validate
    from openmmlps.learn.training import TrainSettings
    from openmmlps.learn.validation import write_page

    ase.io.write(tmp_path / "data.extxyz", lithium_sulfide(6))
    model = train([tmp_path / "data.extxyz"], tmp_path / "model", TrainSettings(steps=2, size="lps-fast")).model
    write_page(validate(model, [tmp_path / "data.extxyz"]), tmp_path / "validation.html")
    script, facts = TRAINING / "package_validated.py", TRAINING / "lgps" / "facts.json"
    options = {"--model": model.parent, "--validation": tmp_path / "validation.json", "--facts": facts}
    options |= {"--output": tmp_path / "out.safetensors", "--card": tmp_path / "card.md"}
    run = [sys.executable, str(script), *(str(part) for pair in options.items() for part in pair)]
    found = subprocess.run(run, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    metadata = json.loads(LPSModel(str(tmp_path / "out.safetensors")).getMetadata())["provenance"]
    assert metadata["name"] == "lgps" and metadata["training"]["batches"] == 2
    assert [item["data"] for item in metadata["held_out_errors"]] == ["all held-out frames", "data.extxyz"]
    card = (tmp_path / "card.md").read_text()
    assert "force at most 0.1 eV/Å on all of them: **fail**" in card and "J. Chem. Phys. 154, 094703" in card
    (tmp_path / "other").mkdir()
    run[run.index(str(model.parent))] = str(tmp_path / "other")
    assert "is of '" in subprocess.run(run, capture_output=True, text=True, check=False).stderr
