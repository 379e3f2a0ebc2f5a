# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# The parts of devtools/test.sh --long, which reads this file. build/long/PART.passed holds the seconds that a part took,
# build/long/PART.xml its report, build/long/PART.log what it printed. LPS_PARTS=PATTERN runs only the parts that a pattern of the
# shell fits, such as 'python-*'; what has passed earlier still counts in the summary.

parts=$PWD/build/long
unfinished=0

# Forgets what has passed if a file changed that can change the outcome.
begin_parts() {
    local now
    now=$(find CMakeLists.txt CMakePresets.json pyproject.toml model openmmapi platforms serialization wrappers tests devtools \
        benchmarks examples training docs packaging -type f -not -name '*.pyc' -not -path 'docs/reliability.md' -print0 |
        sort -z | xargs -0 sha256sum | sha256sum)
    if [ "$now" != "$(cat "$parts/sources" 2>/dev/null)" ]; then
        rm -rf "$parts"
        mkdir -p "$parts"
        printf '%s\n' "$now" >"$parts/sources"
        date '+%Y-%m-%d %H:%M' >"$parts/begun"
    fi
}

# NAME COMMAND...: one part, in a process group of its own. $report is the file for its JUnit report.
part() {
    local name=$1 begin=$SECONDS
    shift
    # shellcheck disable=SC2053
    [[ $name == ${LPS_PARTS:-*} ]] || { [ -e "$parts/$name.passed" ] || unfinished=$((unfinished + 1)); return; }
    [ -e "$parts/$name.passed" ] && return
    printf '%s  %s ... ' "$(date +%H:%M:%S)" "$name"
    report=$parts/$name.xml "$@" >"$parts/$name.log" 2>&1
    local status=$?
    if [ $status -eq 0 ]; then
        echo $((SECONDS - begin)) >"$parts/$name.passed"
        echo "passed, $((SECONDS - begin)) s"
    else
        echo "FAILED with $status, $((SECONDS - begin)) s; see build/long/$name.log"
        unfinished=$((unfinished + 1))
    fi
}

# FOLDER EXPRESSION: the tests whose names fit.
ctest_part() { ctest --test-dir "$1" -R "$2" --parallel "$jobs" --timeout 7200 --output-on-failure --output-junit "$report"; }

# FOLDER NAME: a part for every test program of a build.
ctest_parts() {
    local program
    for program in $(ctest --test-dir "$1" -N | sed -n 's/^ *Test *#[0-9]*: \([A-Za-z]*\).*/\1/p' | sort -u); do
        part "$2-$program" ctest_part "$1" "^$program[./]"
    done
}

# Fuzzing goes on from the inputs that earlier rounds found.
fuzz_parts() {
    local round
    for round in $(seq 10); do
        part "fuzz-native-$round" tests/fuzz/run.sh 100000 0 0
        part "fuzz-importers-$round" tests/fuzz/run.sh 0 10000 0
    done
    part fuzz-structured tests/fuzz/run.sh 0 0 2000
}

python_part() { python -m pytest "$1" -q -m "long or not long" --junitxml "$report"; }

run_long() {
    local file program
    begin_parts
    say "Parts"
    ctest_parts build/venv cpp
    part build-sanitized configure_and_build sanitize
    ctest_parts build/sanitize sanitized
    part build-threads configure_and_build sanitize-thread
    ctest_parts build/sanitize-thread threads
    for file in tests/python/test_*.py; do
        part "python-$(basename "$file" .py)" python_part "$file"
    done
    fuzz_parts
    for program in TestErrors TestParticles TestDevices TestCommittee TestInvariance TestAccuracy TestDerivatives TestDynamics; do
        part "valgrind-$program" devtools/valgrind.sh "$program"
    done

    say "Summary"
    local suite seconds=0
    for file in "$parts"/*.passed; do
        seconds=$((seconds + $(cat "$file")))
    done
    local suites=()
    for suite in cpp sanitized threads python; do
        for file in "$parts/$suite"-*.xml; do
            [ -e "$file" ] && suites+=("$suite=$file")
        done
    done
    python devtools/summarize_tests.py "${suites[@]}"
    local tested=$?
    grep -h 'number_of_executed_units' "$parts"/fuzz-native-*.log 2>/dev/null |
        awk '{ n += $2 } END { if (n) print "native reader: " n " fuzzed inputs" }'
    grep -h 'number_of_executed_units' "$parts"/fuzz-importers-*.log 2>/dev/null |
        awk '{ n += $2 } END { if (n) print "import filters: " n " fuzzed inputs" }'
    grep -h ' inputs, ' "$parts/fuzz-structured.log" 2>/dev/null
    grep -h '^valgrind:' "$parts"/valgrind-*.log 2>/dev/null |
        awk '{ n += $2; f += $4 } END { if (n) print "valgrind: " n " passed, " f " failed" }'
    echo "begun $(cat "$parts/begun"), $((seconds / 60)) minutes of parts that passed, $unfinished parts left"
    [ $tested -eq 0 ] && [ $unfinished -eq 0 ]
}
