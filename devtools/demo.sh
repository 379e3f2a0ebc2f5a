#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# From a bare Debian 12 or 13 or Ubuntu 24.04 to molecular dynamics of crystalline beta-Li3PS4 at 600 K. It says what it will install, and
# asks; --yes comes first and skips the question. Other arguments go to `openmm-lps run`, after those of the demonstration, so that for
# instance `devtools/demo.sh --time 20ps` runs longer.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
yes=()
[ "${1:-}" != --yes ] || { yes=(--yes) && shift; }
devtools/setup.sh ${yes[@]+"${yes[@]}"}

# A crystal at rest takes half of the heat that it starts with, so it is brought to 600 K first; the thermostat is strong, for a mean
# temperature within 10 K of that after only 4 ps.
folder=runs/demo-$(date +%Y%m%d-%H%M%S)
echo
echo "== openmm-lps run beta-Li3PS4 at 600 K; results in $folder"
exec .venv/bin/openmm-lps run beta-Li3PS4 --supercell 1x2x2 --temperature 600 --friction 5 --equilibrate 1ps --time 4ps \
    --output "$folder" "$@"
