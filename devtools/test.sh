#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# Every test of the project, from a bare Debian 12 or Ubuntu 24.04: C++ tests, the C++ tests of the model core under the address and
# undefined behaviour sanitizers, a short fuzz of all readers, the documentation, Python tests. Ends with one summary, and fails if
# any test does.
#
#   devtools/test.sh          what CI runs
#   devtools/test.sh --long   also a million fuzzed inputs, a hundred kills, a thousand Contexts, the thread sanitizer, OpenCL under
#                             valgrind: more than an hour

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
long=OFF
[ "${1:-}" = "--long" ] && long=ON
devtools/setup.sh "$([ $long = ON ] && echo --long || echo --tests)" || exit 1
export PATH="$PWD/.venv/bin:$PATH"

jobs=$(nproc)
reports=$PWD/build/reports
rm -rf "$reports"
mkdir -p "$reports"
say() { printf '\n== %s\n' "$*"; }

say "C++ tests"
ctest --test-dir build/venv --parallel "$jobs" --output-on-failure --progress --output-junit "$reports/cpp.xml"

say "C++ tests of the model core under sanitizers"
cmake --preset sanitize --log-level=WARNING >/dev/null &&
    cmake --build --preset sanitize --parallel "$jobs" -- --quiet &&
    ctest --test-dir build/sanitize --parallel "$jobs" --output-on-failure --progress --output-junit "$reports/sanitized.xml"

if [ $long = ON ]; then
    say "C++ tests of the model core under the thread sanitizer"  # instruction sets make no difference to threads: the best one
    cmake --preset sanitize-thread --log-level=WARNING >/dev/null &&
        cmake --build --preset sanitize-thread --parallel "$jobs" -- --quiet &&
        ctest --test-dir build/sanitize-thread --exclude-regex 'EqualsReference/(AVX2|SSE4|SCALAR)' --output-on-failure --progress --output-junit "$reports/threads.xml"
fi

memory=0
if [ $long = ON ]; then
    say "OpenCL tests under valgrind"
    devtools/valgrind.sh
    memory=$?
    [ $memory -eq 77 ] && memory=0
fi

say "Fuzzing the readers"
fuzz_runs=(20000 1000)
[ $long = ON ] && fuzz_runs=(1000000 100000)
tests/fuzz/run.sh "${fuzz_runs[@]}"
fuzzed=$?

say "Python tests"
selection=()
[ $long = ON ] && selection=(-m "long or not long")
python -m pytest tests/python -q "${selection[@]}" --junitxml "$reports/python.xml"

say "Summary"
suites=("C++=$reports/cpp.xml" "C++ sanitized=$reports/sanitized.xml" "Python=$reports/python.xml")
[ $long = ON ] && suites+=("C++ threads=$reports/threads.xml")
python devtools/summarize_tests.py "${suites[@]}" && [ $fuzzed -eq 0 ] && [ $memory -eq 0 ]
