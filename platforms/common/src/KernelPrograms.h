// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <map>
#include <string>

#include "DeviceSettings.h"

namespace LPSPlugin {

/**
 * @file KernelPrograms.h
 * The device programs of this plugin: which kernel files each consists of, and with which macros it is compiled. Tests
 * compile the same programs.
 */

struct KernelProgram {
    std::string source;
    std::map<std::string, std::string> defines;
};

/** What kernels have to know of a model at compile time. */
struct ModelShape {
    int numTypes;
    int embeddingWidth;  ///< M1
    int axisWidth;       ///< M2
    int maximumWidth;    ///< widest layer of any embedding
    bool isCompressed;   ///< embeddings are grids, not networks
    bool isFolded;       ///< D_ij and D_ji, where both exist, are one input of the fitting networks

    /** Groups of four channels. */
    int countQuads() const;

    /** Inputs of the fitting networks: M1 M2, less M2 (M2 - 1) / 2 if folded. */
    int countInputs() const;

    /** Index of D_ij among them, j < M2; kernels/descriptor.cc counts in the same way. */
    int getInput(int i, int j) const;
};

/**
 * @param numClasses      see ParticleSet.h
 * @param classesPerType  1, or 2 where several devices share the work
 * @param usesCorrection  whether positions come as sums of two numbers
 * @param oneGroup        whether one work group sorts the particles, in one launch
 */
KernelProgram makeNeighborListProgram(const DeviceSettings& settings, int numTypes, int numClasses, int classesPerType,
                                      bool periodic, bool usesCorrection, bool oneGroup);
KernelProgram makeDescriptorProgram(const DeviceSettings& settings, const ModelShape& shape);

/** List, pairs and A in one launch; see kernels/fewRows.cc. */
KernelProgram makeFewRowsProgram(const DeviceSettings& settings, const ModelShape& shape, int classesPerType,
                                 bool periodic);
KernelProgram makeFittingProgram(const DeviceSettings& settings, const ModelShape& shape);
KernelProgram makeForceProgram(const DeviceSettings& settings, const ModelShape& shape, bool virials);

}  // namespace LPSPlugin
