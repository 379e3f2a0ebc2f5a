# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What of a DeePMD-kit input the engine knows. Everything else is refused, with its name."""

from dataclasses import dataclass
from typing import Any

#: Keys that change nothing here, or that have a value which means "not used".
IGNORED = {
    "descriptor": {"seed", "precision", "trainable", "type_map"},
    "fitting_net": {"seed", "precision", "trainable", "type_map"},
    "loss": {"type"},
    "model": {"type", "data_stat_protect", "data_bias_nsample"},
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "descriptor": {
        "activation_function": "tanh",
        "exclude_types": [],
        "env_protection": 0.0,
        "set_davg_zero": False,
    },
    "fitting_net": {
        "type": "ener",
        "activation_function": "tanh",
        "numb_fparam": 0,
        "numb_aparam": 0,
        "atom_ener": [],
    },
    "model": {},
    "loss": {},
}
KNOWN = {
    "descriptor": {"type", "rcut", "rcut_smth", "sel", "neuron", "axis_neuron", "resnet_dt", "type_one_side"},
    "fitting_net": {"neuron", "resnet_dt"},
    "model": {"type_map", "descriptor", "fitting_net", "data_stat_nbatch"},
    "loss": {f"{end}_pref_{term}" for end in ("start", "limit") for term in "efv"},
}


@dataclass(frozen=True)
class Architecture:
    """Sizes of a model of T species: radii in angstrom, `sel` (T,) slots per species (empty: not known yet), widths."""

    type_map: tuple[str, ...]
    rcut: float
    rcut_smth: float
    sel: tuple[int, ...]
    embedding: tuple[int, ...]
    axis: int
    embedding_step: bool
    one_side: bool
    fitting: tuple[int, ...]
    fitting_step: bool

    @property
    def species(self) -> int:
        """T, the number of species."""
        return len(self.type_map)

    @property
    def descriptor_length(self) -> int:
        """M axis, the length of a descriptor."""
        return self.embedding[-1] * self.axis


def check(section: str, content: dict[str, Any]) -> None:
    """Raise ValueError if a section of a DeePMD-kit input asks for something that is not known here."""
    for key, value in content.items():
        if key in KNOWN[section] or key in IGNORED[section]:
            continue
        if key not in DEFAULTS[section]:
            raise ValueError(f"train: '{key}' of the section '{section}' is not known here; train it with DeePMD-kit")
        if value != DEFAULTS[section][key]:
            raise ValueError(
                f"train: '{key}' of the section '{section}' is {value!r} where only {DEFAULTS[section][key]!r} is known "
                "here; train it with DeePMD-kit"
            )


def read_architecture(model: dict[str, Any]) -> Architecture:
    """Return the architecture that the section `model` of a DeePMD-kit input describes. Raises ValueError."""
    descriptor, fitting = model["descriptor"], model["fitting_net"]
    for section, content in (("model", model), ("descriptor", descriptor), ("fitting_net", fitting)):
        check(section, content)
    if descriptor["type"] not in ("se_e2_a", "se_a"):
        raise ValueError(
            f"train: the descriptor is '{descriptor['type']}'; only se_e2_a is known, train it with DeePMD-kit"
        )
    if descriptor.get("sel") != "auto" and not isinstance(descriptor.get("sel"), list):
        raise ValueError("train: 'sel' is neither a list nor 'auto'; give the numbers of slots per species")
    architecture = Architecture(
        type_map=tuple(model["type_map"]),
        rcut=float(descriptor.get("rcut", 6.0)),
        rcut_smth=float(descriptor.get("rcut_smth", 0.5)),
        sel=() if descriptor["sel"] == "auto" else tuple(descriptor["sel"]),
        embedding=tuple(descriptor.get("neuron", (10, 20, 40))),
        axis=descriptor.get("axis_neuron", 4),
        embedding_step=descriptor.get("resnet_dt", False),
        one_side=descriptor.get("type_one_side", False),
        fitting=tuple(fitting.get("neuron", (120, 120, 120))),
        fitting_step=fitting.get("resnet_dt", True),
    )
    widths = (architecture.descriptor_length, *architecture.fitting)
    for index, (before, after) in enumerate(zip(widths, widths[1:], strict=False)):
        if after == 2 * before or (index == 0 and after == before):
            raise ValueError(
                f"train: hidden layer {index} of the fitting net goes from width {before} to {after}, which the "
                "backends of DeePMD-kit treat differently; choose another width"
            )
    return architecture
