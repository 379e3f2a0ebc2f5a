# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Where a test names no platform, the CPU platform is meant: OpenMM ranks OpenCL above it, also where OpenCL is PoCL on a processor."""

import os

os.environ.setdefault("OPENMM_DEFAULT_PLATFORM", "CPU")
