# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""The matrix of golden models: settings only; make_golden.py builds, evaluates and writes them.

Every entry is small (a few kB to some 100 kB per file) and differs from the others in one or two things.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SEL = {4.5: [24, 12, 32], 5.0: [32, 12, 40], 5.7: [40, 16, 52], 6.0: [44, 16, 60]}


@dataclass
class Recipe:
    """One golden model in the serialised form of DeePMD-kit, with random weights from a seed.

    mean: davg of the radial component for each type; scale: factor on the embedding weights (drives activations into their
    tails); descriptor, fitting, model: changes to the serialised dictionaries or settings; formats: files to write.
    """

    name: str
    about: str
    neuron: list[int] = field(default_factory=lambda: [4, 8])
    axis: int = 4
    fit: list[int] = field(default_factory=lambda: [8, 8])
    one_side: bool = True
    rcut: float = 5.0
    smth: float = 3.5
    mean: tuple[float, ...] = (0.11, 0.07, 0.16)
    scale: float = 1.0
    type_map: tuple[str, ...] = ("Li", "P", "S")
    sel: list[int] | None = None
    precision: str = "float64"
    activation: str = "tanh"
    fit_activation: str | None = None
    descriptor: dict = field(default_factory=dict)
    fitting: dict = field(default_factory=dict)
    model: dict = field(default_factory=dict)
    formats: tuple[str, ...] = ("dp",)
    reference: str = "pt"  # backend whose numbers are stored


# fmt: off
RECIPES = [
    Recipe("one-side", "one embedding per neighbor type, 10-20-40", [10, 20, 40], 4, [16, 16, 16], fitting={"resnet_dt": True},
           formats=("pth", "pb")),
    Recipe("every-format", "as small as possible, in every format that DeePMD-kit writes", [2, 3], 2, [3],
           formats=("dp", "yaml", "pth", "pb", "hlo", "pt2")),
    Recipe("two-side", "one embedding per pair of types", [4, 8, 16], 4, [12, 12], one_side=False, fitting={"resnet_dt": True},
           formats=("pth", "pb")),
    Recipe("wide", "25-50-100, cutoff 6 angstrom", [25, 50, 100], 4, [10, 10], rcut=6.0, smth=5.5),
    Recipe("flat-32-64", "32-64", [32, 64], 4, [8]),
    Recipe("axis-16", "axis_neuron 16", [8, 16, 32], 16, [6, 6]),
    Recipe("not-doubling", "widths 6-9-14 without residuals", [6, 9, 14], 8, [7, 9]),
    Recipe("embedding-timestep", "resnet_dt in the embedding, identity and doubling residuals", [5, 10, 10], 4, [8, 8],
           descriptor={"resnet_dt": True}, fitting={"resnet_dt": True}, formats=("pth", "pb")),
    Recipe("embedding-timestep-plain", "resnet_dt in an embedding with a layer that has no residual", [5, 10, 14], 4, [8, 8],
           descriptor={"resnet_dt": True}, formats=("pb",)),
    Recipe("narrow-first", "first widths 2 and 1: residual on the first layer", [2, 4, 8], 4, [8, 8], formats=("pb",)),
    Recipe("narrow-one", "first width 1: identity residual of s itself", [1, 2, 4], 2, [8, 8], one_side=False),
    Recipe("relu", "relu in both networks", activation="relu", scale=1.5),
    Recipe("relu6", "relu6, driven beyond 6", activation="relu6", scale=5.0, formats=("pb",)),
    Recipe("softplus", "softplus", activation="softplus"),
    Recipe("sigmoid", "sigmoid", activation="sigmoid", formats=("pb",)),
    Recipe("silu", "silu", activation="silu", formats=("pb",)),
    Recipe("silut", "silut:3.0 in the embedding, silut:10.0 in the fitting, driven into the tail", activation="silut:3.0",
           fit_activation="silut:10.0", scale=4.0),
    Recipe("custom-silu", "custom_silu with its default threshold", activation="custom_silu", scale=4.0, formats=("dp",)),
    Recipe("gelu", "gelu", activation="gelu", formats=("pb",)),
    Recipe("gelu-tf", "gelu_tf, the same function as gelu", activation="gelu_tf"),
    Recipe("linear", "no activation in the embedding", activation="none", fit_activation="tanh", formats=("pb",)),
    Recipe("float32", "float32 networks", [8, 16, 32], 4, [16, 16], precision="float32", fitting={"resnet_dt": True},
           formats=("pth", "pb")),
    Recipe("large-mean", "large davg: strong padding", mean=(0.55, 0.8, 0.35), one_side=False),
    Recipe("exclude-types", "exclude_types with davg 0", mean=(0.0, 0.0, 0.0), one_side=False,
           descriptor={"exclude_types": [[0, 0], [1, 2]]}, formats=("pb",)),
    Recipe("exclude-types-padded", "exclude_types with davg: native and PyTorch keep the padding", one_side=True,
           descriptor={"exclude_types": [[0, 0], [1, 2]]}, formats=("pth",)),
    Recipe("pair-exclude-types", "pair_exclude_types with davg", model={"pair_exclude_types": [[0, 1], [2, 2]]},
           formats=("pth",)),
    Recipe("atom-exclude-types", "atom_exclude_types: no energy, still neighbors", model={"atom_exclude_types": [1]}, formats=("pth",)),
    Recipe("atom-ener", "atom_ener for two types of three: vacuum removed", fitting={"atom_ener": [-1.5, None, -3.25]},
           formats=("pb",), reference="tf"),
    Recipe("env-protection", "env_protection 0.1", descriptor={"env_protection": 0.1}, formats=("pth",)),
    Recipe("extra-types", "types in another order, unused types, one of them without slots",
           type_map=("Si", "S", "Li", "Ge", "P", "O"), sel=[4, 40, 32, 0, 12, 6], mean=(0.2, 0.1, 0.15, 0.05, 0.08, 0.3)),
    Recipe("cutoff-rounding", "cutoffs that float32 cannot hold, in double", rcut=5.7, smth=1.8),
    Recipe("fitting-residuals", "fitting widths where PyTorch adds residuals and TensorFlow does not", [4, 8], 2, [16, 32, 32],
           fitting={"resnet_dt": True}, formats=("pth",)),
]
# fmt: on

# The same weights as another recipe, in a TensorFlow graph that follows rules of its own, so that the energy differs.
GRAPHS = {
    "cutoff-rounding-tf": ("cutoff-rounding", "cutoffs that float32 cannot hold, rounded as TensorFlow does"),
    "fitting-residuals-tf": (
        "fitting-residuals",
        "fitting widths where PyTorch adds residuals and TensorFlow does not",
    ),
    "exclude-types-padded-tf": ("exclude-types-padded", "exclude_types with davg: TensorFlow drops the padding"),
}
