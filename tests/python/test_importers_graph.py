# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Damaged and hostile frozen graphs (.pb): constants that claim more than the file holds, nodes without end."""

import struct

import pytest

from importers_support import attempt, every, limits, message
from test_importers_refusals import block, node, varint


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
    numbers = block(1, block(3, b"\x01" * 999_998))
    sel = block(5, block(1, b"sel_a") + block(2, numbers))
    with limits(120, 40):
        attempt(every("pb").replace(b"sel_a", b"sel_b") + block(1, b"\x0a\x01x\x12\x0bProdEnvMatA" + sel))
