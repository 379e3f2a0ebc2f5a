# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Contexts, committees and reinitialisations give back every object of OpenCL they take, counted call by call.

What else a driver keeps of compiled kernels is its own: PoCL 3.1 keeps some 60 KiB per Context of OpenMM alone.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from force_support import PlatformCase

SUPPORT = Path(__file__).parents[1] / "support"

PROGRAM = """
import ctypes, gc, json, sys
import openmm
from force_support import PlatformCase, load_structure, make_system
from test_faults import small_model

held, returned = (ctypes.c_long * 6)(), (ctypes.c_long * 6)()

def count():
    gc.collect()
    ctypes.CDLL(None).countOpenclObjects(held, returned)
    return list(held), list(returned)

case = PlatformCase("OpenCL", "mixed")
positions, types, box = load_structure()
types = [kind % 3 for kind in types]
model = small_model()
found = [count()]

def use(keep):
    system, force = make_system(model, types, box, case)
    force.addCommitteeModel(model)
    context = case.context(system, positions)
    context.getIntegrator().step(2)
    force.computeModelDeviation(context)
    force.computeParticleEnergies(context)
    found.append(count())
    context.reinitialize(True)
    context.getState(energy=True, forces=True)
    found.append(count())
    if keep == "error":
        context.setPositions([p * float("nan") for p in positions])
        try:
            context.getState(forces=True)
        except openmm.OpenMMException as error:
            assert "atom 0 is (nan" in str(error)
        else:
            raise AssertionError("no error")

for keep in ("nothing", "error"):
    use(keep)
    found.append(count())
print(json.dumps(found))
"""


@pytest.mark.skipif(not PlatformCase("OpenCL", "mixed").present, reason="no OpenCL platform")
@pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("cc") is None, reason="needs a C compiler and LD_PRELOAD"
)
def test_every_object_is_released(tmp_path):
    library = tmp_path / "opencl_objects.so"
    command = [
        "cc",
        *"-shared -fPIC -Wall -Werror -Wl,--no-as-needed -o".split(),
        library,
        SUPPORT / "opencl_objects.c",
    ]
    subprocess.run([*command, "-lOpenCL", "-ldl"], check=True)
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "LD_PRELOAD": str(library), "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert result.returncode == 0, result.stderr
    begin, first, again, end, second, _, last = json.loads(result.stdout.splitlines()[-1])
    nothing = [0] * 6
    assert begin[0] == end[0] == last[0] == nothing
    # Contexts, queues, programs, kernels, memory: all were there, so counting works. OpenMM drops programs once they have given their kernels.
    assert all(number > 0 for number in first[1][:5])
    assert all(first[0][kind] > 0 for kind in (0, 1, 3, 4))
    assert again[0] == first[0]  # after reinitialisation
    assert second[0] == first[0]
    assert all(a > b for a, b in zip(again[1][:5], first[1][:5], strict=True))
