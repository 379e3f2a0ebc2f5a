// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <vector>

#include "CounterFields.h"
#include "Device.h"

namespace LPSPlugin {

/** Counters and sums of one evaluation on a device. */
class Counters {
public:
    Counters(Device& device, int numTypes);

    /** Have a field for each of so many tiles. */
    void setNumTiles(int numTiles);

    /** Start the copy to the host of what has been counted by then. */
    void startDownload();

    /** Wait for the copy. */
    void finishDownload();

    /** A field as it was copied. */
    int get(Counter counter, int index = 0) const { return copy[static_cast<int>(counter) + index]; }

    int getSize() const { return size; }

    OpenMM::ComputeArray fields;
    OpenMM::ComputeArray sums;  ///< [numSums]

private:
    Device& device;
    const int numTypes;
    int size = 0;
    std::vector<int> pageable;  // where the array is larger than the buffer of OpenMM for fast copies
    const int* copy = nullptr;
    OpenMM::ComputeEvent event;
};

}  // namespace LPSPlugin
