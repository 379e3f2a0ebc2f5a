// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <memory>
#include <vector>

#include "Device.h"
#include "lps/PreparedModel.h"

namespace LPSPlugin {

/**
 * The descriptor's side of a Deep Potential on a device: statistics, sections, padding and embeddings. Embeddings are
 * radial tables where these reach the accuracy of the precision, or the tables of a compressed model; else networks
 * that are evaluated pair by pair. Layouts are described with the kernels that read them: environment.cc, embedding.cc,
 * descriptor.cc.
 */
class DeviceModel {
public:
    /**
     * @param present    [T] whether the Force has particles of a type; tables are made for these only
     * @param useTables  false: evaluate every embedding pair by pair
     */
    DeviceModel(Device& device, std::shared_ptr<const lps::DeepPotential> model, const std::vector<bool>& present,
                bool useTables);

    const lps::DeepPotential& getPotential() const { return *model; }
    const lps::PreparedModel& getPrepared() const { return prepared; }

    ModelShape getShape() const;

    /** [T] whether particles may have a type. */
    const std::vector<bool>& getPresent() const { return present; }

    /** Whether the energy of a type is computed: present and not excluded. */
    bool isCenter(int type) const { return present[type] && !model->isAtomExcluded(type); }

    /** Whether any pair of types has no table, so that all pairs may have to be evaluated one by one. */
    bool hasUntabulatedPairs() const { return !untabulated.empty(); }

    /** [T * T] whether neighbors of a center are evaluated one by one; empty if none are. */
    const std::vector<bool>& getUntabulated() const { return untabulated; }

    int getNumTableCells() const { return numTableCells; }

    OpenMM::ComputeArray typeConstants, sections, slots, slotLimits, padding;
    OpenMM::ComputeArray tableHeads, tableCells, grids, nodes;
    OpenMM::ComputeArray networks, layers, thresholds, weights;

private:
    void storeStatistics();
    void storeSections();
    void storeTables();
    void storeNetworks();

    Device& device;
    std::shared_ptr<const lps::DeepPotential> model;
    std::vector<bool> present;
    const bool isDouble;
    const lps::PreparedModel prepared;
    std::vector<bool> untabulated;
    int maximumWidth = 1;
    int numTableCells = 1;
};

}  // namespace LPSPlugin
