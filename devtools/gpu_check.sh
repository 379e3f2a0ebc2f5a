#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# Everything that only a GPU can tell, in about ten minutes: all force tests on CUDA and OpenCL in every precision, the benchmark of
# docs/performance.md, and compute-sanitizer.
#
#   devtools/gpu_check.sh               builds, then checks, on a machine with a GPU
#   devtools/gpu_check.sh pack FOLDER   builds and puts all that the check needs into FOLDER (about 40 MB), to be copied to a machine
#                                       that has a GPU but no network or compilers
#   FOLDER/gpu_check.sh run             checks there; needs a driver and, for CUDA, libnvrtc.so.13 and libcufft.so.12 somewhere
#   FOLDER/gpu_check.sh largest         20 million atoms, one Context (needs tens of GB of main memory)
#
# Logs and the summary are written to FOLDER/results. Environment: LPS_CHECK_PLATFORMS ("CUDA OpenCL"), LPS_CHECK_PHASES ("tests
# benchmark sanitizer"), LPS_CHECK_TESTS (names of programs), LPS_CHECK_JOBS (8), LPS_CHECK_CELLS (supercells of 32 atoms, such as "4x4x2 15x15x15").

set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

tests=(TestAccuracy TestDevices TestDeviceUsage TestDynamics TestDerivatives TestParticles TestInvariance TestErrors TestCommittee)
say() { printf '\n== %s\n' "$*"; }

# --- Packing

pack() {
    local folder=$1 build=$here/../build/gpu-check
    cd "$here/.." || exit 1
    devtools/setup.sh --tests || exit 1
    export PATH="$PWD/.venv/bin:$PATH"
    say "Building tests and benchmarks in build/gpu-check"
    cmake -S . -B "$build" -G Ninja -DLPS_BUILD_TESTS=ON -DLPS_BUILD_BENCHMARKS=ON -DLPS_BUILD_PYTHON=OFF --log-level=WARNING &&
        cmake --build "$build" -- --quiet || exit 1
    say "Packing into $folder"
    local openmm
    openmm=$(python -c "import os, openmm; print(os.path.join(os.path.dirname(os.path.dirname(openmm.__file__)), 'OpenMM.libs', 'lib'))")
    mkdir -p "$folder"/{bin,lib,plugins,golden,models} || exit 1
    for test in "${tests[@]}"; do
        cp "$build/tests/$test" "$folder/bin/"
    done
    cp "$build/benchmarks/lps_platform_benchmark" "$folder/bin/"
    cp "$openmm"/*.so "$folder/lib/"
    cp -L "$(ldconfig -p | awk '/libOpenCL.so.1 /{print $NF; exit}')" "$folder/lib/libOpenCL.so.1"
    cp "$openmm"/plugins/*.so "$folder/plugins/"
    rm -f "$folder"/lib/*LPS* "$folder"/plugins/*LPS*
    cp "$build"/lib/*.so "$folder/lib/"
    cp "$build"/lib/plugins/*.so "$folder/plugins/"
    strip --strip-unneeded "$folder"/bin/* "$folder"/lib/*LPS* "$folder"/plugins/*LPS*
    cp -r tests/data/golden/. "$folder/golden/"
    local model fixture
    for model in wrappers/python/openmmlps/models/*.safetensors; do # tests look for packaged models in the source tree, or here
        fixture=$folder/golden/$(basename "$model" .safetensors)
        [ ! -d "$fixture" ] || cp "$model" "$fixture/model.safetensors"
    done
    cp wrappers/python/openmmlps/models/lps.safetensors wrappers/python/openmmlps/structures/beta-Li3PS4.extxyz "$folder/models/"
    cp devtools/gpu_check.sh "$folder/"
    du -sh "$folder"
}

# --- Running

prepare() {
    results=$here/results
    mkdir -p "$results"
    platforms=${LPS_CHECK_PLATFORMS:-CUDA OpenCL}
    export LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    export OPENMM_PLUGIN_DIR=$here/plugins LPS_TEST_PLUGINS=$here/plugins LPS_TEST_GOLDEN=$here/golden
    local library path
    for library in libnvrtc.so.13 libcufft.so.12; do
        ldconfig -p | grep -q "$library" && continue
        path=$(find /usr /opt "${VIRTUAL_ENV:-/opt}" -name "$library" 2>/dev/null | head -1)
        if [ -n "$path" ]; then
            LD_LIBRARY_PATH="$LD_LIBRARY_PATH:$(dirname "$path")"
        else
            echo "$library is not on this machine: CUDA will be missing"
        fi
    done

    # Containers often have NVIDIA's OpenCL library without the file that announces it.

    if ! ls /etc/OpenCL/vendors/*.icd >/dev/null 2>&1 && [ -z "${OCL_ICD_VENDORS:-}" ]; then
        path=$(find /usr -name 'libnvidia-opencl.so.1' 2>/dev/null | head -1)
        if [ -n "$path" ]; then
            mkdir -p "$results/vendors"
            echo "$path" >"$results/vendors/nvidia.icd"
            export OCL_ICD_VENDORS=$results/vendors
        fi
    fi
    { date -u; nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader || echo "no nvidia-smi"; } \
        2>&1 | tee "$results/machine.txt"
}

# One test program on one platform and precision; prints one line.
run_test() {
    local name=$1.$2.$3 begin=$SECONDS status
    timeout 270 "$here/bin/$1" "$2" "$3" >"$results/$name.log" 2>&1
    case $? in
        0) status=passed ;;
        77) status=MISSING ;;
        124) status="FAILED (no end)" ;;
        *) status=FAILED ;;
    esac
    printf '%-32s %-16s %4d s  %s\n' "$name" "$status" $((SECONDS - begin)) "$(grep -c '^\[       OK' "$results/$name.log") tests"
}

check_tests() {
    say "Tests"
    export -f run_test
    export here results
    for test in ${LPS_CHECK_TESTS:-${tests[@]}}; do
        for platform in $platforms; do
            for precision in single mixed double; do
                echo "$test $platform $precision"
            done
        done
    done | xargs -P "${LPS_CHECK_JOBS:-8}" -L 1 bash -c 'run_test "$@"' _ | tee "$results/tests.txt"
    ! grep -q -E "FAILED|MISSING" "$results/tests.txt"
}

benchmark() {
    timeout "${1}" "$here/bin/lps_platform_benchmark" "$here/models/lps.safetensors" "$here/models/beta-Li3PS4.extxyz" "${@:2}" 2>&1 || echo "FAILED: $*"
}

# The cases of docs/performance.md, from what the benchmark printed. Sizes of other cases are in the log above.
print_table() {
    awk -v OFS=' | ' '
        / atoms, .* fitting width / {
            split($0, part, ", "); platform = part[1]; sub(/ on .*/, "", platform); precision = part[2]; atoms = part[3] + 0
            match($0, /fitting width [0-9]+/); width = substr($0, RSTART + 14, RLENGTH - 14) + 0
        }
        /^speed / { speed = $2; match($0, /[0-9.]+ us.step/); time = substr($0, RSTART, RLENGTH) }
        /GFLOP.s/ {
            share = "-"; if (match($0, /fraction of peak [0-9.]+/)) share = substr($0, RSTART + 17, RLENGTH - 17)
        }
        /^launches per evaluation/ {
            match($0, /[0-9.]+ B.atom/)
            must = "-"
            if (atoms >= 100000 && precision == "single") must = width > 120 ? "8 M, aim 15 M" : "14 M, aim 25 M"
            if (atoms >= 100000 && precision == "double" && width > 120) must = "4 M, aim 10 M"
            if (atoms >= 1000 && atoms < 1100 && precision == "single") must = "200 us, aim 80 us"
            print "| " platform " " precision, atoms, width "^3", must, speed, time, share, $4 + 0, substr($0, RSTART, RLENGTH) " |"
        }
        BEGIN {
            print "| platform, precision", "atoms", "fitting", "must", "atom*step/s", "step", "of peak", "launches", "memory |"
            print "|---|---|---|---|---|---|---|---|---|"
        }' "$1"
}

