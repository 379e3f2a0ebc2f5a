# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Damaged and hostile files: every one ends in a ModelImportError, soon, and within memory that the file justifies."""

import io
import random
import struct
import zipfile

import pytest

from importers_support import (
    FORMATS,
    GOLDEN,
    archive,
    attempt,
    deadline,
    document,
    edit_archive,
    every,
    import_bytes,
    limits,
    message,
    package,
)

SAMPLES = {s: GOLDEN / "every-format" / f"model.{s}" for s in FORMATS if s != "pt"}
SAMPLES["pt"] = GOLDEN / "trained-pt" / "model.pt"
SAMPLES["safetensors"] = GOLDEN / "every-format" / "model.safetensors"
SAMPLES["compressed"] = GOLDEN / "trained-tf-compressed-one" / "model.pb"


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
        assert f"it refers to '{module}.{function}', which no DeePMD-kit model needs: it belongs to another" in message(
            data
        )
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


# Several formats


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
