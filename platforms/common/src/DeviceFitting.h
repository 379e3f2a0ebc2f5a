// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <memory>
#include <vector>

#include "DeviceDescriptor.h"

namespace LPSPlugin {

/**
 * The fitting networks on a device, forward and backward: the host side of kernels/fitting.cc. Energies come without
 * what is constant for a type; getConstantEnergy() has that.
 */
class DeviceFitting {
public:
    DeviceFitting(Device& device, DeviceModel& model);

    /** Make room for a tile. */
    void reserveRows(int tileRows);

    /** Hidden layers of all rows, from A. */
    void forward(DeviceNeighborList& list, const RowTile& tile, OpenMM::ComputeArray& contracted);

    /**
     * Energies after forward().
     *
     * @param scale         units of the sums in 1 kJ/mol
     * @param atomEnergies  [particles] kJ/mol, by index within the System
     * @param sums          [numSums] 64-bit integers, added to
     */
    void sumEnergies(DeviceNeighborList& list, const RowTile& tile, double scale, OpenMM::ComputeArray& atomEnergies,
                     OpenMM::ComputeArray& sums);

    /** Download the inputs of the output layer after forward(). @param features [rows][w], extended by those of a tile
     */
    void appendFeatures(const RowTile& tile, std::vector<double>& features);

    /** Y = dE/dD, after forward(); found in getGradient(). */
    void backward(DeviceNeighborList& list, const RowTile& tile);

    /** [rows][DeviceSettings::getPitch(ModelShape::countInputs())] */
    OpenMM::ComputeArray& getGradient() { return gradients[0]; }

    /** Energy in eV that every atom of a type has: bias, vacuum and the bias of the output layer, in double precision.
     */
    double getConstantEnergy(int type) const { return constantEnergies[type]; }

private:
    /** A layer before the output layer, the same for all types but for its weights. */
    struct HiddenLayer {
        int inputs, outputs;
        lps::Activation activation;
        lps::Residual residual;
        bool hasTimestep;
        OpenMM::ComputeArray forwardOffsets, backwardOffsets;  // [T]
    };

    /** The fitting network of the first center, whose shape all others share; null without centers. */
    const lps::Network* findCommonNetwork() const;
    void storeLayers();
    /** @param numbers  what goes to the device as weights, added to */
    void addHiddenLayer(int k, const lps::Layer& common, std::vector<double>& numbers);
    void addOutputLayer(bool isPlain, std::vector<double>& numbers);
    /** Append a matrix, padded with zeros to the pitch of its columns and to so many rows. */
    void addMatrix(const std::vector<double>& matrix, int columns, int paddedRows, std::vector<double>& numbers);
    void storeDescriptorInputs();
    /** Threads for a matrix product of this many rows and columns. */
    int countLayerThreads(int rows, int columns) const;

    Device& device;
    DeviceModel& model;
    std::vector<std::unique_ptr<HiddenLayer>> hidden;
    int outputInputs = 0;
    bool isOutputPlain = true;
    std::vector<double> constantEnergies;
    OpenMM::ComputeArray weights, outputOffsets, descriptorInputs;
    OpenMM::ComputeArray activations[2], gradients[2];
    std::vector<std::unique_ptr<OpenMM::ComputeArray>> slopes;
    DeviceKernel firstKernel, forwardKernel, backwardKernel, energyKernel;
};

}  // namespace LPSPlugin
