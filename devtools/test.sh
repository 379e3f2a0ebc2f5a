#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# Every test of the project, from a bare Debian 12 or Ubuntu 24.04: C++ tests, the C++ tests of the model core under the address and
# undefined behaviour sanitizers, Python tests. Ends with one summary, and fails if any test does.

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
devtools/setup.sh --tests || exit 1
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

say "Python tests"
python -m pytest tests/python -q --junitxml "$reports/python.xml"

say "Summary"
exec python devtools/summarize_tests.py "C++=$reports/cpp.xml" "C++ sanitized=$reports/sanitized.xml" "Python=$reports/python.xml"
