// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <optional>

#include "DeviceDescriptor.h"

namespace LPSPlugin {

/** Forces, or virials, from G: the host side of kernels/forces.cc. */
class DeviceForces {
public:
    DeviceForces(Device& device, DeviceModel& model);

    /** Add the forces of a tile's centers, times a factor, to those of the Context. */
    void addForces(DeviceNeighborList& list, DeviceDescriptor& descriptor, const RowTile& tile, double factor);

    /**
     * Add the virials of the particles that have a part in the energies of a tile's centers.
     *
     * @param scale    units of the sums in 1 kJ/mol
     * @param virials  [9][padded particles] 64-bit integers, xx, xy, xz, yx ... in OpenMM's order of particles, added
     * to
     */
    void addVirials(DeviceNeighborList& list, DeviceDescriptor& descriptor, const RowTile& tile, double scale,
                    OpenMM::ComputeArray& virials);

private:
    DeviceKernel compile(bool virials);
    void launch(DeviceKernel& kernel, DeviceNeighborList& list, DeviceDescriptor& descriptor, const RowTile& tile,
                double scale, OpenMM::ComputeArray& virials);

    Device& device;
    DeviceModel& model;
    DeviceKernel forceKernel;
    std::optional<DeviceKernel> virialKernel;  // compiled when first wanted
    OpenMM::ComputeArray noVirials;
};

}  // namespace LPSPlugin
