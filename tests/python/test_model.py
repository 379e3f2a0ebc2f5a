# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""LPSModel: where it comes from and what it tells."""

import copy
import hashlib
import json
import pickle

import openmm
import pytest
from openmm import unit

from force_support import GOLDEN, MODEL_FILE
from openmmlps import LPSModel


@pytest.fixture(scope="module")
def model():
    return LPSModel(MODEL_FILE)


def test_describes_itself(model):
    assert model.getTypeNames() == ["Li", "P", "S"]
    assert [model.getTypeIndex(name) for name in ("Li", "P", "S")] == [0, 1, 2]
    assert model.describeTypes() == "0 (Li), 1 (P), 2 (S)"
    assert model.getPrecision() == "double"
    assert model.getNumParameters() > 100
    assert "Li, P, S" in repr(model)


def test_cutoff_has_a_unit(model):
    assert unit.is_quantity(model.getCutoff())
    assert 0.2 < model.getCutoff().value_in_unit(unit.nanometer) < 2.0


def test_keeps_its_bytes(model):
    data = MODEL_FILE.read_bytes()
    assert model.getBytes() == data
    assert model.getHash() == hashlib.sha256(data).hexdigest()


def test_metadata_is_json(model):
    metadata = json.loads(model.getMetadata())
    assert metadata["format"] == "openmm-lps"
    assert metadata["format_version"] == "1"
    assert metadata["sha256"] == model.getHash()
    assert isinstance(metadata["provenance"], dict)


@pytest.mark.parametrize("path", [MODEL_FILE, str(MODEL_FILE)])
def test_reads_paths_of_either_kind(path, model):
    assert LPSModel(path) == model


def test_native_file_with_any_name(tmp_path, model):
    path = tmp_path / "renamed.bin"
    path.write_bytes(model.getBytes())
    assert LPSModel(path) == model


DEEPMD_FILES = sorted(path for path in GOLDEN.glob("*/model.*") if path.suffix != ".safetensors")


@pytest.mark.parametrize("path", DEEPMD_FILES[::8], ids=lambda path: f"{path.parent.name}{path.suffix}")
def test_deepmd_file_is_converted(path):
    native = LPSModel(path.with_name("model.safetensors"))
    converted = LPSModel(path)
    assert converted.getTypeNames() == native.getTypeNames()
    assert converted.getNumParameters() == native.getNumParameters()
    assert converted.getCutoff() == native.getCutoff()


def test_default_model():
    model = LPSModel.default()
    assert model.getTypeNames() == ["Li", "P", "S"]
    assert model.getCutoff().value_in_unit(unit.angstrom) == pytest.approx(6.0)


def test_packaged_models_have_names(tmp_path, monkeypatch):
    """Names are for packaged models, unless there is a file of that name."""
    assert LPSModel("lps") == LPSModel("default") == LPSModel.default()
    with pytest.raises(
        FileNotFoundError,
        match="'lps-slow' is not a file in .*the name of a packaged model: lgps, lps, lps-2, lps-3, lps-4, lps-fast",
    ):
        LPSModel("lps-slow")
    monkeypatch.chdir(tmp_path)
    other = LPSModel(GOLDEN / "axis-16" / "model.safetensors")
    (tmp_path / "lps").write_bytes(other.getBytes())
    assert LPSModel("lps") == other and LPSModel.default() != other


def test_from_bytes(model):
    assert LPSModel.fromBytes(model.getBytes()) == model
    assert LPSModel.fromBytes(bytes=model.getBytes(), origin="here") == model


def test_copies(model):
    assert copy.copy(model) is model
    assert copy.deepcopy(model) is model
    again = pickle.loads(pickle.dumps(model))
    assert again == model
    assert hash(again) == hash(model)
    assert model != LPSModel(GOLDEN / "axis-16" / "model.safetensors")
    assert model != "model"


def test_unknown_element(model):
    with pytest.raises(openmm.OpenMMException, match=r"'Na'.*0 \(Li\), 1 \(P\), 2 \(S\)"):
        model.getTypeIndex("Na")


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="model: '.*graph.pb' is not a file; give a model file"):
        LPSModel(tmp_path / "graph.pb")


def test_empty_name():
    with pytest.raises(FileNotFoundError, match="model: '' is not a file; give the path"):
        LPSModel("")


def test_folder(tmp_path):
    with pytest.raises(IsADirectoryError, match="model: '.*': it is a folder; give the model file itself"):
        LPSModel(tmp_path)


@pytest.mark.parametrize("value", [3, None, b"bytes"])
def test_not_a_path(value):
    with pytest.raises(TypeError, match="LPSModel: a model file is a str or os.PathLike, not .*; for bytes use"):
        LPSModel(value)


def test_bytes_of_another_type():
    with pytest.raises(TypeError, match="LPSModel.fromBytes: the content of a model file is bytes, not str"):
        LPSModel.fromBytes("text")
