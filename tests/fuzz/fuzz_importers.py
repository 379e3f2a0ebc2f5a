# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Atheris harness of the import filters: any bytes give a model or a ModelImportError, soon and in bounded memory.

    python tests/fuzz/fuzz_importers.py CORPUS -runs=100000 -max_len=70000 -timeout=60 -malloc_limit_mb=64

CORPUS is a folder of seeds (``tests/fuzz/run.sh`` makes one); other options are those of libFuzzer. Archives and HDF5
files carry checksums and tables that blind mutation breaks at once, so a third of the mutations goes to a member of the
archive, which is then packed again.
"""

import io
import sys
import zipfile
import zlib

import atheris

with atheris.instrument_imports(include=["openmmlps.importers"]):
    from openmmlps.importers import ModelImportError, import_bytes


def one_input(data):
    try:
        model = import_bytes(data, "fuzz.model")
    except ModelImportError as error:
        message = str(error)
        if "fuzz.model" not in message or not message.endswith(".") or len(message) > 4000:
            raise AssertionError(f"an unfit message: {message!r}") from error
    else:
        again = import_bytes(model.to_bytes(), "again.safetensors")
        assert again.to_bytes() == model.to_bytes()


def mutate(data, max_size, seed):
    if seed % 3 == 0 and data.startswith(b"PK"):
        try:
            changed = _mutate_member(data, seed)
        except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
            changed = None  # not even Python's own reader can take it apart
        if changed is not None and len(changed) <= max_size:
            return changed
    return atheris.Mutate(data, max_size)


def _mutate_member(data, seed):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    if not members:
        return None
    chosen = seed // 3 % len(members)
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as archive:
        for index, (info, content) in enumerate(members):
            if index == chosen and content:
                content = atheris.Mutate(content, len(content) + 64)
            archive.writestr(info.filename, content)
    return output.getvalue()


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input, custom_mutator=mutate)
    atheris.Fuzz()
