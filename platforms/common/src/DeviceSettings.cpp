// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "DeviceSettings.h"

#include <algorithm>
#include <cstdlib>

#include "openmm/OpenMMException.h"

namespace LPSPlugin {

using std::string;
using std::to_string;

namespace {

constexpr int atomsForLargeBlocks = 20000;

/** Work groups that OpenMM launches at most for each multiprocessor, which it does not tell itself. */
constexpr int openmmGroupsPerProcessor = 6;

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
        return {1, 1, 1, 1, 8, 16, 64, 8, 16, 1, 1, 1, 512, 512};

    // Twice as many threads to an atom hold the channels of double precision in registers. With half the rows a work
    // group keeps within the 32 kB of local memory that every device has.

    const int lanes = isDouble ? 16 : 8, groupRows = isDouble ? 8 : 16, forceGroups = isDouble ? 2 : 3;

    if (kind == "gpu-small")
        return {lanes, groupRows, 4, forceGroups, 32, 32, 16, 4, 4, 8, 128, 256, 16384, 2048};
    if (isDouble)
        return {lanes, groupRows, 4, forceGroups, 64, 64, 16, 4, 8, 3, 256, 256, 8192, 0};
    return {lanes, groupRows, 4, forceGroups, 128, 128, 16, 8, 8, 2, 256, 256, 16384, 0};
}

DeviceSettings chooseDeviceSettings(OpenMM::ComputeContext& cc, int numAtoms) {
    const string kind = chooseKind(cc, numAtoms);
    DeviceSettings settings = getDeviceSettings(kind, cc.getUseDoublePrecision());
    if (kind != "cpu")
        settings.tileRows = fitTileRows(settings, cc.getNumThreadBlocks() / openmmGroupsPerProcessor);
    return settings;
}

int fitTileRows(const DeviceSettings& settings, int numProcessors) {
    const int unit = settings.blockRows * std::max(1, numProcessors);
    return unit * std::max(1, (settings.tileRows + unit / 2) / unit);
}

int DeviceSettings::getDepth(int n) const {
    return (n + tileDepth - 1) / tileDepth * tileDepth;
}

int DeviceSettings::getPitch(int n) const {
    const int unit = std::max(tileDepth, tileOutputs);
    return (n + unit - 1) / unit * unit;
}

std::map<string, string> DeviceSettings::getDefines() const {
    return {{"LPS_LANES", to_string(lanes)},
            {"LPS_GROUP_ROWS", to_string(groupRows)},
            {"LPS_ROUND_PAIRS", to_string(roundPairs)},
            {"LPS_PAIR_THREADS", to_string(getPairThreads())},
            {"LPS_FORCE_GROUPS", to_string(forceGroups)},
            {"LPS_BLOCK_ROWS", to_string(blockRows)},
            {"LPS_TILE_OUTPUTS", to_string(tileOutputs)},
            {"LPS_TILE_DEPTH", to_string(tileDepth)},
            {"LPS_THREAD_ROWS", to_string(threadRows)},
            {"LPS_THREAD_OUTPUTS", to_string(threadOutputs)},
            {"LPS_LAYER_GROUPS", to_string(layerGroups)},
            {"LPS_PITCH_UNIT", to_string(getPitch(1))},
            {"LPS_SORT_THREADS", to_string(sortThreads)}};
}

}  // namespace LPSPlugin
