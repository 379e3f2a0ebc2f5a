// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "DeviceForces.h"

namespace LPSPlugin {

DeviceForces::DeviceForces(Device& owner, DeviceModel& deviceModel)
    : device(owner), model(deviceModel), forceKernel(compile(false)) {
    device.store(noVirials, std::vector<long long>(1, 0), "lpsNoVirials");
}

DeviceKernel DeviceForces::compile(bool virials) {
    const KernelProgram source = makeForceProgram(device.settings, model.getShape(), virials);
    const DeviceProgram program = device.compile(source);
    return DeviceKernel(device, program, "computeForces");
}

void DeviceForces::addForces(DeviceNeighborList& list, DeviceDescriptor& descriptor, const RowTile& tile,
                             double factor) {
    launch(forceKernel, list, descriptor, tile, factor, noVirials);
}

void DeviceForces::addVirials(DeviceNeighborList& list, DeviceDescriptor& descriptor, const RowTile& tile, double scale,
                              OpenMM::ComputeArray& virials) {
    if (!virialKernel)
        virialKernel = compile(true);
    launch(*virialKernel, list, descriptor, tile, scale, virials);
}

void DeviceForces::launch(DeviceKernel& kernel, DeviceNeighborList& list, DeviceDescriptor& descriptor,
                          const RowTile& tile, double scale, OpenMM::ComputeArray& virials) {
    kernel.launch(tile.numRows * device.settings.lanes, device.settings.getPairThreads(), tile.firstRow, tile.numRows,
                  list.getRankBits(), device.cc.getPaddedNumAtoms(), descriptor.getCutoffs(), Real{scale}, list.blocks,
                  model.sections, list.positions, list.shifts, list.sorted, list.sectionStart, model.typeConstants,
                  descriptor.pairRows, descriptor.pairTableRows, descriptor.pairPositions, descriptor.pairEntries,
                  descriptor.pairCounts, model.nodes, descriptor.directNodes, descriptor.projected,
                  device.cc.getLongForceBuffer(), virials);
}

}  // namespace LPSPlugin
