# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""The native writer and its validator, and what import_model does with paths."""

import json

import numpy as np
import pytest

from importers_support import GOLDEN, ModelImportError, every, import_bytes, import_model, message

NATIVE = GOLDEN / "every-format" / "model.safetensors"


def parts(data: bytes) -> tuple[dict, bytes]:
    """Header and tensors of a native file."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def join(header: dict, body: bytes) -> bytes:
    """A native file."""
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def test_native_file_passes_through_byte_for_byte(tmp_path):
    data = NATIVE.read_bytes()
    model = import_model(NATIVE)
    assert model.to_bytes() == data
    model.write(tmp_path / "copy.bin")
    assert (tmp_path / "copy.bin").read_bytes() == data
    assert [p.name for p in tmp_path.iterdir()] == ["copy.bin"]


def test_round_trip_keeps_every_bit(tmp_path):
    model = import_model(GOLDEN / "every-format" / "model.pb")
    model.write(tmp_path / "m.safetensors")
    again = import_model(tmp_path / "m.safetensors")
    assert again.hyperparameters == model.hyperparameters
    assert again.provenance == model.provenance
    assert sorted(again.tensors) == sorted(model.tensors)
    for name, array in model.tensors.items():
        assert again.tensors[name].dtype == array.dtype
        assert again.tensors[name].tobytes() == array.tobytes()


def test_layout_is_that_of_safetensors(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    model = import_model(GOLDEN / "float32" / "model.pth")
    tensors = safetensors.load(model.to_bytes())
    assert set(tensors) == set(model.tensors)
    assert all(np.array_equal(tensors[n], a) and tensors[n].dtype == a.dtype for n, a in model.tensors.items())
    assert len(json.dumps(parts(model.to_bytes())[0])) > 0
    assert (8 + int.from_bytes(model.to_bytes()[:8], "little")) % 8 == 0


def test_failed_write_keeps_the_old_file(tmp_path):
    model = import_model(NATIVE)
    target = tmp_path / "model.safetensors"
    target.write_bytes(b"old")
    model.original_bytes = None
    model.tensors["statistics.mean"] = np.zeros(3, dtype=np.int32)
    with pytest.raises(TypeError, match=r"native model file: a tensor has type int32; use float64 or float32\."):
        model.write(target)
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]


def test_paths(tmp_path):
    with pytest.raises(FileNotFoundError):
        import_model(tmp_path / "absent.pb")
    with pytest.raises(IsADirectoryError, match="this is a directory; give the model file itself"):
        import_model(tmp_path)
    (tmp_path / "empty.pb").write_bytes(b"")
    with pytest.raises(ModelImportError, match=r"empty\.pb: the file is empty; give a DeePMD-kit model"):
        import_model(tmp_path / "empty.pb")
    assert issubclass(ModelImportError, ValueError)


def test_suffix_does_not_matter(tmp_path):
    (tmp_path / "model.txt").write_bytes(every("pth"))
    assert import_model(tmp_path / "model.txt").provenance["source"]["format"].endswith("(.pth)")


@pytest.mark.parametrize("data", [b"hello world", b"\x7fELF" + bytes(60), b"%PDF-1.7", b"\xff" * 100, b"{}", b"[1, 2]"])
def test_unknown_content(data):
    assert message(data).startswith("some.model: ")


def test_other_safetensors_file():
    assert "this safetensors file is not an openmm-lps model" in message(join({"__metadata__": {"format": "pt"}}, b""))


def test_newer_version():
    header, body = parts(NATIVE.read_bytes())
    header["__metadata__"]["format_version"] = "2"
    assert "format_version is '2', but this version reads '1'; install a newer openmm-lps." in message(
        join(header, body)
    )


def test_unknown_hyperparameter():
    header, body = parts(NATIVE.read_bytes())
    model = json.loads(header["__metadata__"]["model"])
    model["flux"] = 1
    del model["sel"]
    header["__metadata__"]["model"] = json.dumps(model)
    assert "missing keys ['sel'] and unknown keys ['flux']" in message(join(header, body))


@pytest.mark.parametrize("change", ["overlap", "gap", "tail", "shape", "negative", "dtype", "huge", "nan"])
def test_container_faults(change):
    header, body = parts(NATIVE.read_bytes())
    entry = header["statistics.mean"]
    if change == "overlap":
        entry["data_offsets"] = header["statistics.stddev"]["data_offsets"]
    elif change == "gap":
        del header["statistics.mean"]
    elif change == "tail":
        body += bytes(8)
    elif change == "shape":
        entry["shape"] = [3, 5]
    elif change == "negative":
        entry["shape"] = [-3, -4]
    elif change == "dtype":
        entry["dtype"] = "I64"
    elif change == "huge":
        entry["shape"] = [2**60, 2**60]
    else:
        body = b"\xff" * 8 + body[8:]
    text = message(join(header, body))
    assert text.startswith("some.model: t")
    assert text.endswith(".")


def test_header_length_lies():
    data = NATIVE.read_bytes()
    assert "the header claims" in message((2**24).to_bytes(8, "little") + data[8:])
    assert import_bytes(data).original_bytes == data
