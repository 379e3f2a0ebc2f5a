# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Protocols: from a composition or a crystal to glasses, transport coefficients, elastic constants and relaxed cells.

Each is a sequence of runs of :mod:`openmmlps.app` in one folder, can be taken up after a kill, and has its numbers in a
TOML file:

    quench.start("glass", QuenchSettings.make("quick", composition="75"))
    transport.start("glass-transport", TransportSettings.make("quick", structure="glass"))

One page per protocol: docs/protocols.
"""

from .elastic import ElasticSettings, elastic
from .protocol import Protocol
from .protocol_folder import is_protocol
from .quench import QuenchSettings, quench
from .relax import RelaxSettings, relax
from .sequence import ProtocolResult
from .thermal import ThermalSettings, thermal
from .transport import TransportSettings, transport

__all__ = [
    "ElasticSettings",
    "Protocol",
    "ProtocolResult",
    "QuenchSettings",
    "RelaxSettings",
    "ThermalSettings",
    "TransportSettings",
    "elastic",
    "is_protocol",
    "quench",
    "relax",
    "thermal",
    "transport",
]
