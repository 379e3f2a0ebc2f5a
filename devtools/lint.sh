#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# Checks formatting and lint of C++ (clang-format) and Python (ruff, mypy), with the versions of pyproject.toml; --fix repairs what it can.
# Needs devtools/setup.sh to have run.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH"
export PIP_DISABLE_PIP_VERSION_CHECK=1

requirements=$(python -c '
import tomllib
with open("pyproject.toml", "rb") as file:
    print("\n".join(tomllib.load(file)["project"]["optional-dependencies"]["lint"]))')
if [ "$requirements" != "$(cat .venv/lps-lint 2>/dev/null)" ]; then
    printf '%s\n' "$requirements" | pip install --quiet --requirement /dev/stdin
    printf '%s\n' "$requirements" >.venv/lps-lint
fi

mapfile -t sources < <(git ls-files '*.cpp' '*.h' '*.cc')
if [ "${1:-}" = "--fix" ]; then
    clang-format -i "${sources[@]}"
    ruff check --quiet --fix .
    ruff format --quiet .
else
    clang-format --dry-run -Werror "${sources[@]}"
    ruff check --quiet .
    ruff format --quiet --check .
    mypy --no-error-summary
fi
