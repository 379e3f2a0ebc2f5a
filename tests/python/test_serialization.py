# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Systems with an LPSForce as XML, pickle and copy: the model travels inside."""

import copy
import pickle
import subprocess
import sys

import pytest
from openmm import XmlSerializer

from force_support import MODEL_FILE, energy, load_structure, make_system, on_every_platform
from openmmlps import LPSForce, LPSModel


@pytest.fixture
def system():
    _, types, box = load_structure()
    system, _ = make_system(LPSModel(MODEL_FILE), types, box)
    return system


@on_every_platform
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda s: XmlSerializer.deserialize(XmlSerializer.serialize(s))])
def test_copied_system_has_the_same_energy(case, duplicate, system):
    positions, _, _ = load_structure()
    expected = energy(case.context(system, positions))
    assert energy(case.context(duplicate(system), positions)) == pytest.approx(expected, abs=1e-6)


def test_pickled_system(system):
    again = pickle.loads(pickle.dumps(system))
    assert LPSForce.cast(again.getForce(0)).getModel() == LPSModel(MODEL_FILE)


def test_pickled_force(system):
    force = LPSForce.cast(system.getForce(0))
    again = pickle.loads(pickle.dumps(force))
    assert type(again) is LPSForce and again.thisown
    assert again.getNumParticles() == force.getNumParticles()


def test_needs_no_import_of_openmmlps(system, tmp_path):
    """OpenMM's own plugin loading finds the installed libraries."""
    (tmp_path / "system.xml").write_text(XmlSerializer.serialize(system))
    script = (
        "import sys, openmm\n"
        "system = openmm.XmlSerializer.deserialize(open('system.xml').read())\n"
        "openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName('Reference'))\n"
        "assert 'openmmlps' not in sys.modules\n"
        "print(system.getForce(0).getName())\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.stdout.strip() == "LPSForce", result.stderr
