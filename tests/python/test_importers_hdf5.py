# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Damaged and hostile HDF5 files (.dp): data sets and descriptions that are not what they claim."""

import io
import json
import struct

import h5py
import numpy as np
import pytest

from importers_support import ModelImportError, attempt, deadline, every, limits, message
from openmmlps.importers.hdf5_text import read_text_attribute
from openmmlps.importers.source import Source


def hdf5(change) -> bytes:
    """The smallest golden .dp after a change through h5py."""
    stream = io.BytesIO(every("dp"))
    with h5py.File(stream, "r+") as file:
        change(file)
    return stream.getvalue()


def first_weight(file) -> str:
    """Name of the data set with the first embedding weight."""
    top = json.loads(file.attrs["json"])
    return top["model"]["descriptor"]["embeddings"]["networks"][0]["layers"][0]["@variables"]["w"]


FILLED = {"shape": (2**20, 2**20), "dtype": "f8", "chunks": (2**10, 2**10), "fillvalue": 1.0}
PACKED = {"data": np.zeros((2000, 2000)), "compression": "gzip"}
CHUNKED = {"data": np.zeros((1, 2)), "maxshape": (None, None), "chunks": (2**13, 2**13), "compression": "gzip"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (FILLED, "claims 1099511627776 numbers, but stores 0 bytes"),
        (PACKED, "in chunks; write it without HDF5 chunks, filters"),
        (CHUNKED, "in chunks; write it without HDF5 chunks"),  # a chunk larger than its data set
    ],
)
def test_data_sets_that_store_less_than_they_claim(options, words):
    def change(file):
        name = first_weight(file)
        del file[name]
        file.create_dataset(name, **options)

    data = hdf5(change)
    with limits(10, 16):
        assert words in message(data)


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


@pytest.mark.parametrize("text", [None, "{", "[1]", '{"model": 3}', "[" * 60_000, '{"model":' * 60 + "1" + "}" * 60])
def test_hdf5_with_another_description_or_none(text):
    def change(file):
        del file.attrs["json"]
        if text is not None:
            file.create_dataset("long", data=0)
            file.attrs["json"] = text

    data = hdf5(change)
    with limits():
        assert not attempt(data)
    assert text is not None or "it cannot be read as HDF5 with a model" in message(data)
