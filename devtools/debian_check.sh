#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# The demonstration and every test in a minimal Debian, as someone with a new machine meets them. Needs root and debootstrap; what is
# committed is checked, in build/debian-SUITE, which stays for another run.
#
#   devtools/debian_check.sh [SUITE [COMMAND]]      default: trixie "devtools/demo.sh && devtools/test.sh"

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
suite=${1:-trixie}
command=${2:-devtools/demo.sh && devtools/test.sh}
tree=$PWD/build/debian-$suite
if [ ! -e "$tree/complete" ]; then
    mkdir -p "$tree"
    debootstrap --variant=minbase "$suite" "$tree" >"$tree.log" 2>&1 || { tail -5 "$tree.log" >&2; exit 1; }
    touch "$tree/complete"
fi
# The network as this machine reaches it.
for path in /etc/resolv.conf /etc/pip.conf /usr/local/share/ca-certificates /etc/ssl/certs/ca-certificates.crt; do
    [ ! -e $path ] || { mkdir -p "$tree$(dirname $path)" && cp -rL $path "$tree$(dirname $path)/"; }
done
rm -rf "$tree/root/openmm-lps"
git clone --quiet . "$tree/root/openmm-lps"
# Mounts end with the process.
time unshare --mount --pid --fork bash -euc "
    mount -t proc proc '$tree/proc'
    mount --rbind /dev '$tree/dev'
    mount -t sysfs sys '$tree/sys'  # PoCL aborts where it cannot see the processors
    exec chroot '$tree' env HOME=/root LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
        bash -euc 'cd /root/openmm-lps && $command'"
