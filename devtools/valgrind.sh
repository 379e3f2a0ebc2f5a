#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# Runs the tests of the OpenCL platform under valgrind's memcheck, on PoCL, whose device memory is memory of the process: invalid
# accesses, decisions on uninitialised values and definite leaks are found in the host code and in the kernels alike. What others
# leak stands in devtools/valgrind.supp. Needs build/venv, that is devtools/setup.sh --tests to have run.
#
#   devtools/valgrind.sh                       every test of every program, but those of $left_out
#   devtools/valgrind.sh TestErrors '*box*'    one program, one filter of GoogleTest
#
# Each test is a process of its own with a log in build/valgrind. A test that has passed since the libraries and its program were built
# is not run again, so after an interruption the same command goes on where it stopped.
#
# PoCL compiles the kernels in a first run, under valgrind without a tool: valgrind offers fewer instructions than the processor has,
# and memcheck would take ten times as long.

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
# A test that starts processes of its own, and what is the same kernels with other numbers.
left_out='Devices.forcesDoNotDependOnThreads'
passed=0 failed=0 begin=$SECONDS

# The tests of a program that a filter selects, one a line.
tests_of() {
    "build/venv/tests/$1" "--gtest_filter=$2" --gtest_list_tests OpenCL $precision 2>/dev/null |
        sed -e 's/ *#.*//' | awk '/^[^ ].*\.$/ { suite = $0; next } /^  / { print suite $1 }'
}

# Program and test: compile kernels, then check.
check() {
    local program=build/venv/tests/$1 name=${2//\//-} begin=$SECONDS
    local log=$results/$1.$name.log done=$results/$1.$name.passed out=$results/$1.$name.out
    if [ -e "$done" ] && [ -z "$(find "$program" .venv/lib/python3*/site-packages/OpenMM.libs/lib devtools/valgrind.supp \
        -newer "$done" -type f \( -name '*LPS*' -o -name 'Test*' -o -name '*.supp' \) -print -quit)" ]; then
        passed=$((passed + 1))
        return
    fi
    rm -f "$done"
    if ! valgrind --tool=none --log-file="$results/$1.$name.compile.log" "$program" "--gtest_filter=$2" OpenCL $precision >"$out" 2>&1; then
        echo "$1 $2: FAILED before memcheck; see $out"
        failed=$((failed + 1))
        return
    fi
    local compiled=$((SECONDS - begin))
    valgrind --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --num-callers=40 --gen-suppressions=all \
        --suppressions=devtools/valgrind.supp --error-exitcode=9 --log-file="$log" \
        "$program" "--gtest_filter=$2" OpenCL $precision >"$out" 2>&1
    local status=$?
    if [ $status -ne 0 ]; then
        echo "$1 $2: FAILED with $status; see $log and $out"
        failed=$((failed + 1))
        return
    fi
    passed=$((passed + 1))
    echo "compiled in $compiled s, checked in $((SECONDS - begin - compiled)) s" >"$done"
    printf '%s %s: %s, %s' "$1" "$2" "$(sed -n 's/.*ERROR SUMMARY: \([0-9]* errors\).*/\1/p' "$log" | tail -1)" "$(cat "$done")"
    grep -q '^\[  SKIPPED' "$out" && printf ' (skipped)'
    printf '\n'
}

programs=(TestErrors TestParticles TestDevices TestCommittee TestInvariance TestAccuracy TestDerivatives TestDynamics)
[ $# -gt 0 ] && programs=("$1")
for program in "${programs[@]}"; do
    for test in $(tests_of "$program" "${2:-*}"); do
        [[ " $left_out " == *" $test "* ]] || check "$program" "$test"
    done
done
echo "valgrind: $passed passed, $failed failed, $(((SECONDS - begin) / 60)) minutes"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
