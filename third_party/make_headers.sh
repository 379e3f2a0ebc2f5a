#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
#
# Makes headers.tar.xz again, byte by byte, from the release archives that README.md names.
#
#   third_party/make_headers.sh FOLDER      FOLDER: holds the three archives

set -euo pipefail
releases=$(realpath "$1")
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/in" "$work/headers"/{eigen,json/nlohmann,highway}
cd "$work/in"
sed -n 's/.*`\([0-9a-f]\{64\}\)`.*/\1/p' "$here/README.md" | sort >"$work/expected"
for archive in "$releases"/*.tar.*; do
    if sha256sum "$archive" | cut -d ' ' -f 1 | grep -qxFf "$work/expected"; then
        tar -xf "$archive"
    fi
done

cd "$work/in"/eigen-*
cp --parents COPYING.MPL2 COPYING.README Eigen/Core Eigen/src/plugins/*.h "$work/headers/eigen"
find Eigen/src/Core -name '*.h' -not -name '*_BLAS.h' -not -name '*_MKL.h' -not -path '*/GPU/*' -not -path '*/HIP/*' \
    -not -path '*/SYCL/*' -exec cp --parents {} "$work/headers/eigen" \;
cd "$work/in"/json-*
cp LICENSE.MIT "$work/headers/json"
cp single_include/nlohmann/json.hpp "$work/headers/json/nlohmann"
cd "$work/in"/highway-*
cp --parents LICENSE LICENSE-BSD3 hwy/{base,detect_compiler_arch,detect_targets,foreach_target,highway,highway_export,targets}.h \
    hwy/ops/{arm_neon,emu128,generic_ops,inside,scalar,set_macros,shared,x86_128,x86_256,x86_512}-inl.h "$work/headers/highway"

cd "$work/headers"
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX -cf - * | xz -9e >"$here/headers.tar.xz"
sha256sum "$here/headers.tar.xz"
