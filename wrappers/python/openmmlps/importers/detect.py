# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Recognise the format of a model file by its content."""

from __future__ import annotations

from . import hdf5, native
from .errors import Source
from .native import NativeModel


def detect(source: Source) -> NativeModel:
    """Read the file with the filter that its first bytes call for."""
    if not source.data:
        raise source.fault("the file is empty")
    if source.data.startswith(hdf5.SIGNATURE):
        return hdf5.import_hdf5(source)
    if native.looks_native(source.data):
        source.format = "openmm-lps"
        return native.decode(source)
    raise source.fault("its content is of no known format")
