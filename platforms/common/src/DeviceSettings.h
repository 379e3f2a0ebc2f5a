// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <map>
#include <string>

#include "openmm/common/ComputeContext.h"

namespace LPSPlugin {

/**
 * How work is divided on a device: the sizes that kernels are compiled with. Chosen once per Context from the kind of
 * device, the precision and the number of atoms.
 */
struct DeviceSettings {
    int lanes;             ///< threads that share the channels of one atom
    int groupRows;         ///< atoms of a work group in the kernels that use lanes
    int roundPairs;        ///< pairs of an atom that leave parts in local memory at a time, at most `lanes`
    int forceGroups;       ///< work groups of the forces that a multiprocessor is to hold
    int blockRows;         ///< rows of one type that belong together; a multiple of groupRows
    int tileOutputs;       ///< outputs of a layer per work group
    int tileDepth;         ///< inputs of a layer held in local memory at a time
    int threadRows;        ///< rows per thread in a layer, a multiple of 4
    int threadOutputs;     ///< outputs per thread in a layer, a multiple of 4
    int layerGroups;       ///< work groups of a layer that a multiprocessor is to hold
    int flatThreads;       ///< work group of kernels whose threads are independent
    int sortThreads;       ///< work group of kernels that scan
    int tileRows;          ///< most rows whose intermediate results are held at a time
    int sortedInOneGroup;  ///< most particles that a single work group sorts, in one launch instead of six

    int getPairThreads() const { return lanes * groupRows; }
    int getLayerThreads() const { return (blockRows / threadRows) * (tileOutputs / threadOutputs); }

    /** Rows of a matrix of weights with n inputs. */
    int getDepth(int n) const;

    /** Columns of a matrix in memory that has n. */
    int getPitch(int n) const;

    /** The macros that tell the kernels. */
    std::map<std::string, std::string> getDefines() const;
};

/**
 * @param kind  "cpu", "gpu-small" or "gpu-large"; see chooseDeviceSettings()
 */
DeviceSettings getDeviceSettings(const std::string& kind, bool isDouble);

/**
 * Kinds are "cpu" (a work group is one thread), "gpu-small" (few atoms: small blocks, so that all processors get work)
 * and "gpu-large". The environment variable OPENMM_LPS_DEVICE_KIND
 * chooses one, for tests.
 *
 * @throws OpenMMException if the environment variable names none of them
 */
DeviceSettings chooseDeviceSettings(OpenMM::ComputeContext& cc, int numAtoms);

/** Rows of a tile near settings.tileRows that give so many multiprocessors equally many blocks. */
int fitTileRows(const DeviceSettings& settings, int numProcessors);

}  // namespace LPSPlugin
