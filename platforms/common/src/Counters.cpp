// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "Counters.h"

namespace LPSPlugin {

using std::vector;

Counters::Counters(Device& owner, int types) : device(owner), numTypes(types), event(owner.cc.createEvent()) {
    device.store(sums, vector<long long>(numSums, 0), "lpsSums");
    setNumTiles(1);
}

void Counters::setNumTiles(int numTiles) {
    const int wanted = static_cast<int>(Counter::Neighbors) + numTypes + numTiles;
    if (wanted <= size)
        return;
    size = wanted;
    device.store(fields, vector<int>(size, 0), "lpsCounters");
}

void Counters::startDownload() {
    // OpenMM copies forces through its buffer, so that is at least as large as the array of forces.

    OpenMM::ArrayInterface& forces = device.cc.getLongForceBuffer();
    const bool fits = fields.getSize() * sizeof(int) <= forces.getSize() * forces.getElementSize();
    if (!fits)
        pageable.resize(fields.getSize());
    void* target = fits ? device.cc.getPinnedBuffer() : pageable.data();
    fields.download(target, false);
    event->enqueue();
    copy = static_cast<const int*>(target);
}

void Counters::finishDownload() {
    event->wait();
}

}  // namespace LPSPlugin
