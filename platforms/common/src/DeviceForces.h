// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include "DeviceDescriptor.h"

namespace LPSPlugin {

/** Forces, or the virial, from G: the host side of kernels/forces.cc. */
class DeviceForces {
public:
    DeviceForces(Device& device, DeviceModel& model);

    /** Add the forces of a tile's centers to those of the Context. */
    void addForces(DeviceNeighborList& list, DeviceDescriptor& descriptor, const RowTile& tile);

    /**
     * Add the virial of a tile's centers.
     *
     * @param scale  units of the sums in 1 kJ/mol
     * @param sums   [6 or more] 64-bit integers xx, yy, zz, xy, xz, yz, added to
     */
    void addVirial(DeviceNeighborList& list, DeviceDescriptor& descriptor, const RowTile& tile, double scale,
                   OpenMM::ComputeArray& sums);

private:
    DeviceKernel compile(bool virial);
    void launch(DeviceKernel& kernel, DeviceNeighborList& list, DeviceDescriptor& descriptor, const RowTile& tile,
                double scale, OpenMM::ComputeArray& sums);

    Device& device;
    DeviceModel& model;
    DeviceKernel forceKernel, virialKernel;
    bool hasVirialKernel = false;
    OpenMM::ComputeArray noSums;
};

}  // namespace LPSPlugin
