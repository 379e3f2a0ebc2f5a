#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# Runs a test of the OpenCL platform on Intel's OpenCL for processors, of Intel and AMD: a second compiler beside PoCL's, with vectors
# of threads. devtools/setup.sh --long installs it in build/intel-opencl (1 GB). It compiles anew for every Context, in 2 to 6 s.
#
#   devtools/intel_opencl.sh PROGRAM PRECISION [OPTIONS OF GOOGLETEST]

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ $# -lt 2 ]; then
    echo "usage: devtools/intel_opencl.sh PROGRAM single|mixed|double [OPTIONS OF GOOGLETEST]" >&2
    exit 2
fi
folder=${LPS_INTEL_OPENCL:-$PWD/build/intel-opencl}
if [ ! -f "$folder/lib/libintelocl.so" ]; then
    echo "Intel's OpenCL is not installed: not checked (devtools/setup.sh --long)"
    exit 77
fi
mkdir -p build/intel-vendors
echo "$folder/lib/libintelocl.so" >build/intel-vendors/intel.icd
export OCL_ICD_VENDORS=$PWD/build/intel-vendors LD_LIBRARY_PATH=$folder/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
exec "build/venv/tests/$1" "${@:3}" OpenCL "$2"
