# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""``openmm-lps`` driven by the stand-in of app_support, as a process of its own that tests can stop and kill."""

from app_support import PairEngine
from openmmlps import cli
from openmmlps.app import runner
from openmmlps.protocols import protocol

if __name__ == "__main__":
    runner.engine_for = protocol.engine_for = lambda model: PairEngine()
    cli.main()
