#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# Every test of the project, from a bare Debian or Ubuntu; --long adds what takes hours. Ends with one line for each suite, and fails if
# any of them does. See devtools/README.md.

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [[ $# -gt 1 || "${1:---long}" != --long ]]; then
    echo "usage: devtools/test.sh [--long]" >&2
    exit 2
fi
long=${1:-}
devtools/setup.sh "${long:---tests}" || exit 1
export PATH="$PWD/.venv/bin:$PATH"
reports=$PWD/build/reports
rm -rf "$reports"
mkdir -p "$reports"
failed=0
summary=()

# suite NAME COMMAND...: runs it, and keeps the line in which it sums itself up.
suite() {
    local name=$1 log=$reports/${1// /-}.log status=passed
    shift
    printf '\n== %s\n' "$name"
    "$@" 2>&1 | tee "$log" || { status=FAILED; failed=1; }
    summary+=("$name: $status, $(grep -E '[0-9]+% tests passed|[0-9]+ (passed|failed|error|inputs)' "$log" | tail -1)")
}
cpp() { ctest --test-dir "build/$1" --parallel "$(nproc)" --output-on-failure --no-tests=error --output-junit "$reports/$1.xml" "${@:2}"; }
built() { cmake --preset "$1" --log-level=WARNING >/dev/null && cmake --build --preset "$1" -- --quiet && cpp "$@"; }

suite "C++" cpp venv -LE long
suite "C++ core under sanitizers" built sanitize
if [ -n "$long" ]; then
    export LSAN_OPTIONS="suppressions=$PWD/devtools/lsan.supp:print_suppressions=0"
    suite "C++ long" cpp venv -L long
    OPENMM_CPU_THREADS=4 suite "C++ under sanitizers" built sanitize-plugin -E Kernels -LE "grind|intel"
    OPENMM_CPU_THREADS=4 suite "C++ under the thread sanitizer" built sanitize-thread -E Kernels -LE "grind|intel"
    # The one test left out limits memory so that threads cannot be made, and QEMU needs more.
    suite "C++ core on ARM" built aarch64 -E SaysSoWhenThreadsCannotBeMade
    suite "Fuzzing" tests/fuzz/run.sh 1000000 100000 2000
    suite "Wheel" packaging/build_wheel.sh python
    suite "Python long" python -m pytest tests/python -q -m long --junitxml "$reports/python-long.xml"
else
    suite "Fuzzing" tests/fuzz/run.sh
fi
# One more than processors: many tests wait for processes that they started.
suite "Python" python -m pytest tests/python -q --numprocesses $(($(nproc) + 1)) --dist worksteal --junitxml "$reports/python.xml"

printf '\n== Summary\n'
printf '%s\n' "${summary[@]}"
exit $failed
