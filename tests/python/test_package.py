# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Importing the package: version check, plugin loading."""

import os
import subprocess
import sys

import openmm
import pytest

import openmmlps
from openmmlps._plugins import check_openmm_version


def run(script, **environment):
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_version():
    parts = openmmlps.__version__.split(".")
    assert len(parts) == 3 and all(part.isdigit() for part in parts)


def test_kernels_are_registered():
    for name in ("Reference", "CPU"):
        assert openmm.Platform.getPlatformByName(name).supportsKernels(["CalcLPSForce"])
    # OpenMM's CUDA platform may be installed without a driver; then it does not load, and ours for it neither.
    present = [openmm.Platform.getPlatform(i).getName() for i in range(openmm.Platform.getNumPlatforms())]
    absent = [name for name in ("OpenCL", "CUDA", "HIP") if name not in present]
    failures = [
        message for message in openmmlps.pluginLoadFailures if not any(f"OpenMMLPS{name}" in message for name in absent)
    ]
    assert failures == []


def test_openmm_loads_the_plugin_by_itself():
    script = "import openmm; print(openmm.Platform.getPlatformByName('Reference').supportsKernels(['CalcLPSForce']))"
    assert run(script).stdout.strip() == "True"


def test_import_loads_the_plugin_where_openmm_does_not(tmp_path):
    script = (
        "import openmm; reference = openmm.Platform.getPlatformByName('Reference')\n"
        "print(reference.supportsKernels(['CalcLPSForce']))\n"
        "import openmmlps; print(reference.supportsKernels(['CalcLPSForce']))"
    )
    assert run(script, OPENMM_PLUGIN_DIR=str(tmp_path)).stdout.split() == ["False", "True"]


@pytest.mark.parametrize("present", ["8.6", "8.6.1", "8.6.1.dev-abc"])
def test_same_minor_version(present):
    check_openmm_version("8.6", present)


@pytest.mark.parametrize("present", ["8.5.2", "8.7", "9.6.0", "8.60"])
def test_other_minor_version(present):
    with pytest.raises(
        ImportError, match=f"openmmlps: this build is for OpenMM 8.6, but OpenMM {present} is installed"
    ):
        check_openmm_version("8.6", present)


def test_import_under_another_openmm_is_one_clear_sentence():
    """The check comes before anything binary is loaded."""
    script = "import openmm; openmm.Platform.getOpenMMVersion = staticmethod(lambda: '8.9.0'); import openmmlps"
    result = run(script)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("ImportError: openmmlps: this build is for OpenMM ")


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="module 'openmmlps' has no attribute 'nonsense'"):
        _ = openmmlps.nonsense
