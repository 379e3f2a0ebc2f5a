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
        refusal = message(bomb)
    assert "would unpack from" in refusal and "do not trust the file" in refusal
    with limits():  # each entry alone would pass
        many = {f"m/data/{k}": b" " * 500_000 for k in range(60)}
        assert "would unpack from" in message(archive({"m/data.pkl": storages(60), **many}, zipfile.ZIP_DEFLATED))


def test_zip_that_lies_about_its_size():
    data = bytearray(archive({"model/extra/model.json": b"[" + b"1," * 1000 + b"1]"}, zipfile.ZIP_DEFLATED))
    central = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, central + 24, 10)
    with limits():
        assert not attempt(bytes(data))


def test_zip_of_something_else():
    assert "the archive holds neither data.pkl nor model.json" in message(archive({"readme.txt": b"hello"}))


# Pickle


def text(value: str) -> bytes:
    """A pickled text."""
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def integer(value: int) -> bytes:
    """A pickled integer."""
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)


def storage(kind: str, key: str, count: int) -> bytes:
    """A pickled storage."""
    return b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text("cpu") + integer(count) + b"tQ"


def storages(count: int) -> bytes:
    """A pickle that loads as many storages of 500,000 bytes."""
    return b"\x80\x02(" + b"".join(storage("ByteStorage", str(k), 500_000) for k in range(count)) + b"t."


def pickled(operations: bytes, storages: dict[str, bytes] | None = None) -> bytes:
    """A PyTorch archive around a pickle."""
    return archive({"m/data.pkl": operations, **{f"m/data/{k}": v for k, v in (storages or {}).items()}})


def test_pickle_is_never_executed(tmp_path):
    marker = tmp_path / "executed"
    for name in ("posix.system", "builtins.eval", "torch._utils._import_dotted_name", "os.system", "mace.modules.MACE"):
        module, _, function = name.rpartition(".")
        call = f"c{module}\n{function}\n".encode() + text(f"touch {marker}") + b"\x85R."
        assert f"it refers to '{name}', which no DeePMD-kit model needs: it belongs to another" in message(
            pickled(b"\x80\x02" + call)
        )
    assert not marker.exists()


@pytest.mark.parametrize("operation", [b"i", b"o", b"P", b"\x92", b"\x93", b"\x82", b"B", b"S", b"\x97", b"I", b"\x00"])
def test_operations_that_models_do_not_need(operation):
    assert "does not occur in PyTorch models" in message(pickled(b"\x80\x02" + operation))


def test_memo_bomb():
    doubling = b"\x80\x02)q\x00" + b"h\x00h\x00\x86q\x00" * 3000 + b"."
    lists = b"\x80\x02]q\x00" + b"]q\x01(h\x00h\x00eh\x01q\x00" * 2000 + b"."
    key = b"\x80\x02}" + b")q\x00" + b"h\x00h\x00\x86q\x00" * 60 + b"Ns."
    with limits():
        for bomb in (doubling, lists, key):
            assert not attempt(pickled(bomb))


def test_list_that_contains_itself():
    with limits():
        assert not attempt(pickled(b"\x80\x02]q\x00h\x00a."))
        assert not attempt(pickled(b"\x80\x02}q\x00X\x05\x00\x00\x00modelh\x00s."))


def tensor(count: int, size: int, stride: int, stored: bytes) -> bytes:
    """A pickle of one tensor."""
    start, end = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(", b"\x89ccollections\nOrderedDict\n)RtR."
    shape = integer(size) + b"\x85" + integer(stride) + b"\x85"
    return pickled(start + storage("DoubleStorage", "0", count) + b"K\x00" + shape + end, {"0": stored})


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
        for nested in (b"model: " + b"[" * 100_000, b"model: " + b"{a: " * 100_000, b"- " * 50_000 + b"model:"):
            assert not attempt(nested)


def test_yaml_merge_keys_and_tags_do_nothing():
    bomb = "m0: &m0 {a: 1}\n" + "\n".join(f"m{k}: &m{k} {{<<: [*m{k - 1}, *m{k - 1}]}}" for k in range(1, 40))
    with limits():
        assert not attempt(bomb.encode())
    assert "has the tag 'tag:yaml.org,2002:python/object/apply:os.system'" in message(
        b"model: !!python/object/apply:os.system ['true']"
    )


def test_yaml_numbers_without_a_point():
    changed = every("yaml").replace(b"rcut: 5.0", b"rcut: 5e0").replace(b"rcut_smth: 3.5", b"rcut_smth: 35e-1")
    assert changed != every("yaml")
    assert import_bytes(changed).hyperparameters == import_bytes(every("yaml")).hyperparameters


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
    many = piece * (6_000_000 // len(piece))
    entry = {"model/extra/model.json": b'{"model":%s}' % (b'{%s"":0}' if piece[:2] == b'"b' else b"[%s0]") % many}
    with limits(120, 130):
        assert not attempt(archive(entry))
        assert not attempt(archive(entry, zipfile.ZIP_DEFLATED))


def test_json_arrays():
    top = document()
    top["model"]["descriptor"]["@variables"]["davg"]["value"] = [[1.0], [1.0, 2.0]]
    assert "an array does not hold float64 numbers in equal rows" in message(package(top))
    top["model"]["descriptor"]["@variables"]["davg"]["dtype"] = "object"
    assert "an array has the type 'object'" in message(package(top))
    top["model"]["descriptor"]["@variables"]["davg"] = {"@class": "np.ndarray", "dtype": "float64", "value": [10**400]}
    assert not attempt(package(top))


# Several formats


ALIASED = {
    "layers": """
l: &l {activation_function: tanh, '@variables': {w: {'@class': np.ndarray, dtype: float64, value: [[1]]}}}
n: &n {layers: [LAYERS]}
model:
  type_map: [NAMES]
  descriptor: {type: se_e2_a, rcut: 6.0, rcut_smth: 0.5, sel: [ONES], axis_neuron: 1,
    '@variables': {davg: &d {'@class': np.ndarray, dtype: float64, value: [[0]]}, dstd: *d},
    embeddings: {ndim: 2, networks: [NETWORKS]}}
  fitting: {type: ener, '@variables': {}, nets: {ndim: 1, networks: []}}
""",
    "weights": """
w: &w {'@class': np.ndarray, dtype: float64, value: [[NUMBERS]]}
b: &b {'@class': np.ndarray, dtype: float64, value: [NUMBERS]}
n: &n {layers: [{activation_function: tanh, '@variables': {w: *w, b: *b}}]}
nets: &nets [NETWORKS]
model: {embeddings: *nets}
""",
}


@pytest.mark.parametrize("kind", ALIASED)
def test_aliases_do_not_multiply(kind):
    """One network with many layers, or with a big matrix, that serves for all pairs of 128 types."""
    many = {"LAYERS": ["*l"] * 60, "NAMES": [f"t{k}" for k in range(128)], "ONES": ["1"] * 128, "NUMBERS": ["1"] * 4000,
            "NETWORKS": ["*n"] * 128**2}  # fmt: skip
    yaml = ALIASED[kind]
    for word, items in many.items():
        yaml = yaml.replace(word, ", ".join(items))
    with limits(120, 100):
        assert "cannot justify the" in message(yaml.encode())
