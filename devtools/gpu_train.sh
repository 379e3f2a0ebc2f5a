#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# Trains the Li-P-S model, a committee and the variants at the same time on one GPU that is lent for half an hour.
#
#   devtools/gpu_train.sh pack FOLDER [GRAPH]   here, with the Python of the environment of training/README.md: puts training/, the frames
#                                               and the start of every run into FOLDER (about 35 MB), to be copied to the machine with
#                                               the GPU. The run `lps` starts from the frozen model GRAPH, or from its newest checkpoint.
#   FOLDER/gpu_train.sh run                     there; needs Python with PyTorch and NumPy, nothing else. Trains all runs side by side
#                                               for LPS_TRAIN_SECONDS (540) and copies them to $OUT (default: FOLDER/out). Called again on
#                                               the same machine it goes on from what it left in LPS_TRAIN_STATE (FOLDER/state).
#   devtools/gpu_train.sh merge OUT             here: takes the runs back into .training/runs, where --freeze-only freezes them
#
# To go on elsewhere, merge, pack and run again: a run that has begun takes 15 MB more (30 MB with the wide fitting net). Environment:
# LPS_TRAIN_RUNS (names of below), LPS_TRAIN_STEPS (300000), LPS_TRAIN_BATCH (auto:256, atoms), LPS_TRAIN_WORK (.training),
# LPS_TRAIN_PYTHON (python3), LPS_TRAIN_DEVICE (cuda).

set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

runs=${LPS_TRAIN_RUNS:-lps lps-member-2 lps-member-3 lps-member-4 lps-one-side lps-axis-8 lps-smooth-5.5 lps-fitting-240 lps-fast}
steps=${LPS_TRAIN_STEPS:-300000}
work=${LPS_TRAIN_WORK:-.training}
python=${LPS_TRAIN_PYTHON:-python3}
seconds=${LPS_TRAIN_SECONDS:-540}

# Config and seed of a run: members differ in their seed, variants in their config.
settings() {
    case $1 in
        lps-member-*) echo "lps ${1#lps-member-}" ;;
        *) echo "$1 1" ;;
    esac
}

# train FOLDER NAME ARGUMENTS...: the same command with which a run is started, resumed and frozen.
train() {
    local folder=$1 name=$2 config seed
    read -r config seed <<<"$(settings "$name")"
    "$python" "$folder/training/train.py" --config "$folder/training/configs/$config.json" --engine torch --optimiser soap --name "$name" \
        --seed "$seed" --steps "$steps" --batch-size "${LPS_TRAIN_BATCH:-auto:256}" --average 0.9995 "${@:3}"
}

pack() {
    local folder=$1 graph=${2:-}
    cd "$here/.." || exit 1
    mkdir -p "$folder/work/runs" || exit 1
    cp -r training devtools/{gpu_train,usage}.sh "$folder/"
    find "$folder" -name __pycache__ -prune -exec rm -r {} +
    cp -rL "$work/data" "$folder/work/"
    rm -rf "$folder"/work/data/*/{test,interior}
    for name in $runs; do
        mkdir -p "$folder/work/runs/$name"
        newest=$(find "$work/runs/$name" -name 'model.ckpt-*.pt' 2>/dev/null | sort -V | tail -1)
        if [ -n "$newest" ]; then
            cp "$newest" "$folder/work/runs/$name/"
        elif [ "$name" = lps ] && [ -n "$graph" ]; then
            train "$PWD" lps --work "$folder/work" --init-frozen "$graph" --seconds 0 --train-only || exit 1
        fi
    done
    printf 'runs="%s"\nsteps=%s\n' "$runs" "$steps" >"$folder/packed"
    du -sh "$folder"
}

run() {
    # shellcheck disable=SC1091
    source "$here/packed"
    local out=${OUT:-$here/out} state=${LPS_TRAIN_STATE:-$here/state} failed=0
    local -A job
    mkdir -p "$out/runs" "$state"
    cp -rn "$here/work/runs" "$state/"
    ln -sfn "$here/work/data" "$state/data"
    { date -u; nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || echo "no nvidia-smi"; } 2>&1 | tee "$out/machine.txt"
    for name in $runs; do
        mkdir -p "$state/runs/$name"
        OMP_NUM_THREADS=1 train "$here" "$name" --work "$state" --device "${LPS_TRAIN_DEVICE:-cuda}" --threads 1 --seconds "$seconds" \
            --train-only >"$state/runs/$name/log.txt" 2>&1 &
        job[$name]=$!
    done
    for name in $runs; do
        wait "${job[$name]}" || failed=1
        echo "$name: $(tail -1 "$state/runs/$name/log.txt")"
        tail -1 "$state/runs/$name/lcurve.out"
        mkdir -p "$out/runs/$name"
        cp "$state/runs/$name"/{input.json,lcurve.out,log.txt} "$(find "$state/runs/$name" -name 'model.ckpt-*.pt' | sort -V | tail -1)" \
            "$out/runs/$name/"
    done
    return $failed
}

merge() {
    cd "$here/.." || exit 1
    mkdir -p "$work/runs"
    cp -r "$1"/runs/. "$work/runs/"
    chmod -R u+w "$work/runs"
    find "$work/runs" -name 'model.ckpt-*.pt' | sort -V
}

case ${1:-} in
    pack) pack "$(realpath -m "${2:?usage: gpu_train.sh pack FOLDER [GRAPH]}")" "${3:+$(realpath "$3")}" ;;
    run) run ;;
    merge) merge "$(realpath "${2:?usage: gpu_train.sh merge OUT}")" ;;
    *) exec "$here/usage.sh" "$here/gpu_train.sh" "${1:-}" ;;
esac
