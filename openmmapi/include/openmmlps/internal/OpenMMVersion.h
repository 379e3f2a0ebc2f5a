// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <string>

#include "openmm/Platform.h"

namespace LPSPlugin {

/**
 * Whether the OpenMM in this process has the binary interface that the calling library was compiled for. OpenMM changes
 * it with every minor version. A plugin that does not fit registers nothing: OpenMM loads every library in its plugin
 * folder, and an exception or a foreign object there would break `import openmm` for everybody.
 */
inline bool isOpenMMCompatible() {
    const std::string required = OPENMM_LPS_OPENMM_MINOR;  // "8.6"
    const std::string& present = OpenMM::Platform::getOpenMMVersion();
    return present.compare(0, required.size(), required) == 0 &&
           (present.size() == required.size() || present[required.size()] == '.');
}

}  // namespace LPSPlugin
