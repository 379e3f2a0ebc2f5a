// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <optional>

#include "Counters.h"
#include "DeviceKernel.h"
#include "DeviceModel.h"
#include "DeviceNeighborList.h"

namespace LPSPlugin {

/** A range of rows whose intermediate results are held at the same time. */
struct RowTile {
    int index;
    int firstRow;
    int numRows;
};

/**
 * From neighbors to the contracted environment A, and from Y = dE/dD back to G: the host side of
 * kernels/environment.cc, embedding.cc and descriptor.cc.
 */
class DeviceDescriptor {
public:
    DeviceDescriptor(Device& device, DeviceModel& model);

    /** Divide the rows into tiles and make room for one. To be called when the list has changed its size. */
    void arrange(const DeviceNeighborList& list);

    const std::vector<RowTile>& getTiles() const { return tiles; }

    /** Rows of the largest tile. */
    int getTileRows() const { return tileRows; }

    /** Whether contractFewRows() does what the list, computeEnvironment() and contract() do otherwise. */
    bool hasFewRows(const DeviceNeighborList& list) const;

    /** Rebuild the list if demanded, find the pairs within the cutoff, and compute A of all rows, in one launch. */
    void contractFewRows(DeviceNeighborList& list, Counters& counters);

    /** Find the pairs within the cutoff and their rows. */
    void computeEnvironment(DeviceNeighborList& list, Counters& counters, const RowTile& tile);

    /** A, from the environment. */
    void contract(DeviceNeighborList& list, Counters& counters, const RowTile& tile);

    /** G, from Y. @param gradient [rows][ModelShape::countInputs()] */
    void project(const RowTile& tile, OpenMM::ComputeArray& gradient);

    /**
     * Make room after an evaluation in which more pairs than expected were too near for tables.
     *
     * @return whether the evaluation has to be done again
     */
    bool grow(const Counters& counters, const DeviceNeighborList& list);

    /** Cutoffs as the kernels take them, in angstrom. */
    Real4 getCutoffs() const;

    OpenMM::ComputeArray pairRows, pairTableRows, pairPositions, pairEntries, pairCounts;
    OpenMM::ComputeArray directNodes;
    OpenMM::ComputeArray contracted, projected;

private:
    void divideRows(const DeviceNeighborList& list);
    void reserveDirect();
    Real getInverseNormalizer() const { return {1.0 / model.getPotential().getData().normalizer}; }

    Device& device;
    DeviceModel& model;
    std::vector<RowTile> tiles;
    int tileRows = 0;
    int directCapacity = 0;  // none until a pair is found that is too near for tables
    OpenMM::ComputeArray directInput, directWork;
    DeviceKernel environmentKernel, embeddingKernel, contractKernel, projectKernel;
    std::optional<DeviceKernel> fewRowsKernel;  // compiled when it is needed
};

}  // namespace LPSPlugin
