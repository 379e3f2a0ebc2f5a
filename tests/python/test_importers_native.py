# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""The native writer and its validator, and what import_model does with paths."""

import bz2
import gzip
import json
import lzma
import pickle

import numpy as np
import pytest

from importers_support import GOLDEN, ModelImportError, archive, every, import_bytes, import_model, message

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
    (tmp_path / "empty.pb").write_bytes(b"")
    with pytest.raises(ModelImportError, match=r"empty\.pb: the file is empty; give a DeePMD-kit model"):
        import_model(tmp_path / "empty.pb")
    assert issubclass(ModelImportError, ValueError)


def test_suffix_does_not_matter(tmp_path):
    (tmp_path / "model.txt").write_bytes(every("pth"))
    assert import_model(tmp_path / "model.txt").provenance["source"]["format"].endswith("(.pth)")


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 1234\n" % (b"a" * 64)
FOREIGN = [
    (POINTER, "it is a pointer of Git LFS, not the model it stands for; run 'git lfs pull'"),
    (b"<!DOCTYPE html>\n<html><body>404</body></html>", "it is a web page or XML"),
    (b"\n <html lang='en'>", "it is a web page or XML"),
    (b"<GAP_params label='x'>", "it is a web page or XML"),
    (b'{"message": "Not Found", "status": "404"}', "the answer of a server that refused the download"),
    (bytes(5000), "it holds nothing but zeros"),
    (b" \n \n", "it holds nothing but spaces"),
    (gzip.compress(b"x"), "it is a packed file"),
    (bz2.compress(b"x"), "it is a packed file"),
    (lzma.compress(b"x"), "it is a packed file"),
    (b"graph.pb".ljust(257, b"\0") + b"ustar".ljust(300, b"\0"), "it is a packed file"),
    (b'node {\n  name: "t_avg"\n}\n', "a TensorFlow graph as text (.pbtxt); convert it with 'dp convert-from pbtxt'"),
    (b'model_checkpoint_path: "model.ckpt-4"\n', "the index of a folder of TensorFlow checkpoints; freeze it"),
    (b"\0\0\1" * 20 + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb", "a part of a TensorFlow checkpoint; freeze it"),
    (b"\x08\x01\x12\xa7\x03\x0a\x05", "it is a TensorFlow SavedModel"),
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "a PyTorch file of a version before 1.6; freeze the model with"),
    (pickle.dumps({"a": 1}), "it is a Python pickle, which is never opened here"),
    (b"\x93NUMPY\x01\0", "it is a NumPy array"),
    (archive({"coord.npy": b"1", "box.npy": b"2"}), "it is an archive of NumPy arrays (.npz)"),
    (archive({"run/": b"", "run/graph.pb": b"1"}), "it is an archive with the file 'run/graph.pb'; unpack it"),
    (json.dumps({"model": {"type_map": []}, "learning_rate": {}, "loss": {}}).encode(), "the input of a training"),
    (b'{"base_code":{"magic":"pir","version":1}}', "it is a program of PaddlePaddle"),
    (b"#       step         max_devi_v", "it is a table of model deviations"),
    (b"nep4 3 Li P S\ncutoff 8 4\n", "it is a potential of GPUMD (NEP)"),
    (b"\x7fELF" + bytes(60), "it is a program or library"),
    (b"%PDF-1.7", "it is a PDF document"),
    (b"hello world", "its content is of no known format"),
    (b"\xff" * 100, "its content is of no known format"),
    (b"{}", "its content is of no known format"),
    (b"[1, 2]", "its content is of no known format"),
]


@pytest.mark.parametrize(("data", "words"), FOREIGN, ids=lambda v: v if isinstance(v, str) else "")
def test_files_that_are_no_models_are_named(data, words):
    text = message(data)
    assert text.startswith("some.model: ") and words in text
    assert "damaged" not in text


def test_part_of_a_checkpoint_is_named_by_its_name():
    assert "a part of a TensorFlow checkpoint" in message(b"\x3f" * 64, "model.ckpt.data-00000-of-00001")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "it is a folder; give the model file itself"),
        (["graph.pb", "lcurve.out"], "it is a folder; give a model in it: graph.pb."),
        (["checkpoint", "model.ckpt-4.index"], "it is a folder of TensorFlow checkpoints; freeze it with 'dp freeze'"),
        (["saved_model.pb", "variables"], "it is a TensorFlow SavedModel"),
        (["_CHECKPOINT_METADATA", "d"], "it is a JAX checkpoint; convert it with 'dp convert-backend'"),
    ],
)
def test_folders_are_named(tmp_path, names, words):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(IsADirectoryError) as refusal:
        import_model(tmp_path)
    assert f"{tmp_path}: {words}" in str(refusal.value)


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


def test_elements_for_a_model_that_names_none():
    model = import_model(GOLDEN / "graph-012" / "model.pb")
    named = model.with_elements(["Li", "P", "S"])
    assert named.hyperparameters == {**model.hyperparameters, "type_map": ["Li", "P", "S"]}
    assert import_bytes(named.to_bytes()).provenance["conversions"][-1] == "elements named by the user"
    assert named.with_elements(["Li", "P", "S"]) is named
    for wrong in (["Li"], ["Li", "Li", "S"], ["Li", "", "S"]):
        with pytest.raises(ValueError, match="are not 3 different names; name every type once"):
            model.with_elements(wrong)
    with pytest.raises(ValueError, match="the model names its types Li, P, S itself"):
        named.with_elements(["Na", "P", "S"])
