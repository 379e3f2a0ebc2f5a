#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# Runs the tests of the OpenCL platform under valgrind's memcheck, on PoCL, whose device memory is memory of the process: invalid
# accesses, decisions on uninitialised values and definite leaks are found in the host code and in the kernels alike. What others
# leak stands in devtools/valgrind.supp. Needs build/venv, that is devtools/setup.sh --tests to have run.
#
#   devtools/valgrind.sh                       TestErrors, TestParticles, TestDevices
#   devtools/valgrind.sh TestErrors '*box*'    one program, one filter of GoogleTest
#
# PoCL compiles the kernels in a first run, under valgrind without a tool: valgrind offers fewer instructions than the processor has,
# and memcheck would take ten times as long. Logs are written to build/valgrind.

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
if ! command -v valgrind >/dev/null; then
    echo "valgrind is not installed: memory of the OpenCL platform not checked (apt-get install valgrind libc6-dbg)"
    exit 77
fi
results=$PWD/build/valgrind
mkdir -p "$results"
export POCL_CACHE_DIR=$results/kernels POCL_MAX_PTHREAD_COUNT=2 OPENMM_CPU_THREADS=1
precision=mixed
failed=0

# A program and a filter: compile kernels, then check.
check() {
    local name=$1 program=build/venv/tests/$1 filter=--gtest_filter=$2 log=$results/$1.log begin=$SECONDS
    if ! valgrind --tool=none --log-file="$results/$name.compile.log" "$program" "$filter" OpenCL $precision >"$results/$name.out" 2>&1; then
        echo "$name: FAILED before memcheck; see $results/$name.out"
        failed=1
        return
    fi
    valgrind --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --num-callers=40 --gen-suppressions=all \
        --suppressions=devtools/valgrind.supp --error-exitcode=9 --log-file="$log" \
        "$program" "$filter" OpenCL $precision >"$results/$name.out" 2>&1
    local status=$?
    printf '%-14s %3d tests, %s, %d s\n' "$name" "$(grep -c '^\[       OK' "$results/$name.out")" \
        "$(sed -n 's/.*ERROR SUMMARY: \([0-9]* errors\).*/\1/p' "$log" | tail -1)" $((SECONDS - begin))
    if [ $status -ne 0 ]; then
        echo "$name: FAILED with $status; see $log and $results/$name.out"
        failed=1
    fi
}

if [ $# -gt 0 ]; then
    check "$1" "${2:-*}"
else
    check TestErrors '*'
    check TestParticles '*'
    # Work groups of many threads once; not the test that starts processes of its own.
    check TestDevices '-Devices.forcesDoNotDependOnThreads:*/cpu:*/gpularge:*WithoutTables*'
fi
exit $failed
