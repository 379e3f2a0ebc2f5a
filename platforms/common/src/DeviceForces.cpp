// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "DeviceForces.h"

namespace LPSPlugin {

DeviceForces::DeviceForces(Device& owner, DeviceModel& deviceModel)
    : device(owner), model(deviceModel), forceKernel(compile(false)) {
    device.store(noSums, std::vector<long long>(1, 0), "lpsNoSums");
}

DeviceKernel DeviceForces::compile(bool virial) {
    const KernelProgram source = makeForceProgram(device.settings, model.getShape(), virial);
    const DeviceProgram program = device.compile(source);
    return DeviceKernel(device, program, "computeForces");
}

void DeviceForces::addForces(DeviceNeighborList& list, DeviceDescriptor& descriptor, const RowTile& tile) {
    launch(forceKernel, list, descriptor, tile, 0.0, noSums);
}

void DeviceForces::addVirial(DeviceNeighborList& list, DeviceDescriptor& descriptor, const RowTile& tile, double scale,
                             OpenMM::ComputeArray& sums) {
    if (!hasVirialKernel) {
        virialKernel = compile(true);
        hasVirialKernel = true;
    }
    launch(virialKernel, list, descriptor, tile, scale, sums);
}

void DeviceForces::launch(DeviceKernel& kernel, DeviceNeighborList& list, DeviceDescriptor& descriptor,
                          const RowTile& tile, double scale, OpenMM::ComputeArray& sums) {
    kernel.launch(tile.numRows * device.settings.lanes, device.settings.lanes * device.settings.groupRows,
                  tile.firstRow, tile.numRows, list.getRankBits(), device.cc.getPaddedNumAtoms(),
                  descriptor.getCutoffs(), Real{scale}, list.blocks, model.sections, list.positions, list.shifts,
                  list.sorted, list.sectionStart, model.typeConstants, descriptor.pairRows, descriptor.pairTableRows,
                  descriptor.pairPositions, descriptor.pairEntries, descriptor.pairCounts, model.tableLow,
                  model.tableHigh, descriptor.getDirectCapacity(), descriptor.directEmbedding, descriptor.projected,
                  device.cc.getLongForceBuffer(), sums);
}

}  // namespace LPSPlugin
