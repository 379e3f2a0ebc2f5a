// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "DeviceSettings.h"

#include <cstdlib>

#include "openmm/OpenMMException.h"

namespace LPSPlugin {

using std::string;
using std::to_string;

namespace {

constexpr int atomsForLargeBlocks = 20000;

string chooseKind(OpenMM::ComputeContext& cc, int numAtoms) {
    if (const char* chosen = std::getenv("OPENMM_LPS_DEVICE_KIND"); chosen != nullptr && chosen[0] != '\0') {
        const string kind = chosen;
        if (kind != "cpu" && kind != "gpu-small" && kind != "gpu-large")
            throw OpenMM::OpenMMException(
                "OPENMM_LPS_DEVICE_KIND: '" + kind.substr(0, 32) +
                "' is not a known kind of device; set it to cpu, gpu-small or gpu-large, or unset it.");
        return kind;
    }
    if (cc.getIsCPU())
        return "cpu";
    return numAtoms < atomsForLargeBlocks ? "gpu-small" : "gpu-large";
}

}  // namespace

DeviceSettings getDeviceSettings(const string& kind, bool isDouble) {
    if (kind == "cpu")
        return {1, 1, 8, 16, 64, 8, 16, 1, 1, 512, 512};

    // Half the rows in double precision keep a work group within the 32 kB of local memory that every device has.

    if (kind == "gpu-small")
        return {8, isDouble ? 8 : 16, 32, 32, 16, 4, 2, 128, 256, 16384, 2048};
    if (isDouble)
        return {8, 8, 64, 64, 16, 4, 8, 128, 256, 8192, 0};
    return {8, 16, 128, 64, 16, 8, 8, 128, 256, 16384, 0};
}

DeviceSettings chooseDeviceSettings(OpenMM::ComputeContext& cc, int numAtoms) {
    return getDeviceSettings(chooseKind(cc, numAtoms), cc.getUseDoublePrecision());
}

std::map<string, string> DeviceSettings::getDefines() const {
    return {{"LPS_LANES", to_string(lanes)},
            {"LPS_GROUP_ROWS", to_string(groupRows)},
            {"LPS_BLOCK_ROWS", to_string(blockRows)},
            {"LPS_TILE_OUTPUTS", to_string(tileOutputs)},
            {"LPS_TILE_DEPTH", to_string(tileDepth)},
            {"LPS_THREAD_ROWS", to_string(threadRows)},
            {"LPS_THREAD_OUTPUTS", to_string(threadOutputs)},
            {"LPS_SORT_THREADS", to_string(sortThreads)}};
}

}  // namespace LPSPlugin
