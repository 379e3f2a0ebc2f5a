#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# Every test of the project, from a bare Debian 12 or Ubuntu 24.04: C++ tests, the C++ tests of the model core under the address and
# undefined behaviour sanitizers, a short fuzz of all readers, the documentation, Python tests. Ends with one summary, and fails if
# any test does.
#
#   devtools/test.sh                       what CI runs
#   devtools/test.sh --long [PATTERN ...]  also a million fuzzed inputs, a hundred kills, a thousand Contexts, all C++ tests under the
#                                          address, undefined behaviour and thread sanitizers, OpenCL under valgrind, the wheel: hours, in
#                                          parts that go on where they stopped; see devtools/long_tests.py

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
long=OFF
case "${1:-}" in
"") ;;
--long)
    long=ON
    [[ "${2:-}" =~ ^(-h|--help)$ ]] && exec python3 devtools/long_tests.py --help
    ;;
*) exec devtools/usage.sh devtools/test.sh "$1" ;;
esac
devtools/setup.sh "$([ $long = ON ] && echo --long || echo --tests)" || exit 1
export PATH="$PWD/.venv/bin:$PATH"

jobs=$(nproc)
say() { printf '\n== %s\n' "$*"; }

configure_and_build() {
    cmake --preset "$1" --log-level=WARNING >/dev/null && cmake --build --preset "$1" --parallel "$jobs" -- --quiet
}

if [ $long = ON ]; then
    configure_and_build sanitize-plugin && configure_and_build sanitize-thread || exit 1
    shift
    exec python devtools/long_tests.py "$@"
fi

reports=$PWD/build/reports
rm -rf "$reports"
mkdir -p "$reports"

say "C++ tests"
ctest --test-dir build/venv --parallel "$jobs" --output-on-failure --progress --output-junit "$reports/cpp.xml"

say "C++ tests of the model core under sanitizers"
configure_and_build sanitize &&
    ctest --test-dir build/sanitize --parallel "$jobs" --output-on-failure --progress --output-junit "$reports/sanitized.xml"

say "Fuzzing the readers"
tests/fuzz/run.sh 20000 1000 50
fuzzed=$?

say "Python tests"
python -m pytest tests/python -q --junitxml "$reports/python.xml"

say "Summary"
python devtools/summarize_tests.py "C++=$reports/cpp.xml" "C++ sanitized=$reports/sanitized.xml" "Python=$reports/python.xml" &&
    [ $fuzzed -eq 0 ]
