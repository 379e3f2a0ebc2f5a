# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Elastic constants: differences, symmetry, averages."""

import numpy as np
import pytest

from openmmlps import analysis
from openmmlps.analysis.elasticity import SYMMETRIES

CUBIC = (
    np.diag([3.0, 3.0, 3.0, 1.3, 1.3, 1.3]) * 10 + np.pad(np.full((3, 3), 11.0), (0, 3)) - np.diag([11.0] * 3 + [0] * 3)
)


def test_central_differences_recover_the_tensor():
    random = np.random.default_rng(1)
    tensor = random.normal(size=(6, 6))
    tensor = tensor + tensor.T
    voigt = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]

    def stress(component, amount):
        strain = analysis.strain_tensor(component, amount)
        vector = np.array([strain[i, j] * (1 if i == j else 2) for i, j in voigt])
        values = tensor @ vector + 5.0  # a constant stress drops out
        full = np.empty((3, 3))
        for value, (i, j) in zip(values, voigt, strict=True):
            full[i, j] = full[j, i] = value
        return full

    plus, minus = ([stress(component, sign * 0.01) for component in range(6)] for sign in (1, -1))
    assert np.allclose(analysis.elastic_constants(plus, minus, 0.01), tensor)
    with pytest.raises(ValueError, match=r"stresses have shapes \(5, 3, 3\)"):
        analysis.elastic_constants(plus[:5], minus[:5], 0.01)


@pytest.mark.parametrize(("symmetry", "independent"), list(zip(SYMMETRIES, (21, 13, 9, 6, 6, 5, 3, 2), strict=True)))
def test_number_of_independent_constants(symmetry, independent):
    random = np.random.default_rng(2)
    found = []
    for _ in range(30):
        tensor = random.normal(size=(6, 6))
        found.append(analysis.symmetrize(tensor, symmetry)[np.triu_indices(6)])
    assert np.linalg.matrix_rank(np.array(found), tol=1e-8) == independent
    once = analysis.symmetrize(random.normal(size=(6, 6)), symmetry)
    assert np.allclose(analysis.symmetrize(once, symmetry), once)


def test_symmetry_leaves_a_cubic_crystal_alone():
    for symmetry in ("triclinic", "orthorhombic", "tetragonal", "cubic"):
        assert np.allclose(analysis.symmetrize(CUBIC, symmetry), CUBIC)
    with pytest.raises(ValueError, match="symmetry is 'round'; use one of triclinic"):
        analysis.symmetrize(CUBIC, "round")


def test_isotropic_average_keeps_the_voigt_moduli():
    before, after = (analysis.voigt_reuss_hill(c) for c in (CUBIC, analysis.symmetrize(CUBIC, "isotropic")))
    assert after.bulk_voigt_GPa == pytest.approx(before.bulk_voigt_GPa)
    assert after.shear_voigt_GPa == pytest.approx(before.shear_voigt_GPa)
    assert after.anisotropy == pytest.approx(0, abs=1e-12)


def test_moduli_of_a_cubic_crystal():
    """C11 = 30, C12 = 11, C44 = 13 GPa: closed forms of the cubic class."""
    moduli = analysis.voigt_reuss_hill(CUBIC)
    assert moduli.bulk_GPa == pytest.approx((30 + 22) / 3)
    assert moduli.shear_voigt_GPa == pytest.approx((30 - 11 + 3 * 13) / 5)
    assert moduli.shear_reuss_GPa == pytest.approx(5 * (30 - 11) * 13 / (4 * 13 + 3 * (30 - 11)))
    bulk, shear = moduli.bulk_GPa, moduli.shear_GPa
    assert moduli.young_GPa == pytest.approx(9 * bulk * shear / (3 * bulk + shear))
    assert moduli.poisson_ratio == pytest.approx((3 * bulk - 2 * shear) / (2 * (3 * bulk + shear)))


def test_published_moduli_are_consistent_with_the_definitions():
    """E and nu of Zhou et al. follow from their B and G (glass with 75 % Li2S: 18.61, 8.39 -> 21.89, 0.30)."""
    moduli = analysis.Moduli(18.61, 18.61, 8.39, 8.39)
    assert moduli.young_GPa == pytest.approx(21.89, abs=0.01)
    assert moduli.poisson_ratio == pytest.approx(0.30, abs=0.005)


def test_unstable_crystal_is_refused():
    tensor = CUBIC.copy()
    tensor[3, 3] = -2
    with pytest.raises(ValueError, match="the elastic tensor has the eigenvalue -2 GPa, so the structure is unstable"):
        analysis.voigt_reuss_hill(tensor)


def test_young_in_direction():
    isotropic = analysis.symmetrize(CUBIC, "isotropic")
    random = np.random.default_rng(3).normal(size=(20, 3))
    np.testing.assert_allclose(
        analysis.young_in_direction(isotropic, random), analysis.voigt_reuss_hill(isotropic).young_GPa
    )
    s = np.linalg.inv(CUBIC)
    x, y, z = random.T / np.linalg.norm(random, axis=1)
    nye = s[0, 0] - 2 * (s[0, 0] - s[0, 1] - s[3, 3] / 2) * (x**2 * y**2 + y**2 * z**2 + z**2 * x**2)
    np.testing.assert_allclose(analysis.young_in_direction(CUBIC, random), 1 / nye)
    with pytest.raises(ValueError, match="a direction has no length"):
        analysis.young_in_direction(CUBIC, [[0, 0, 0]])
    with pytest.raises(ValueError, match="has no inverse; the structure is unstable"):
        analysis.young_in_direction(np.zeros((6, 6)), [[1, 0, 0]])
