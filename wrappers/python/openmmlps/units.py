# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Unit conversions, each once: OpenMM's units (nm, ps, kJ/mol, amu), the model's (Å, eV), and those of papers.

All follow from constants that are exact since the SI of 2019 (e, N_A, k_B), as :mod:`scipy.constants` gives them.
"""

from scipy.constants import Avogadro, Boltzmann, elementary_charge

#: kJ/mol in one eV
KJ_PER_MOL_PER_EV = elementary_charge * Avogadro / 1000
#: GPa in one eV/Å^3
GPA_PER_EV_PER_ANGSTROM3 = elementary_charge * 1e21
#: kJ/mol/K, the gas constant
GAS_CONSTANT = Boltzmann * Avogadro / 1000
#: bar in one kJ/mol/nm^3
BAR_PER_KJ_PER_MOL_PER_NM3 = 1e25 / Avogadro
#: g/cm^3 in one amu/nm^3
GRAM_PER_CM3_PER_AMU_PER_NM3 = 1e21 / Avogadro

ANGSTROM_PER_NM = 10.0
#: W/m/K in one kJ/mol/nm/ps/K
WATT_PER_M_K = 1e24 / Avogadro
