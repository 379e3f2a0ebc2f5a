#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# Fuzzes the readers of model files: the native one with libFuzzer (clang), the import filters with atheris, and the import filters with
# inputs that keep the structure of each format. Seeds are the golden models, and whatever earlier calls found. A crash, a hang or too
# much memory ends it with an error, and leaves the input in build/fuzz/crashes.
#
#   tests/fuzz/run.sh [NATIVE_RUNS [IMPORTER_RUNS [STRUCTURED_RUNS_OF_EACH_FORMAT]]]     default 20000, 1000 and 50, about a minute

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if ! [[ "$*" =~ ^([0-9]{1,9}( |$)){0,3}$ ]]; then
    echo "usage: tests/fuzz/run.sh [NATIVE_RUNS [IMPORTER_RUNS [STRUCTURED_RUNS_OF_EACH_FORMAT]]]" >&2
    exit 2
fi
export PATH="$PWD/.venv/bin:$PATH"
native_runs=${1:-20000} importer_runs=${2:-1000} structured_runs=${3:-50}
golden=$PWD/tests/data/golden
work=$PWD/build/fuzz
mkdir -p "$work/crashes" "$work/native" "$work/importers"
exec {lock}>"$work/lock"
flock "$lock" # inputs that were found, and logs, are one call's at a time

limits=(-timeout=300 "-artifact_prefix=$work/crashes/" -print_final_stats=1)
if [ "$native_runs" -gt 0 ]; then
    cmake --preset fuzz --log-level=WARNING >/dev/null
    cmake --build --preset fuzz -- --quiet
    for model in "$golden"/*/model.safetensors; do
        cp "$model" "$work/native/$(basename "$(dirname "$model")")"
    done
    echo "-- native reader, $native_runs inputs"
    "$work/model/tests/fuzz/fuzz_model_file" "$work/native" -runs="$native_runs" -max_len=30000 -rss_limit_mb=3000 "${limits[@]}" \
        >"$work/native.log" 2>&1 || { tail -40 "$work/native.log"; exit 1; }
    grep "number_of_executed_units" "$work/native.log"
fi
if [ "$importer_runs" -gt 0 ]; then
    for model in "$golden"/every-format/model.* "$golden"/trained-pt/model.pt "$golden"/trained-pt-compressed/model.pth; do
        cp "$model" "$work/importers/$(basename "$(dirname "$model")").${model##*.}"
    done
    echo "-- import filters, $importer_runs inputs"
    # Each import is watched by the harness; libFuzzer's own limit is for what it holds besides.
    python tests/fuzz/fuzz_importers.py "$work/importers" -runs="$importer_runs" -max_len=70000 -rss_limit_mb=3000 "${limits[@]}" \
        >"$work/importers.log" 2>&1 || { tail -40 "$work/importers.log"; exit 1; }
    grep "number_of_executed_units" "$work/importers.log"
fi
if [ "$structured_runs" -gt 0 ]; then
    echo "-- import filters, $structured_runs inputs of each format that keep its structure"
    python tests/fuzz/hunt_importers.py --runs "$structured_runs"
fi
