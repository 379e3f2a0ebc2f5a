# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Damaged and hostile files: every one ends in a ModelImportError, soon, and within memory that the file justifies."""

import io
import json
import random
import struct
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from importers_support import (
    FORMATS,
    GOLDEN,
    ModelImportError,
    archive,
    deadline,
    document,
    edit_archive,
    every,
    import_bytes,
    limits,
    message,
    package,
)
from test_importers_refusals import block, node, varint

SAMPLES = {s: GOLDEN / "every-format" / f"model.{s}" for s in FORMATS if s != "pt"}
SAMPLES["pt"] = GOLDEN / "trained-pt" / "model.pt"
SAMPLES["safetensors"] = GOLDEN / "every-format" / "model.safetensors"
SAMPLES["compressed"] = GOLDEN / "trained-tf-compressed-one" / "model.pb"


def attempt(data: bytes) -> bool:
    """Import some bytes. Returns whether that worked; anything but ModelImportError escapes."""
    try:
        import_bytes(data, "damaged.model")
    except ModelImportError as error:
        assert "damaged.model" in str(error)
        assert str(error).endswith(".")
        assert "contradicts itself" not in str(error)  # every kind of damage has a check of its own
        return False
    return True


@pytest.mark.parametrize("name", SAMPLES)
def test_truncated(name):
    data = SAMPLES[name].read_bytes()
    rng = random.Random(5)
    lengths = [*range(40), *sorted(rng.sample(range(40, len(data)), 40)), len(data) - 1]
    with deadline(60):
        accepted = [n for n in lengths if attempt(data[:n])]
    # A YAML file without its last line may still be whole; a graph that ends between two nodes may be, too.
    if name in ("yaml", "pb", "compressed"):
        accepted = [n for n in accepted if n < 0.9 * len(data)]
    assert accepted == []


@pytest.mark.parametrize("name", SAMPLES)
def test_flipped_bytes(name):
    data = SAMPLES[name].read_bytes()
    rng = random.Random(11)
    refused = 0
    with deadline(90):
        for _ in range(80):
            damaged = bytearray(data)
            for _ in range(rng.choice([1, 2, 8, 64])):
                place = rng.randrange(len(data) if rng.random() < 0.5 else min(len(data), 4000))
                damaged[place] = rng.choice([0, 255, 127, 128, rng.randrange(256)])
            refused += not attempt(bytes(damaged))
    # Damage to a stored number cannot be noticed; damage to the structure must be.
    assert refused > 12


@pytest.mark.parametrize("name", ["pth", "pt", "pt2"])
def test_damage_inside_an_archive(name):
    data = SAMPLES[name].read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        entries = {i.filename: old.read(i) for i in old.infolist()}
    inner = next(n for n in entries if n.endswith(("data.pkl", "extra/model.json")))
    rng = random.Random(3)
    with deadline(90):
        for _ in range(80):
            damaged = bytearray(entries[inner])
            for _ in range(rng.choice([1, 2, 8])):
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
            attempt(
                archive({inner: bytes(damaged)} | {k: v for k, v in entries.items() if k != inner and "code/" not in k})
            )


# ZIP


def test_zip_bomb():
    with limits():
        bomb = archive({"model/extra/model.json": b" " * 30_000_000}, zipfile.ZIP_DEFLATED)
        text = message(bomb)
    assert "would unpack from" in text
    with limits():  # each entry alone would pass
        many = {f"m/data/{k}": b" " * 500_000 for k in range(60)}
        assert "would unpack from" in message(archive({"m/data.pkl": storages(60), **many}, zipfile.ZIP_DEFLATED))
    assert "do not trust the file" in text


def test_zip_that_lies_about_its_size():
    data = bytearray(archive({"model/extra/model.json": b"[" + b"1," * 1000 + b"1]"}, zipfile.ZIP_DEFLATED))
    central = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, central + 24, 10)
    with limits():
        assert not attempt(bytes(data))


def test_zip_of_something_else():
    assert "the archive holds neither data.pkl nor model.json" in message(archive({"readme.txt": b"hello"}))


# Pickle


def storages(count: int) -> bytes:
    """A pickle that loads as many storages of 500,000 bytes."""
    operations = b"\x80\x02("
    for k in range(count):
        key = str(k).encode()
        operations += b"(X\x07\x00\x00\x00storagectorch\nByteStorage\nX" + struct.pack("<I", len(key)) + key
        operations += b"X\x03\x00\x00\x00cpuJ" + struct.pack("<i", 500_000) + b"tQ"
    return operations + b"t."


