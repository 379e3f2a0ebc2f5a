#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# Prints what the comment at the top of a script says of it: for -h and --help; for any other argument as an error, which ends with 2
# and names the argument.
#
#   devtools/usage.sh SCRIPT [ARGUMENT]

about() { sed -n '5,/^$/s/^# \{0,1\}//p' "$1"; }

[[ "${2:-}" =~ ^(-h|--help)$ ]] && { about "$1"; exit; }
{
    [ -n "${2:-}" ] && printf "%s: there is no argument '%s'\n\n" "$1" "$2"
    about "$1"
} >&2
exit 2
