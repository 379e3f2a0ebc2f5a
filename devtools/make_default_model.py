# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Make the packaged default model from a frozen DeePMD-kit model.

    python devtools/make_default_model.py graph.pb

Writes wrappers/python/openmmlps/models/lps.safetensors: the same weights, with the provenance below. Needs openmm-lps installed.
Replace MODEL_CARD together with the weights.
"""

from __future__ import annotations

import sys
from pathlib import Path

from openmmlps.importers import import_model

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "wrappers" / "python" / "openmmlps" / "models" / "lps.safetensors"

MODEL_CARD = {
    "name": "lps-warm",
    "status": "interim model: good enough to run and test with, not to publish with",
    "licence": "MIT",
    "elements": ["Li", "P", "S"],
    "training": {
        "software": "DeePMD-kit 3.2.0 (TensorFlow)",
        "batches": 36000,
        "batch": "about 64 atoms, or one glass frame",
        "data": "AIMD frames of Li-P-S crystals (mostly 1000 to 3000 K) and of 67, 70 and 75 mol% Li2S glasses (400 to 1600 K), "
        "half of the draws from the glasses; energies, forces and virials",
        "data_source": "github.com/OxideGlassGroupAAU/LiPS",
        "citation": "Chen, Du, Krishnan, Yue, Smedskjaer, Nat. Commun. 16, 1057 (2025)",
        "reference_method": "DFT, PBE, TZVP-MOLOPT-GTH, GTH-PBE pseudopotentials, CP2K, no dispersion correction",
    },
    "held_out_errors": [
        {
            "data": "glasses of a later active-learning iteration",
            "force_error_eV_per_angstrom": 0.237,
            "force_scale_eV_per_angstrom": 0.79,
            "energy_meV_per_atom": 12.5,
        },
        {
            "data": "last blocks of the crystals, mostly liquids of 1500 to 3000 K",
            "force_error_eV_per_angstrom": 0.42,
            "force_scale_eV_per_angstrom": 1.14,
            "energy_meV_per_atom": 34,
        },
        {
            "data": "Li6.75P3S11 frames of another DFT code",
            "force_error_eV_per_angstrom": 0.200,
            "force_scale_eV_per_angstrom": 0.61,
        },
    ],
    "notes": "Pressure at the experimental volume is about 2 to 3 GPa (DFT itself: 4 GPa at an AIMD frame of beta-Li3PS4).",
}


def main(path: str) -> None:
    """Convert the model and write it with its card."""
    model = import_model(path)
    model.provenance = {**MODEL_CARD, **model.provenance}
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    model.write(OUTPUT)
    count = sum(array.size for name, array in model.tensors.items() if not name.startswith("statistics"))
    print(f"{OUTPUT.relative_to(ROOT)}: {OUTPUT.stat().st_size} bytes, {count} parameters")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
