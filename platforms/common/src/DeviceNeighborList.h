// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <vector>

#include "Counters.h"
#include "DeviceKernel.h"
#include "ParticleSet.h"
#include "openmm/Vec3.h"

namespace LPSPlugin {

/**
 * Particles sorted by type and cell, their positions, and the list of neighbors of each row: the host side of
 * kernels/grid.cc, sorting.cc and neighborList.cc. The device decides by itself when to rebuild.
 */
class DeviceNeighborList {
public:
    /**
     * @param cutoff       nm
     * @param periodic     whether images count
     * @param numTypes     types of the model
     */
    DeviceNeighborList(Device& device, double cutoff, bool periodic, int numTypes);

    /** Take over the particles of the Force, and rebuild at the next update(). */
    void setParticles(const ParticleSet& particles);

    /**
     * Bring positions up to date with the Context, and sort particles anew where the list is to be rebuilt.
     *
     * @param counters  cleared before anything is counted
     */
    void update(Counters& counters);

    /** Rebuild the list where update() demands it. @param sections which pairs of types matter, see DeviceModel */
    void build(OpenMM::ComputeArray& sections, Counters& counters);

    /** Rebuild at the next update(), whatever the device thinks. */
    void invalidate() { mustRebuild = true; }

    /**
     * Make room after an evaluation whose list did not fit.
     *
     * @return whether there was not enough room, so that the evaluation is wrong and has to be done again
     */
    bool grow(const Counters& counters);

    int getNumRows() const { return numRows; }
    int getNumLines() const { return sectionStarts.back(); }
    int getNumLines(int type) const { return sectionStarts[type + 1] - sectionStarts[type]; }

    /** Type of each block of rows. */
    const std::vector<int>& getBlockTypes() const { return blockTypes; }
    int getRankBits() const { return rankBits; }
    int getNumSorted() const { return numSorted; }
    int getEvaluation() const { return evaluation; }
    int getClassesPerType() const { return classesPerType; }
    bool isPeriodic() const { return periodic; }
    Mixed getSquaredCutoff() const { return {getListCutoff() * getListCutoff()}; }

    /** Whether there are so few particles that one work group sorts them. */
    bool isShort() const { return oneGroup; }

    OpenMM::ComputeArray blocks, positions, sorted, shifts, sectionStart, neighbors, numNeighbors;
    OpenMM::ComputeArray cells, starts, gridCounts, firstClasses;

private:
    void compile();
    void placePeriodicGrid();
    /** @param images  [3] images of the box to look at along each vector, to either side */
    void storeShifts(const OpenMM::Vec3* vectors, const int* images);
    void sortParticles(Counters& counters);
    void storeSectionStarts();
    double getListCutoff() const { return cutoff + skin; }

    Device& device;
    OpenMM::ComputeContext& cc;
    const double cutoff;
    const bool periodic;
    const int numTypes;
    const int numParticles;
    const bool oneGroup;
    static constexpr double skin = 0.08;  // nm; costs little here, because rows keep only what is within the cutoff

    int numSorted = 0, numRows = 0, rankBits = 0, classesPerType = 0, numClasses = 0;
    int maximumCells = 0, scanGroups = 1;
    std::vector<int> sectionStarts, blockTypes;
    OpenMM::Vec3 box[3];
    int evaluation = 0;
    bool mustRebuild = true;

    OpenMM::ComputeArray classes, reference, counts, partial, unsorted, gridVectors;
    DeviceKernel sortKernel, checkKernel, placeKernel, countKernel, sumKernel, scanKernel, scatterKernel, orderKernel,
        gatherKernel, buildKernel;
};

}  // namespace LPSPlugin
