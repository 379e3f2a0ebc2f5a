# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Thermal conductivity by Green and Kubo: mean cell at constant pressure, then NVE at that cell with the heat current."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from openmmlps._settings import setting

from .production import ProductionSettings, production_stages, read_mobile_start
from .protocol import Protocol
from .starts import Start, read_start


@dataclass(frozen=True)
class ThermalSettings(ProductionSettings):
    """Settings of :data:`thermal`."""

    replicas: int = setting(4, "runs at each temperature; glasses of a quench are taken in turn", low=1)
    onsager: bool = setting(True, "take out what the flux of the mobile ions carries; false: nothing diffuses")
    current_interval_fs: float = setting(
        20.0, "fs between lines of heat-current.csv; half its inverse is the highest frequency seen", above=0
    )
    highest_THz: float = setting(20.0, "THz, end of the cepstral analysis; above all vibrations", above=0)
    longest_lag_ps: float = setting(5.0, "ps, end of the Green-Kubo integral", above=0)

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {
            "replicas": 1,
            "cell_time_ps": 20.0,
            "equilibration_time_ps": 5.0,
            "production_time_ps": (100.0,),
            "longest_lag_ps": 2.0,
        },
        "standard": {},
    }

    def problems(self) -> Iterator[str]:
        """Say what does not fit together."""
        yield from super().problems()
        if self.highest_THz > 500 / self.current_interval_fs:
            yield (
                f"highest_THz is {self.highest_THz:g}, but a current every {self.current_interval_fs:g} fs ends at "
                f"{500 / self.current_interval_fs:g} THz; lower one of them"
            )

    @property
    def production_changes(self) -> dict[str, Any]:
        """The heat current is written."""
        return {"heat_current_interval": self.steps(self.current_interval_fs / 1000)}


def _read_start(settings: ThermalSettings) -> Start:
    return read_mobile_start(settings) if settings.onsager else read_start(settings)


#: thermal conductivity; T300/replica-1/production and so on hold heat-current.csv
thermal = Protocol(ThermalSettings, _read_start, production_stages)