def pickled(operations: bytes, storages: dict[str, bytes] | None = None) -> bytes:
    """A PyTorch archive around a pickle."""
    return archive({"m/data.pkl": operations, **{f"m/data/{k}": v for k, v in (storages or {}).items()}})


def test_pickle_is_never_executed(tmp_path):
    marker = tmp_path / "executed"
    for module, function in (
        ("posix", "system"),
        ("builtins", "eval"),
        ("torch._utils", "_import_dotted_name"),
        ("os", "system"),
    ):
        command = f"touch {marker}".encode()
        data = pickled(
            b"\x80\x02c"
            + f"{module}\n{function}\n".encode()
            + b"X"
            + struct.pack("<I", len(command))
            + command
            + b"\x85R."
        )
        assert f"it refers to '{module}.{function}', which no PyTorch model needs; do not trust it" in message(data)
    assert not marker.exists()


@pytest.mark.parametrize("operation", [b"i", b"o", b"P", b"\x92", b"\x93", b"\x82", b"B", b"S", b"\x97", b"I", b"\x00"])
def test_operations_that_models_do_not_need(operation):
    assert "does not occur in PyTorch models" in message(pickled(b"\x80\x02" + operation))


def test_memo_bomb():
    doubling = b"\x80\x02)q\x00" + b"".join(b"h\x00h\x00\x86q\x00" for _ in range(3000)) + b"."
    lists = (
        b"\x80\x02]q\x00" + b"".join(b"]q\x01(h\x00h\x00e0h\x01q\x00".replace(b"0", b"") for _ in range(2000)) + b"."
    )
    key = b"\x80\x02}" + b")q\x00" + b"".join(b"h\x00h\x00\x86q\x00" for _ in range(60)) + b"Ns."
    with limits():
        for bomb in (doubling, lists, key):
            assert not attempt(pickled(bomb))


def test_list_that_contains_itself():
    with limits():
        assert not attempt(pickled(b"\x80\x02]q\x00h\x00a."))
        assert not attempt(pickled(b"\x80\x02}q\x00X\x05\x00\x00\x00modelh\x00s."))


