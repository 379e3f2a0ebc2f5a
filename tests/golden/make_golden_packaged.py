# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Reference numbers for a packaged model, from the frozen graph that it was made of.

    python tests/golden/make_golden_packaged.py lps graph.pb

Needs the environment of make_golden.py. Writes tests/data/golden/<name>: reference.json (the float32 weights evaluated in
float64) and reference-float32.json (the graph as it runs). The model is wrappers/python/openmmlps/models/<name>.safetensors.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from make_golden import GOLDEN, deviation, evaluate_file, evaluate_pt, upcast, write_reference

TYPES = ("Li", "P", "S")


def main(name: str, path: Path) -> None:
    """Evaluate the graph as it is, and with its weights in double precision."""
    from deepmd.tf.utils.serialization import serialize_from_file

    folder = GOLDEN / name
    folder.mkdir(parents=True, exist_ok=True)
    single = evaluate_file(path, TYPES)
    double = evaluate_pt(upcast(serialize_from_file(str(path))), TYPES)
    print("float32 against float64:", deviation(single, double))
    extra = {
        "model_file": f"wrappers/python/openmmlps/models/{name}.safetensors",
        "source_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    about = f"the packaged model {name}, two-sided, float32"
    write_reference(folder, about, "PyTorch", double, note="float32 weights evaluated in float64", **extra)
    write_reference(folder, about, "TensorFlow", single, "float32", "reference-float32.json", **extra)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
