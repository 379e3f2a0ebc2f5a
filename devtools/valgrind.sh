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
# Each test is a process of its own with a log in build/valgrind, and takes one to six minutes.
#
# PoCL compiles the kernels in a first run, under valgrind without a tool: valgrind offers fewer instructions than the processor has,
# and memcheck would take ten times as long.

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
results=$PWD/build/valgrind
export POCL_CACHE_DIR=$results/kernels POCL_MAX_PTHREAD_COUNT=2 OPENMM_CPU_THREADS=1
precision=mixed
programs=(TestErrors TestParticles TestDevices TestCommittee TestInvariance TestAccuracy TestDerivatives TestDynamics)
# Tests that start processes of their own, and golden models that take the same paths as those that are kept.
left_out='^Devices.(forcesDoNotDependOnThreads|workGroupsLargerThanTheDeviceRuns)$|^All/Golden'
kept='/(lps|one_side|exclude_types|pair_exclude_types|extra_types|wide|narrow_one|custom_silu)$'

# Valgrind 3.19 clears the upper elements of a vector register that a scalar fused multiply-add writes to, which the compiler goes on to
# use in these. Their numbers are wrong under valgrind, so that only its own findings count.
wrong_numbers='^All/Kinds.*gpu'

# The tests of a program that a filter selects, one a line.
tests_of() {
    "build/venv/tests/$1" "--gtest_filter=$2" --gtest_list_tests OpenCL $precision 2>/dev/null | sed -e 's/ *#.*//' |
        awk -v left_out="$left_out" -v kept="$kept" '/^[^ ].*\.$/ { suite = $0; next }
            /^  / { test = suite $1; if (test !~ left_out || test ~ kept) print test }'
}

# Program and test: compile kernels, then check.
check() {
    local program=build/venv/tests/$1 name=$1.${2//\//-} begin=$SECONDS
    local log=$results/$name.log out=$results/$name.out status=0 allowed=0
    [[ $2 =~ $wrong_numbers ]] && allowed=1
    valgrind --tool=none --log-file="$results/$name.compile.log" "$program" "--gtest_filter=$2" OpenCL $precision >"$out" 2>&1 || status=$?
    if [ $status -gt $allowed ]; then
        echo "$1 $2: FAILED with $status before memcheck; see $out"
        return 1
    fi
    local compiled=$((SECONDS - begin))
    status=0
    valgrind --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --num-callers=40 --gen-suppressions=all \
        --suppressions=devtools/valgrind.supp --error-exitcode=9 --log-file="$log" \
        "$program" "--gtest_filter=$2" OpenCL $precision >"$out" 2>&1 || status=$?
    if [ $status -gt $allowed ]; then
        echo "$1 $2: FAILED with $status; see $log and $out"
        return 1
    fi
    printf '%s %s: %s, compiled in %s s, checked in %s s' "$1" "$2" \
        "$(sed -n 's/.*ERROR SUMMARY: \([0-9]* errors\).*/\1/p' "$log" | tail -1)" $compiled $((SECONDS - begin - compiled))
    grep -q '^\[  SKIPPED' "$out" && printf ' (skipped)'
    printf '\n'
}

if [ $# -gt 0 ]; then
    if [[ " ${programs[*]} " != *" $1 "* ]]; then
        echo "usage: devtools/valgrind.sh [PROGRAM [FILTER]], with a program of: ${programs[*]}" >&2
        exit 2
    fi
    programs=("$1")
fi
if ! command -v valgrind >/dev/null; then
    echo "valgrind is not installed: memory of the OpenCL platform not checked (apt-get install valgrind libc6-dbg)"
    exit 77
fi
mkdir -p "$results"
passed=0 failed=0 begin=$SECONDS
for program in "${programs[@]}"; do
    for test in $(tests_of "$program" "${2:-*}"); do
        if check "$program" "$test"; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
        fi
    done
done
echo "valgrind: $passed passed, $failed failed, $(((SECONDS - begin) / 60)) minutes"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
