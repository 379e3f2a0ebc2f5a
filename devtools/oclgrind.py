#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Run tests of the OpenCL platform on oclgrind, a simulator that watches every access of every thread.

It finds data races, accesses outside of arrays, barriers that not all threads reach and decisions on values that were
never set. Kernels with a fault put into them (MUTANTS) show that it does. Needs build/venv, from devtools/setup.sh --long.

    devtools/oclgrind.py [single|mixed|double ...]    tests of every kind of device, without an argument all three
    devtools/oclgrind.py mutants                      each fault, which must be found

Logs stand in build/oclgrind. Only what is found in our own kernels counts. Exits with 77 where oclgrind is missing.
"""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("LPS_OCLGRIND_BUILD", SOURCE / "build" / "venv"))
LOGS = SOURCE / "build" / "oclgrind"
KERNELS = SOURCE / "platforms" / "common" / "src" / "kernels"
RUNTIMES = [
    Path(f"/usr/lib/{folder}liboclgrind-rt-icd.so") for folder in ("oclgrind/", "x86_64-linux-gnu/oclgrind/", "")
]

SECONDS = 3600  # a fault may make a kernel run forever
MUTANT_SECONDS = 240

# Tests of every kind of device, and more of lists that grow, of pairs without a table and of cells with one atom.
KIND_TESTS = "*Kinds.matchReference*/cpu:*Kinds.matchReference*/gpusmall:*Kinds.matchReference*/gpularge"
# Not of several devices, whose threads oclgrind does not stand.
MORE_TESTS = "Devices.listGrows*:Devices.atomsNearer*:Devices.oneAtomPerCell*"

TABLES = "*Kinds.matchReference/gpusmall"
NO_TABLES = "*Kinds.matchReferenceWithoutTables/gpusmall"

# Name, text of a kernel, text with the fault, test that meets it.
MUTANTS = [
    ("no barrier after the counts of a group", "counts[groupRow] = count;\n    SYNC_THREADS;", "counts[groupRow] = count;", TABLES),
    ("no barrier before parts are summed", "radialParts[LPS_PART(k, lane)] = radialGradient;\n                }\n                SYNC_THREADS;",
     "radialParts[LPS_PART(k, lane)] = radialGradient;\n                }", TABLES),
    ("no barrier before the product of a layer", "lpsLoadWeights(weightTile, weight + depth * pitch, pitch);\n                SYNC_THREADS;",
     "lpsLoadWeights(weightTile, weight + depth * pitch, pitch);", TABLES),
    ("no barrier after the product of a layer", "lpsMultiplyStep(sum, rowTile, weightTile);\n                SYNC_THREADS;",
     "lpsMultiplyStep(sum, rowTile, weightTile);", TABLES),
    ("no barrier before G is projected", "parts[k] = sum;\n        }\n        SYNC_THREADS;", "parts[k] = sum;\n        }", TABLES),
    ("no barrier in the scan of bins", "sums[from + thread] = sum;\n            SYNC_THREADS;", "sums[from + thread] = sum;", TABLES),
    ("no barrier between stages of the sort", "countAtoms(evaluation, counters, numParticles, posq, posqCorrection, atomIndex, classes, gridCounts, "
     "gridVectors,\n               reference, cells, counts);\n    SYNC_THREADS;", "countAtoms(evaluation, counters, numParticles, posq, "
     "posqCorrection, atomIndex, classes, gridCounts, gridVectors,\n               reference, cells, counts);", TABLES),
    ("a barrier that threads reach unequally often", "first < longest; first += LPS_ROUND_PAIRS", "first < count; first += LPS_ROUND_PAIRS", TABLES),
    ("forces added without an atomic", "ATOMIC_ADD(&forces[particle], (mm_ulong)realToFixedPoint(forceUnit*(fx)));",
     "forces[particle] += (mm_ulong)realToFixedPoint(forceUnit*(fx));", TABLES),
    ("virials added without an atomic", "ATOMIC_ADD(&virials[(first)*paddedAtoms + particle], (mm_ulong)(mm_long)(-unit * (component)*f.x));",
     "virials[(first)*paddedAtoms + particle] += (mm_ulong)(mm_long)(-unit * (component)*f.x);", TABLES),
    ("particles counted without an atomic", "ATOMIC_ADD(&counts[bin], 1);\n    }", "counts[bin] += 1;\n    }", TABLES),
    ("direct pairs counted without an atomic", "ATOMIC_ADD(&counters[LPS_DIRECT_PAIRS + tile], 1)", "counters[LPS_DIRECT_PAIRS + tile]++", NO_TABLES),
    ("a bin read too far", "other < starts[bin + 1]; other++) {", "other <= starts[bin + 1]; other++) {", TABLES),
    ("a channel written too far", "if (m < LPS_WIDTH)\n            contracted", "if (m <= LPS_WIDTH)\n            contracted", TABLES),
    ("a count written too far", "pairCounts[index] = count;", "pairCounts[index + LPS_NUM_TYPES * tileRows] = count;", TABLES),
    ("local memory half as large", "LOCAL int scanned[2 * LPS_SORT_THREADS];", "LOCAL int scanned[LPS_SORT_THREADS];", TABLES),
    ("sums that are not cleared", "sum[p][q] = make_real4((real)0, (real)0, (real)0, (real)0);", ";", TABLES),
    ("counts that are not written", "pairCounts[index] = count;", "", TABLES),
]  # fmt: skip


def name_kernels():
    """Kernels that are ours."""
    pattern = re.compile(r"^(?:KERNEL void|LPS_STAGE|LPS_\w*KERNEL) (\w+)\(", re.MULTILINE)
    return {name for path in KERNELS.glob("*.cc") for name in pattern.findall(path.read_text())}


def read_findings(text, ours):
    """How often each kind of finding stands in a text, in kernels of ours and in others."""
    own, others = Counter(), Counter()
    heading = ""
    for line in text.splitlines():
        kernel = re.match(r"\s+Kernel:\s+(\w+)", line)
        if kernel:
            (own if kernel[1] in ours else others)[heading, kernel[1]] += 1
        elif line and not line[0].isspace():
            heading = re.sub(r" at .*| from .*|\(.*", "", line).strip()
    return own, others


def run(runtime, tests, precision, name, *, uninitialized=False, edit=None, library=None):
    """Run tests on oclgrind. Returns the exit status, findings in our kernels, in others, and the standard error."""
    environment = {
        **os.environ,
        "OCL_ICD_VENDORS": str(runtime),
        "OCLGRIND_DATA_RACES": "1",
        "OCLGRIND_LOCAL_MEM_SIZE": "65536",
        "OCLGRIND_NUM_THREADS": "1",
        "OCLGRIND_MAX_ERRORS": "1000",
    }
    if uninitialized:
        # Optimised kernels no longer tell a value that was never set from another.
        environment |= {"OCLGRIND_UNINITIALIZED": "1", "OCLGRIND_BUILD_OPTIONS": "-cl-opt-disable"}
    if edit:
        environment |= {"LD_PRELOAD": str(library), "LPS_EDIT_FROM": edit[0], "LPS_EDIT_TO": edit[1]}
    command = [
        "timeout",
        str(MUTANT_SECONDS if edit else SECONDS),
        BUILD / "tests" / "TestDevices",
        f"--gtest_filter={tests}",
        "OpenCL",
        precision,
    ]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
    (LOGS / f"{name}.log").write_text(result.stdout + result.stderr)
    own, others = read_findings(result.stderr, name_kernels())
    return result, own, others


def report(name, tests, found, others, begin):
    """Print what a run found. Returns whether our kernels are free of findings."""
    passed = re.search(r"\[  PASSED  \] (\d+) test", tests)
    count = f"{passed[1]} tests, " if passed else ""
    print(
        f"{name}: {count}{sum(found.values())} findings, {sum(others.values())} in kernels of others, {time.monotonic() - begin:.0f} s"
    )
    for (kind, kernel), number in found.items():
        print(f"    {kind}, in {kernel}: {number}")
    sys.stdout.flush()
    return not found


def check(runtime, precision):
    """Tests of every kind of device in one precision. Returns whether all pass and nothing is found."""
    good = True
    for name, tests, uninitialized in [
        ("kinds", KIND_TESTS, False),
        ("more", MORE_TESTS, False),
        ("uninitialised", "*Kinds.matchReference/*", True),
    ]:
        begin = time.monotonic()
        result, found, others = run(runtime, tests, precision, f"{precision}.{name}", uninitialized=uninitialized)
        good = report(f"{precision} {name}", result.stdout, found, others, begin) and good
        if result.returncode != 0:
            print(f"    tests FAILED with {result.returncode}; see build/oclgrind/{precision}.{name}.log")
            good = False
    return good


def check_mutants(runtime):
    """Every fault must be found."""
    library = LOGS / "opencl_edit.so"
    source = SOURCE / "tests" / "support" / "opencl_edit.c"
    flags = "-shared -fPIC -Wl,--no-as-needed"
    subprocess.run(["cc", *flags.split(), "-o", library, source, "-lOpenCL", "-ldl"], check=True)
    missed = []
    for number, (name, *edit, tests) in enumerate(MUTANTS):
        begin = time.monotonic()
        uninitialized = name.endswith(("cleared", "not written"))
        result, found, others = run(
            runtime, tests, "single", f"mutant-{number}", uninitialized=uninitialized, edit=edit, library=library
        )
        report(name, result.stdout, found, others, begin)
        if "edited in" not in result.stderr:
            print("    FAILED: the kernels do not have this text any more")
        if "edited in" not in result.stderr or not found:
            missed.append(name)
        elif result.returncode == 0:
            print("    energies and forces are right all the same")
    print(f"oclgrind: {len(MUTANTS) - len(missed)} of {len(MUTANTS)} faults found")
    return not missed


def main():
    """Check a precision, or the faults."""
    wanted = sys.argv[1:] or ["single", "mixed", "double"]
    if not set(wanted) <= {"single", "mixed", "double", "mutants"}:
        print(__doc__, file=sys.stderr)
        return 2
    runtime = next((path for path in RUNTIMES if path.exists()), None)
    if runtime is None:
        print("oclgrind is not installed: kernels not checked (apt-get install oclgrind)")
        return 77
    LOGS.mkdir(parents=True, exist_ok=True)
    good = [check_mutants(runtime) if name == "mutants" else check(runtime, name) for name in wanted]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
