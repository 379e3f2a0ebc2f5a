#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# Fuzzes the readers of model files: the native one with libFuzzer (clang), the import filters with atheris. Seeds are the golden
# models. A crash, a hang or too much memory ends it with an error, and leaves the input in build/fuzz/crashes.
#
#   tests/fuzz/run.sh [NATIVE_RUNS [IMPORTER_RUNS]]     default 20000 and 1500, about a minute; what ./devtools/test.sh runs

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PATH="$PWD/.venv/bin:$PATH"
native_runs=${1:-20000} importer_runs=${2:-1500}
golden=$PWD/tests/data/golden
work=$PWD/build/fuzz
mkdir -p "$work/crashes" "$work/native" "$work/importers"

cmake --preset fuzz --log-level=WARNING >/dev/null
cmake --build --preset fuzz -- --quiet
for model in "$golden"/*/model.safetensors; do
    cp "$model" "$work/native/$(basename "$(dirname "$model")")"
done
for model in "$golden"/every-format/model.* "$golden"/trained-pt/model.pt "$golden"/trained-pt-compressed/model.pth; do
    cp "$model" "$work/importers/$(basename "$(dirname "$model")").${model##*.}"
done

limits=(-timeout=300 -rss_limit_mb=3000 "-artifact_prefix=$work/crashes/" -print_final_stats=1)
echo "-- native reader, $native_runs inputs"
"$work/model/tests/fuzz/fuzz_model_file" "$work/native" -runs="$native_runs" -max_len=30000 "${limits[@]}" \
    >"$work/native.log" 2>&1 || { tail -40 "$work/native.log"; exit 1; }
grep "number_of_executed_units" "$work/native.log"
echo "-- import filters, $importer_runs inputs"
python tests/fuzz/fuzz_importers.py "$work/importers" -runs="$importer_runs" -max_len=70000 -malloc_limit_mb=64 "${limits[@]}" \
    >"$work/importers.log" 2>&1 || { tail -40 "$work/importers.log"; exit 1; }
grep "number_of_executed_units" "$work/importers.log"
