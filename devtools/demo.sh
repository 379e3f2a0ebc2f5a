#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# From a bare Debian 12 or Ubuntu 24.04 to molecular dynamics of crystalline beta-Li3PS4 at 600 K. Arguments go to `openmm-lps run`,
# after those of the demonstration, so that for instance `devtools/demo.sh --time 20ps` runs longer.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
devtools/setup.sh

folder=runs/demo-$(date +%Y%m%d-%H%M%S)
echo
echo "== openmm-lps run beta-Li3PS4 at 600 K; results in $folder"
exec .venv/bin/openmm-lps run beta-Li3PS4 --supercell 1x2x2 --temperature 600 --time 5ps --output "$folder" "$@"