check_benchmark() {
    say "Benchmark"
    local peak32=() peak64=()
    if grep -q -E 'H100|H200' "$results/machine.txt"; then
        peak32=(--peak 67000) peak64=(--peak 34000)
    fi
    local cells sizes width
    for platform in $platforms; do
        sizes="4x4x2 15x15x15"
        [ "$platform" = CUDA ] && sizes="1x1x4 4x4x2 15x15x15 25x25x50"
        for cells in ${LPS_CHECK_CELLS:-$sizes}; do
            for width in --widen ""; do
                # shellcheck disable=SC2086
                benchmark 90 "$platform" single --repeat ${cells//x/ } $width "${peak32[@]}" --seconds 2 --kernels
                [ "$cells" = 25x25x50 ] && break
                # shellcheck disable=SC2086
                benchmark 90 "$platform" double --repeat ${cells//x/ } $width "${peak64[@]}" --seconds 2
            done
        done
        benchmark 90 "$platform" mixed --repeat 2 2 2 --widen --seconds 1 --reference
    done | tee "$results/benchmark.txt"
    say "Table"
    print_table "$results/benchmark.txt" | tee "$results/table.md"
    ! grep -q FAILED "$results/benchmark.txt"
}

check_sanitizer() {
    say "compute-sanitizer"
    local tool sanitizer
    sanitizer=$(command -v compute-sanitizer || find /usr/local/cuda*/bin /opt -name compute-sanitizer 2>/dev/null | head -1)
    if [ -z "$sanitizer" ]; then
        echo "compute-sanitizer is not on this machine: not checked" | tee "$results/sanitizer.txt"
        return 0
    fi
    for tool in memcheck racecheck synccheck; do
        for precision in single double; do
            if timeout 100 "$sanitizer" --tool "$tool" --error-exitcode 9 "$here/bin/TestDevices" \
                --gtest_filter='*Kinds.matchReference/gpu*:Devices.sameDevice*:Devices.listGrows*:Devices.atomsNearer*' CUDA $precision \
                >"$results/sanitizer.$tool.$precision.log" 2>&1; then
                echo "$tool $precision: clean"
            else
                echo "$tool $precision: FAILED, $(tail -1 "$results/sanitizer.$tool.$precision.log")"
            fi
        done
    done | tee "$results/sanitizer.txt"
    ! grep -q FAILED "$results/sanitizer.txt"
}

run() {
    prepare
    local failed=0
    for phase in ${LPS_CHECK_PHASES:-tests benchmark sanitizer}; do
        "check_$phase" || failed=1
    done
    say "$([ $failed -eq 0 ] && echo "All good" || echo "Something failed or is missing"); logs in $results, after $SECONDS s"
    return $failed
}

case ${1:-} in
    "")
        pack "$here/../build/gpu-check/folder"
        exec "$here/../build/gpu-check/folder/gpu_check.sh" run
        ;;
    pack) pack "$(realpath -m "${2:?usage: gpu_check.sh pack FOLDER}")" ;;
    run) run ;;
    largest)
        prepare
        benchmark 540 CUDA single --repeat 68 96 96 --widen --seconds 2 | tee "$results/largest.txt"
        print_table "$results/largest.txt"
        ! grep -q FAILED "$results/largest.txt"
        ;;
    *)
        echo "usage: gpu_check.sh [pack FOLDER | run | largest]" >&2
        exit 2
        ;;
esac
