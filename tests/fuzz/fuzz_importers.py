# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Atheris harness of the import filters: any bytes give a model or a ModelImportError, soon and in bounded memory.

    python tests/fuzz/fuzz_importers.py CORPUS -runs=100000 -max_len=70000 -timeout=60

CORPUS is a folder of seeds (``tests/fuzz/run.sh`` makes one); other options are those of libFuzzer. Archives and HDF5
files carry checksums and tables that blind mutation breaks at once, so a third of the mutations knows the structure of the file.
The input that is being read lies in ``last-input`` beside the crashes (``watch.LastInput``), whatever happens to the process.
"""

import random
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["openmmlps.importers"]):
    import openmmlps.importers  # noqa: F401
import h5py  # noqa: F401  what is loaded on demand counts as memory of the input that first needs it
import yaml  # noqa: F401
from structured import mutate as mutate_structure
from watch import Watch

prefix = next((a.partition("=")[2] for a in sys.argv if a.startswith("-artifact_prefix=")), "./")
watch = Watch(Path(prefix) / "last-input")


def mutate(data, max_size, seed):
    if seed % 3 == 0 and data:
        changed = mutate_structure(data, random.Random(seed))
        if 0 < len(changed) <= max_size:
            return changed
    return atheris.Mutate(data, max_size)


if __name__ == "__main__":
    atheris.Setup(sys.argv, watch.run, custom_mutator=mutate)
    atheris.Fuzz()