def tensor(count: int, size: int, stride: int, stored: bytes) -> bytes:
    """A pickle of one tensor."""

    def integer(value):
        raw = value.to_bytes(9, "little", signed=True)
        return b"\x8a" + bytes([len(raw)]) + raw

    storage = (
        b"(X\x07\x00\x00\x00storagectorch\nDoubleStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
        + integer(count)
        + b"tQ"
    )
    shape = integer(size) + b"\x85" + integer(stride) + b"\x85"
    return pickled(
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n("
        + storage
        + b"K\x00"
        + shape
        + b"\x89ccollections\nOrderedDict\n)RtR.",
        {"0": stored},
    )


@pytest.mark.parametrize(
    ("count", "size", "stride", "words"),
    [
        (2**40, 2**39, 1, "claims 1099511627776 numbers, but has 16 bytes"),
        (2, 2**39, 1, "does not fit its storage of 2"),
        (2, 2**39, 0, "does not fit its storage of 2"),
        (2, 2, 2**39, "does not fit its storage of 2"),
        (2, -1, 1, "no valid storage, size or stride"),
        (-1, 1, 1, "claims -1 numbers"),
    ],
)
def test_tensor_larger_than_its_storage(count, size, stride, words):
    with limits(10, 16):
        assert words in message(tensor(count, size, stride, bytes(16)))


def test_tensor_beyond_storage_in_a_real_model():
    data = every("pth")
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        entries = {i.filename: old.read(i) for i in old.infolist()}
    name = next(n for n in entries if n.endswith("/data/3"))
    entries[name] = entries[name][:8]
    assert "but has 8 bytes" in message(archive(entries))


def test_long_text_claim():
    assert "bytes are wanted" in message(pickled(b"\x80\x02X\xff\xff\xff\x7fabc"))


def test_big_endian_archive():
    assert "not little-endian" in message(edit_archive(every("pth"), {"byteorder": (b"little", b"big")}))


# Protocol buffers


def constant(shape: list[int], values: bytes = b"", dtype: int = 2) -> bytes:
    """A TensorProto."""
    dims = b"".join(block(2, b"\x08" + varint(n & (2**64 - 1))) for n in shape)
    return b"\x08" + bytes([dtype]) + block(2, dims) + values


@pytest.mark.parametrize(
    ("tensor_proto", "words"),
    [
        (constant([2**31, 4]), "has a dimension of 2147483648"),
        (constant([2**30, 2**30, 2**30]), "claims 3 dimensions"),
        (constant([-1]), "has a dimension of -1"),
        (constant([2**26], b"\x31" + bytes(8)), "claims 67108864 numbers, but stores 1"),
        (constant([4], block(4, bytes(8))), "of shape [4] has 8 bytes"),
        (constant([1] * 9), "claims 9 dimensions"),
        (constant([2], dtype=99), "has the type 99, which is no number"),
    ],
)
def test_constants_that_claim_more(tensor_proto, words):
    with limits(10, 16):
        assert words in message(every("pb") + node("descrpt_attr/t_avg", "Const", tensor_proto))


def test_lengths_beyond_the_file():
    assert "claims 1152921504606846976 bytes" in message(b"\x0a" + varint(2**60) + bytes(20))
    assert "a number is cut off" in message(b"\x0a" + b"\xff" * 30)


def test_many_small_nodes():
    with limits(30, 200):
        assert not attempt(node("x", "Const") * 30_000)


def test_repeated_values_do_not_grow_the_model():
    wide = constant([2**11, 2**11], b"\x31" + bytes(8))
    with limits(20, 100):
        text = message(every("pb") + node("layer_0_type_0/matrix", "Const", wide))
    assert text.startswith("some.model: ")


def test_many_constants_that_repeat_their_values():
    """Each may hold 32 MiB in a hundred bytes, as long as there are few of them."""
    bomb = constant([2**22], b"\x32\x10" + struct.pack("<2d", 1.0, 2.0))
    nodes = b"".join(node(f"layer_{k}_type_0/bias", "Const", bomb) for k in range(60))
    with limits(120, 120):
        assert "cannot justify the" in message(every("pb") + nodes)


@pytest.mark.parametrize(
    ("piece", "count"),
    [
        (b"\x38\x01", 500_000),  # integers one by one
        (b"\x5d\x00\x00\x00\x00", 200_000),  # not a field of a tensor
        (b"\x2d\x00\x00\x80\x3f", 200_000),  # floats one by one
        (b"\x12\x02\x12\x00", 250_000),  # dimensions
    ],
)
def test_constants_in_many_pieces(piece, count):
    with limits(120, 40):
        attempt(every("pb") + node("descrpt_attr/t_avg", "Const", b"\x08\x02" + piece * count))


def test_many_inputs():
    name = b"".join(b"\x1a\x03" + f"{k:03x}".encode()[-3:] for k in range(400_000))
    with limits(120, 120):
        assert "cannot justify the" in message(every("pb") + block(1, b"\x0a\x01x" + name))


def test_many_entries_in_sel():
    numbers = block(
        5,
        b"\x0a\x05sel_a"
        + b"\x12"
        + varint(1_000_006)
        + b"\x0a"
        + varint(1_000_002)
        + b"\x1a"
        + varint(999_998)
        + b"\x01" * 999_998,
    )
    with limits(120, 40):
        attempt(every("pb").replace(b"sel_a", b"sel_b") + block(1, b"\x0a\x01x\x12\x0bProdEnvMatA" + numbers))


# YAML


def test_billion_laughs():
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 30)]
    with limits():
        assert "cannot justify the numbers in it" in message("\n".join([*lines, "model: *a29"]).encode())


def test_yaml_that_contains_itself():
    with limits():
        assert "nested deeper than any model" in message(b"model: &m\n  x: *m\n")


def test_yaml_nesting():
    with limits():
        for text in (b"model: " + b"[" * 100_000, b"model: " + b"{a: " * 100_000, b"- " * 50_000 + b"model:"):
            assert not attempt(text)


def test_yaml_merge_keys_and_tags_do_nothing():
    bomb = "m0: &m0 {a: 1}\n" + "\n".join(f"m{k}: &m{k} {{<<: [*m{k - 1}, *m{k - 1}]}}" for k in range(1, 40))
    with limits():
        assert not attempt(bomb.encode())
    assert "has the tag 'tag:yaml.org,2002:python/object/apply:os.system'" in message(
        b"model: !!python/object/apply:os.system ['true']"
    )


def test_yaml_numbers_without_a_point():
    text = every("yaml").replace(b"rcut: 5.0", b"rcut: 5e0").replace(b"rcut_smth: 3.5", b"rcut_smth: 35e-1")
    assert text != every("yaml")
    assert import_bytes(text).hyperparameters == import_bytes(every("yaml")).hyperparameters


