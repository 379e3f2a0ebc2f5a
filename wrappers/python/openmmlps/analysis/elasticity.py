# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
r"""Elastic constants from stresses of strained cells, their symmetry, and polycrystalline averages.

Voigt order xx, yy, zz, yz, xz, xy; shear strains are engineering strains (gamma = 2 epsilon); stresses are positive in
tension, so that :math:`\sigma_i = C_{ij} \epsilon_j`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

#: rotations that generate each class; axes x, y, z of a cell with a along x, b in the xy plane (monoclinic: unique axis b)
SYMMETRIES = ("triclinic", "monoclinic", "orthorhombic", "trigonal", "tetragonal", "hexagonal", "cubic", "isotropic")
_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


@dataclass(frozen=True)
class Moduli:
    """Voigt, Reuss and Hill averages of an elastic tensor."""

    bulk_voigt_GPa: float
    bulk_reuss_GPa: float
    shear_voigt_GPa: float
    shear_reuss_GPa: float

    @property
    def bulk_GPa(self) -> float:
        """Hill: mean of Voigt and Reuss."""
        return (self.bulk_voigt_GPa + self.bulk_reuss_GPa) / 2

    @property
    def shear_GPa(self) -> float:
        """Hill: mean of Voigt and Reuss."""
        return (self.shear_voigt_GPa + self.shear_reuss_GPa) / 2

    @property
    def young_GPa(self) -> float:
        """E = 1 / (1 / (3 G) + 1 / (9 B))."""
        return 1 / (1 / (3 * self.shear_GPa) + 1 / (9 * self.bulk_GPa))

    @property
    def poisson_ratio(self) -> float:
        """Ratio nu = (1 - 3 G / (3 B + G)) / 2."""
        return (1 - 3 * self.shear_GPa / (3 * self.bulk_GPa + self.shear_GPa)) / 2

    @property
    def anisotropy(self) -> float:
        """Universal index 5 G_V / G_R + B_V / B_R - 6; 0 if isotropic (Ranganathan and Ostoja-Starzewski 2008)."""
        return 5 * self.shear_voigt_GPa / self.shear_reuss_GPa + self.bulk_voigt_GPa / self.bulk_reuss_GPa - 6


def strain_tensor(component: int, amount: float) -> np.ndarray:
    """Symmetric strain of one component.

    Parameters
    ----------
    component : int
        in Voigt order, 0 to 5
    amount : float
        engineering strain

    Returns
    -------
    np.ndarray
        [3, 3]
    """
    strain = np.zeros((3, 3))
    i, j = _VOIGT[component]
    strain[i, j] += amount / 2
    strain[j, i] += amount / 2
    return strain


def elastic_constants(stresses_plus: ArrayLike, stresses_minus: ArrayLike, strain: float) -> np.ndarray:
    """Elastic tensor by central differences.

    Parameters
    ----------
    stresses_plus : array_like, [6, 3, 3]
        stress of the cell strained by +strain in each Voigt component, GPa, positive in tension
    stresses_minus : array_like, [6, 3, 3]
        by -strain
    strain : float
        engineering strain

    Returns
    -------
    np.ndarray
        [6, 6] GPa, not symmetrised: its asymmetry tells how good it is

    Raises
    ------
    ValueError
        wrong shapes or strain
    """
    plus, minus = np.asarray(stresses_plus, dtype=float), np.asarray(stresses_minus, dtype=float)
    if plus.shape != (6, 3, 3) or minus.shape != (6, 3, 3) or not strain > 0:
        raise ValueError(
            f"elastic_constants: stresses have shapes {plus.shape} and {minus.shape} at strain {strain}; give [6, 3, 3] each and a "
            "positive strain"
        )
    difference = (plus - minus) / (2 * strain)
    return np.array([[difference[j][a, b] for j in range(6)] for a, b in _VOIGT])


def symmetrize(constants: ArrayLike, symmetry: str) -> np.ndarray:
    """Average an elastic tensor over the rotations of a crystal class, and over C_ij = C_ji.

    Parameters
    ----------
    constants : array_like, [6, 6]
        GPa
    symmetry : str
        one of SYMMETRIES; 'isotropic' keeps the Voigt averages of bulk and shear modulus

    Returns
    -------
    np.ndarray
        [6, 6] GPa

    Raises
    ------
    ValueError
        unknown symmetry
    """
    averaged = _symmetric(constants)
    if symmetry not in SYMMETRIES:
        raise ValueError(f"symmetrize: symmetry is '{symmetry}'; use one of {', '.join(SYMMETRIES)}")
    if symmetry == "isotropic":
        bulk, shear = _voigt(averaged)
        found = np.diag([2 * shear] * 3 + [shear] * 3)
        found[:3, :3] += bulk - 2 * shear / 3
        return found
    tensor = _full(averaged)
    rotations = _group(symmetry)
    mean = sum(np.einsum("ai,bj,ck,dl,ijkl->abcd", g, g, g, g, tensor) for g in rotations) / len(rotations)
    return np.array([[mean[a + b] for b in _VOIGT] for a in _VOIGT])


def voigt_reuss_hill(constants: ArrayLike) -> Moduli:
    """Moduli of an isotropic aggregate.

    B_V = (C11 + C22 + C33 + 2 (C12 + C13 + C23)) / 9,
    G_V = (C11 + C22 + C33 - (C12 + C13 + C23) + 3 (C44 + C55 + C66)) / 15,
    B_R = 1 / (S11 + S22 + S33 + 2 (S12 + S13 + S23)),
    G_R = 15 / (4 (S11 + S22 + S33) - 4 (S12 + S13 + S23) + 3 (S44 + S55 + S66)), with S the inverse of C.

    Parameters
    ----------
    constants : array_like, [6, 6]
        GPa, symmetric

    Returns
    -------
    Moduli
        GPa

    Raises
    ------
    ValueError
        the tensor is not positive definite, so the crystal is unstable
    """
    stiffness = _symmetric(constants)
    lowest = float(np.linalg.eigvalsh(stiffness).min())
    if not lowest > 0:
        raise ValueError(
            f"voigt_reuss_hill: the elastic tensor has the eigenvalue {lowest:.3g} GPa, so the structure is unstable; relax it "
            "further, or average longer"
        )
    bulk, shear = _voigt(stiffness)
    compliance = np.linalg.inv(stiffness)
    diagonal, mixed = np.trace(compliance[:3, :3]), compliance[0, 1] + compliance[0, 2] + compliance[1, 2]
    reuss_bulk = 1 / (diagonal + 2 * mixed)
    reuss_shear = 15 / (4 * diagonal - 4 * mixed + 3 * np.trace(compliance[3:, 3:]))
    return Moduli(float(bulk), float(reuss_bulk), float(shear), float(reuss_shear))


def young_in_direction(constants: ArrayLike, directions: ArrayLike) -> np.ndarray:
    """Young's modulus of a crystal pulled along a direction.

    1 / E(n) = S_ijkl n_i n_j n_k n_l (Nye, Physical Properties of Crystals).

    Parameters
    ----------
    constants : array_like, [6, 6]
        GPa
    directions : array_like, [n, 3]
        of any length but 0

    Returns
    -------
    np.ndarray
        [n] GPa

    Raises
    ------
    ValueError
        a direction without length, or a tensor without an inverse
    """
    vectors = np.atleast_2d(np.asarray(directions, dtype=float))
    lengths = np.linalg.norm(vectors, axis=1)
    if vectors.shape[1:] != (3,) or not (lengths > 0).all():
        raise ValueError("young_in_direction: a direction has no length; give vectors [n, 3]")
    try:
        compliance = np.linalg.inv(_symmetric(constants))
    except np.linalg.LinAlgError:
        raise ValueError("young_in_direction: the elastic tensor has no inverse; the structure is unstable") from None
    unit = vectors / lengths[:, None]
    stress = np.array([unit[:, i] * unit[:, j] for i, j in _VOIGT])  # of a unit pull
    return 1 / np.einsum("in,ij,jn->n", stress, compliance, stress)


def _symmetric(constants: ArrayLike) -> np.ndarray:
    tensor = np.asarray(constants, dtype=float)
    return (tensor + tensor.T) / 2


def _voigt(constants: np.ndarray) -> tuple[float, float]:
    diagonal, mixed = np.trace(constants[:3, :3]), constants[0, 1] + constants[0, 2] + constants[1, 2]
    return (diagonal + 2 * mixed) / 9, (diagonal - mixed + 3 * np.trace(constants[3:, 3:])) / 15


def _full(constants: np.ndarray) -> np.ndarray:
    """[3, 3, 3, 3] from [6, 6]."""
    number = np.zeros((3, 3), dtype=int)
    for index, (i, j) in enumerate(_VOIGT):
        number[i, j] = number[j, i] = index
    return constants[number[:, :, None, None], number[None, None]]


def _group(symmetry: str) -> list[np.ndarray]:
    """All rotations generated by those of the class."""
    axes = {"x": (1, 0, 0), "y": (0, 1, 0), "z": (0, 0, 1), "d": (1, 1, 1)}
    generators = {
        "triclinic": (),
        "monoclinic": (("y", 2),),
        "orthorhombic": (("z", 2), ("x", 2)),
        "trigonal": (("z", 3), ("x", 2)),
        "tetragonal": (("z", 4), ("x", 2)),
        "hexagonal": (("z", 6), ("x", 2)),
        "cubic": (("z", 4), ("d", 3)),
    }[symmetry]
    found, fresh = [np.eye(3)], [np.eye(3)]
    turns = [_rotation(axes[axis], 2 * np.pi / order) for axis, order in generators]
    while fresh:
        products = [turn @ element for turn in turns for element in fresh]
        fresh = []
        for product in products:
            if not any(np.allclose(product, known) for known in found):
                found.append(product)
                fresh.append(product)
    return found


def _rotation(axis: Sequence[float], angle: float) -> np.ndarray:
    from scipy.spatial.transform import Rotation

    vector = np.array(axis, dtype=float)
    return Rotation.from_rotvec(angle * vector / np.linalg.norm(vector)).as_matrix()
