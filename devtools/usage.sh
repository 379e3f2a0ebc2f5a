#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# Prints what the comment at the top of a script says of it. With an argument that the script does not know, says so too, and ends
# with 2.
#
#   devtools/usage.sh SCRIPT [ARGUMENT]

about() { sed -n '5,/^$/s/^# \{0,1\}//p' "$1"; }

[ $# -eq 1 ] && { about "$1"; exit; }
{
    echo "$1: there is no argument '${2:-}'"
    echo
    about "$1"
} >&2
exit 2
