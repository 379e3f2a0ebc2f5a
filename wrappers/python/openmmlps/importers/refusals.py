# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""What openmm-lps does not evaluate: collected over the whole model, then reported in one message."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from .source import SUPPORTED, ModelImportError, Source, quote

DESCRIPTORS = {"se_e2_a", "se_a"}
FITTINGS = {"ener"}
MOST_FEATURES = 20  # in one message


class Refusals:
    """Features found in a file that change the energy in a way openmm-lps does not know."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.features: list[str] = []
        self.advice: list[str] = []

    def add(self, feature: str, advice: str | None = None) -> None:
        """Note one feature, with advice of its own where the general advice would not help."""
        if feature not in self.features and len(self.features) < MOST_FEATURES:
            self.features.append(feature)
            if advice and advice not in self.advice:
                self.advice.append(advice)

    def check(self) -> None:
        """Raise one ModelImportError that names every feature noted, or return if there is none."""
        if self.features:
            advice = (
                " ".join(self.advice) if len(self.advice) == len(self.features) else " ".join([*self.advice, SUPPORTED])
            )
            raise ModelImportError(
                f"import filter: '{self.source.name}' is not supported: {', '.join(self.features)}. {advice}"
            )

    @contextlib.contextmanager
    def before_faults(self) -> Iterator[None]:
        """Name the features noted in a block at its end, also when the block finds a fault.

        A foreign model rarely has what an se_e2_a model has: what is missing is no damage, but what the feature means.
        """
        try:
            yield
        except ModelImportError:
            self.check()
            raise
        self.check()

    def model_type(self, kind: object) -> bool:
        """Note a model type other than a plain one. Returns whether it is plain."""
        plain = kind is None or (isinstance(kind, str) and kind in ("standard", "ener", ""))
        if not plain:
            self.add(f"model type {quote(kind)} (only 'standard' energy models)")
        return plain

    def descriptor_type(self, kind: object) -> bool:
        """Note a descriptor other than se_e2_a. Returns whether it is se_e2_a."""
        if not isinstance(kind, str) or kind not in DESCRIPTORS:
            self.add(f"descriptor {quote(kind)} (only se_e2_a)")
            return False
        return True

    def fitting_type(self, kind: object) -> bool:
        """Note a fitting other than the energy. Returns whether it is the energy."""
        if not isinstance(kind, str) or kind not in FITTINGS:
            self.add(f"fitting {quote(kind)} (only 'ener')")
            return False
        return True

    def version(self, what: str, version: object, first: int, last: int) -> None:
        """Note a serialisation version outside [first, last]."""
        if isinstance(version, bool) or not isinstance(version, (int, float)) or not first <= version <= last:
            self.add(
                f"{what} @version {quote(version)} (known: {first} to {last})",
                "A newer openmm-lps may read it; or convert the model with an older DeePMD-kit.",
            )

    def precision(self, what: str, precision: object) -> str:
        """Normalize a precision name to float64 or float32; note any other."""
        if isinstance(precision, str) and precision in ("default", "float64", "double"):
            return "float64"
        if isinstance(precision, str) and precision == "float32":
            return "float32"
        self.add(f"{what} precision {quote(precision)} (only float64 and float32)")
        return "float64"
