// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "ParticleSet.h"

#include <algorithm>

namespace LPSPlugin {

ParticleSet makeParticleSet(const LPSForce& force, int numSystemParticles, const std::vector<bool>& isCenter,
                            const std::vector<bool>& mayOccur, int blockRows, int device, int numDevices) {
    const int numTypes = static_cast<int>(isCenter.size());
    const long long count = force.getNumParticles();
    ParticleSet set;
    set.classesPerType = numDevices > 1 ? 2 : 1;
    set.types.assign(numSystemParticles, -1);
    set.classes.assign(numSystemParticles, -1);
    set.ownedCounts.assign(numTypes, 0);
    set.numSorted = static_cast<int>(count);
    set.firstClasses.assign(numTypes, 0);
    set.numClasses = 0;
    for (int type = 0; type < numTypes; type++)
        if (mayOccur[type]) {
            set.firstClasses[type] = set.numClasses;
            set.numClasses += set.classesPerType;
        }
    std::vector<int> foreignCounts(numTypes, 0);
    for (int i = 0; i < count; i++) {
        int particle, type;
        force.getParticleParameters(i, particle, type);
        const bool owned = i >= count * device / numDevices && i < count * (device + 1) / numDevices;
        set.types[particle] = type;
        set.classes[particle] = set.firstClasses[type] + (owned ? 0 : 1);
        (owned ? set.ownedCounts : foreignCounts)[type]++;
    }
    int rank = 0;
    for (int type = 0; type < numTypes; type++) {
        for (int first = 0; first < set.ownedCounts[type] && isCenter[type]; first += blockRows)
            set.blocks.push_back(
                OpenMM::mm_int4(type, rank + first, std::min(blockRows, set.ownedCounts[type] - first), 0));
        rank += set.ownedCounts[type] + foreignCounts[type];
    }
    return set;
}

}  // namespace LPSPlugin
