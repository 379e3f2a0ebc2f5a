# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Processes forked after a calculator, a Committee or a Context was used: the right result or a clear error, never a hang."""

import os
import subprocess
import sys

import pytest

from force_support import MODEL_FILE

PREAMBLE = f"""
import os, signal, sys, warnings
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
import ase.io, openmm, openmmlps
from ase.build import bulk
from openmmlps.ase import LPSCalculator

MODEL = {str(MODEL_FILE)!r}
atoms = bulk("Li", cubic=True, a=3.5).repeat(2)

def calculator(**options):
    return LPSCalculator(MODEL, threads=2, **options)

def context(platform, committee=False):
    system, force = openmm.System(), openmmlps.LPSForce(openmmlps.LPSModel(MODEL))
    system.setDefaultPeriodicBoxVectors(*(atoms.cell[:] / 10))
    for _ in atoms:
        force.addParticle(system.addParticle(7.0), 0)
    if committee:
        force.addCommitteeModel(openmmlps.LPSModel(MODEL))
    system.addForce(force)
    result = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName(platform))
    result.setPositions(atoms.get_positions() / 10)
    return force, result

def in_child(task):
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        try:
            task()
        except BaseException as error:
            print(type(error).__name__, error)
            sys.stdout.flush()
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print("child ended with", status)
"""


def run(script):
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("options", ["", "platform='CPU'", "platform='Reference'"])
def test_a_calculator_works_in_a_forked_process(options):
    script = f"""
atoms.calc = calculator({options})
energy = atoms.get_potential_energy()
def use():
    atoms.calc.reset()
    assert abs(atoms.get_potential_energy() - energy) < 1e-12
    atoms.calc.reset()
    atoms.get_forces()
def drop():
    atoms.calc = None
in_child(use)
in_child(drop)
use()
child = os.fork()
if child == 0:
    signal.alarm(10)
    sys.exit(0)
print("child ended with", os.waitpid(child, 0)[1])
"""
    assert run(script).count("child ended with 0") == 3


def test_a_pool_of_forked_processes_works():
    script = """
import multiprocessing
atoms.calc = calculator()
energy = atoms.get_potential_energy()
def task(index):
    atoms.calc.reset()
    return atoms.get_potential_energy()
signal.alarm(30)
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(max(abs(value - energy) for value in pool.map(task, range(4))) < 1e-12)
"""
    assert run(script) == "True\n"


@pytest.mark.parametrize(
    "task",
    [
        "context.getIntegrator().step(1)",
        "force.computeVirial(context)",
        "force.computeParticleEnergies(context)",
        "force.updateParametersInContext(context)",
        "force.computeModelDeviation(context)",
    ],
)
def test_a_context_says_that_it_does_not_outlive_a_fork(task):
    script = f"""
force, context = context("CPU", committee=True)
context.getState(energy=True)
force.computeModelDeviation(context)
in_child(lambda: {task})
"""
    lines = run(script).splitlines()
    assert lines[0].startswith(
        "OpenMMException LPSForce: the Context was made on the CPU platform before this process was forked"
    )
    assert lines[1] == "child ended with 256"


def test_a_context_of_the_reference_platform_works_in_a_forked_process():
    script = """
force, context = context("Reference", committee=True)
force.computeModelDeviation(context)
def use():
    context.getIntegrator().step(1)
    force.computeModelDeviation(context)
in_child(use)
"""
    assert run(script) == "child ended with 0\n"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity masks on this system")
def test_threads_follow_the_environment_and_the_affinity_mask():
    script = """
from openmmlps.openmmlps import CoreEvaluator
def threads(asked=0):
    return CoreEvaluator(openmmlps.LPSModel(MODEL), True, True, asked).getNumThreads()
os.environ.pop("OPENMM_CPU_THREADS", None)
os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])
print(threads(), threads(3))
os.environ["OPENMM_CPU_THREADS"] = "5"
print(threads(), threads(3))
os.environ["OPENMM_CPU_THREADS"] = "all"
try:
    threads()
except openmm.OpenMMException as error:
    print(error)
"""
    lines = run(script).splitlines()
    assert lines[:2] == ["1 3", "5 3"]
    assert "OPENMM_CPU_THREADS is 'all'; give a number of threads, or unset it" in lines[2]
