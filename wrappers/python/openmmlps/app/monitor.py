# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The one channel through which runs and protocols say where they are."""

from __future__ import annotations

from collections.abc import Mapping


class Monitor:
    """Receives what a run or a protocol has to say; this one keeps silent."""

    def message(self, text: str) -> None:
        """Take a sentence about what happens."""

    def stage(self, name: str, number: int, total: int) -> None:
        """Stage `number` (from 1) of `total` of a protocol begins."""

    def begin(self, total_steps: int, step: int, timestep: float, details: Mapping[str, str]) -> None:
        """The integration of a run starts.

        Parameters
        ----------
        total_steps, step : int
            of the whole run, and where it is
        timestep : float
            ps
        details : mapping
            'platform', 'atoms', 'formula', 'ensemble'
        """

    def progress(
        self, step: int, total_steps: int, ns_per_day: float, seconds_left: float | None, values: Mapping[str, float]
    ) -> None:
        """The integration goes on; values: the latest line of thermo.csv by column, or empty."""