def test_two_yaml_documents():
    assert "it holds 2 YAML documents instead of one" in message(b"a: 1\n---\nb: 2\n")


# JSON


def test_json_nesting():
    with limits():
        assert not attempt(archive({"model/extra/model.json": b"[" * 200_000}))
        deep = b'{"model":' + b'{"a":' * 500 + b"1" + b"}" * 501
        assert not attempt(archive({"model/extra/model.json": deep}))


@pytest.mark.parametrize("piece", [b"[],", b"{},", b'{"a":0},', b"0,", b'"b":[],'])
def test_json_of_many_small_things(piece):
    text = (
        b'{"model":'
        + (b"{%s}" if piece[:2] == b'"b' else b"[%s]")
        % (piece * (6_000_000 // len(piece)) + b'"":0'[3 * (piece[:2] != b'"b') :])
        + b"}"
    )
    with limits(120, 130):
        assert not attempt(archive({"model/extra/model.json": text}))
        assert not attempt(archive({"model/extra/model.json": text}, zipfile.ZIP_DEFLATED))


def test_json_arrays():
    top = document()
    top["model"]["descriptor"]["@variables"]["davg"]["value"] = [[1.0], [1.0, 2.0]]
    assert "an array does not hold float64 numbers in equal rows" in message(package(top))
    top["model"]["descriptor"]["@variables"]["davg"]["dtype"] = "object"
    assert "an array has the type 'object'" in message(package(top))
    top["model"]["descriptor"]["@variables"]["davg"] = {"@class": "np.ndarray", "dtype": "float64", "value": [10**400]}
    assert not attempt(package(top))


# HDF5


def hdf5(change) -> bytes:
    """The smallest golden .dp after a change through h5py."""
    h5py = pytest.importorskip("h5py")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.dp"
        path.write_bytes(every("dp"))
        with h5py.File(path, "r+") as file:
            change(file)
        return path.read_bytes()


def first_weight(file) -> str:
    """Name of the data set with the first embedding weight."""
    top = json.loads(file.attrs["json"])
    return top["model"]["descriptor"]["embeddings"]["networks"][0]["layers"][0]["@variables"]["w"]


def test_giant_data_set_without_data():
    def change(file):
        name = first_weight(file)
        del file[name]
        file.create_dataset(name, shape=(2**20, 2**20), dtype="f8", chunks=(2**10, 2**10), fillvalue=1.0)

    with limits(10, 16):
        assert "claims 1099511627776 numbers, but stores 0 bytes" in message(hdf5(change))


def test_compressed_data_set():
    def change(file):
        name = first_weight(file)
        del file[name]
        file.create_dataset(name, data=np.zeros((2000, 2000)), compression="gzip")

    data = hdf5(change)
    with limits(10, 16):
        assert "in chunks; write it without HDF5 chunks, filters" in message(data)


def test_chunk_larger_than_its_data_set():
    def change(file):
        name = first_weight(file)
        shape, kind = file[name].shape, file[name].dtype
        del file[name]
        chunks = (2**13, 2**13)
        file.create_dataset(name, shape=shape, maxshape=(None, None), dtype=kind, chunks=chunks, compression="gzip")
        file[name][...] = 0.0

    data = hdf5(change)
    with limits(10, 16):
        assert "in chunks; write it without HDF5 chunks" in message(data)


def test_data_set_named_many_times():
    """Every weight of many layers is the same large data set: the array exists once."""

    def change(file):
        top = json.loads(file.attrs["json"])
        network = top["model"]["descriptor"]["embeddings"]["networks"][0]
        layer = network["layers"][0]
        file.create_dataset("large", data=np.zeros((500, 500)))
        layer["@variables"]["w"] = "/large"
        network["layers"] = [layer] * 60
        top["model"]["descriptor"]["embeddings"]["networks"] = [network] * 4
        file.attrs["json"] = json.dumps(top)

    data = hdf5(change)
    with limits(10, 16):
        assert not attempt(data)


@pytest.mark.parametrize("length", [5652, 2**24, 1_800_000_000, 2**31 - 1, 2**32 - 1])
def test_description_that_claims_to_be_longer(length):
    """The HDF5 library clears as many bytes as the length of a text says: the fuzzer's process grew by 1.7 GB."""
    data = bytearray(every("dp"))
    heap = struct.pack("<Q", data.index(b"GCOL"))
    place = data.index(heap, data.index(b"json\0")) - 4
    assert struct.unpack_from("<I", data, place)[0] == 5651
    struct.pack_into("<I", data, place, length)
    with limits(10, 16), deadline(10, 8):
        assert f"a text claims {length} bytes, but has 5651" in message(bytes(data))


@pytest.mark.parametrize("library", ["earliest", "v108", "v110", "latest"])
@pytest.mark.parametrize("text", [str, np.bytes_])
def test_description_in_every_layout_of_hdf5(library, text):
    h5py = pytest.importorskip("h5py")
    from openmmlps.importers.errors import Source
    from openmmlps.importers.hdf5_text import read_text_attribute

    for before, length in ((0, 10), (5, 10), (5, 9000)):
        stream = io.BytesIO()
        with h5py.File(stream, "w", libver=library) as file:
            for k in range(before):
                file.attrs[f"other {k}"] = "x" * 400
                file.attrs[f"number {k}"] = np.arange(3)
            file.attrs["json"] = text("x" * length)
            for k in range(20):
                file[f"data {k}"] = np.zeros(k)
        if before and library != "earliest":  # more than eight attributes lie outside the header there, as no model has
            with pytest.raises(ModelImportError, match="the root group has no attribute 'json' in its header"):
                read_text_attribute(Source("some.model", stream.getvalue()), "json")
        else:
            assert read_text_attribute(Source("some.model", stream.getvalue()), "json") == "x" * length


@pytest.mark.parametrize("kind", ["soft", "external", "group", "text", "absent"])
def test_data_sets_that_are_something_else(kind, tmp_path):
    import h5py

    def change(file):
        name = first_weight(file)
        del file[name]
        if kind == "soft":
            file[name] = h5py.SoftLink("/variable_0000")
        elif kind == "external":
            file[name] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/x")
        elif kind == "group":
            file.create_group(name)
        elif kind == "text":
            file[name] = "hello"

    assert "the data set '/variable_" in message(hdf5(change))


@pytest.mark.parametrize("text", ["{", "[1]", '{"model": 3}', "[" * 100_000, '{"model":' * 60 + "1" + "}" * 60])
def test_hdf5_with_another_description(text):
    def change(file):
        del file.attrs["json"]
        file.create_dataset("long", data=0)
        file.attrs["json"] = text[:60_000]

    with limits():
        assert not attempt(hdf5(change))


def test_hdf5_without_description():
    def change(file):
        del file.attrs["json"]

    assert "it cannot be read as HDF5 with a model" in message(hdf5(change))


# Everything


def test_aliased_networks_do_not_multiply():
    """One network with many layers that serves for all pairs of 128 types."""
    lines = [
        "l: &l {activation_function: tanh, '@variables': {w: {'@class': np.ndarray, dtype: float64, value: [[1]]}}}",
        "n: &n {layers: [" + ", ".join(["*l"] * 60) + "]}",
        "model:",
        "  type_map: [" + ", ".join(f"t{k}" for k in range(128)) + "]",
        "  descriptor: {type: se_e2_a, rcut: 6.0, rcut_smth: 0.5, sel: ["
        + ", ".join(["1"] * 128)
        + "], axis_neuron: 1,",
        "    '@variables': {davg: &d {'@class': np.ndarray, dtype: float64, value: [[0]]}, dstd: *d},",
        "    embeddings: {ndim: 2, networks: [" + ", ".join(["*n"] * (128 * 128)) + "]}}",
        "  fitting: {type: ener, '@variables': {}, nets: {ndim: 1, networks: []}}",
    ]
    with limits(120, 100):
        assert "cannot justify the" in message("\n".join(lines).encode())


def test_aliased_weights_do_not_multiply():
    """One big storage shared by all networks of many types would grow far beyond the file."""
    lines = [
        "w: &w {'@class': np.ndarray, dtype: float64, value: [[" + ", ".join(["1"] * 4000) + "]]}",
        "b: &b {'@class': np.ndarray, dtype: float64, value: [" + ", ".join(["1"] * 4000) + "]}",
        "n: &n {layers: [{activation_function: tanh, '@variables': {w: *w, b: *b}}]}",
        "nets: &nets [" + ", ".join(["*n"] * (128 * 128)) + "]",
        "model: {embeddings: *nets}",
    ]
    with limits(30, 64):
        assert "cannot justify the numbers in it" in message("\n".join(lines).encode())
