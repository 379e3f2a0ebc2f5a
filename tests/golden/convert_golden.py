# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Add model.safetensors to every golden fixture with the import filters, and compare all files of a fixture.

    python tests/golden/convert_golden.py [NAME ...]

Needs openmm-lps, not DeePMD-kit. Prints for every file the largest deviation of the CPU evaluator, in double precision without
tables, from the stored numbers: energy per atom (eV), force (eV/angstrom), virial (eV).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "python"))

from importers_support import FORMATS, GOLDEN, import_model
from test_importers_golden import deviations


def main(names: list[str]) -> None:
    """Convert the fixtures named, or all."""
    for folder in sorted(p for p in GOLDEN.iterdir() if p.is_dir() and (not names or p.name in names)):
        reference = json.loads((folder / "reference.json").read_text())
        first = True
        for suffix in FORMATS:
            path = folder / f"model.{suffix}"
            if not path.exists():
                continue
            model = import_model(path)
            if first:
                model.write(folder / "model.safetensors")
                first = False
            figures = " ".join(f"{v:8.1e}" for v in deviations(model, reference["structures"]))
            print(f"{folder.name:28s} {suffix:5s} {figures}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
