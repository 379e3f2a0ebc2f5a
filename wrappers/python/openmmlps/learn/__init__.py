# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Make a potential of any chemistry: label structures, train, validate. NumPy and SciPy are enough.

`label` asks CP2K or any calculator of ASE, `train` fits an `se_e2_a` Deep Potential, `validate` measures it and writes a
page; `learn` closes the loop. Each is a function and a command, and goes on where it was killed. Units: angstrom, eV, eV/angstrom, K.
"""

from .labels import label
from .loop import learn
from .training import train
from .validation import validate

__all__ = ["label", "learn", "train", "validate"]
