// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "Device.h"

#include <algorithm>

namespace LPSPlugin {

using std::size_t;
using std::vector;

Device::Device(OpenMM::ComputeContext& context, const DeviceSettings& deviceSettings)
    : cc(context), settings(deviceSettings), event(context.createEvent()) {}

DeviceProgram Device::compile(const KernelProgram& program) {
    return {cc.compileProgram(program.source, program.defines), program.source};
}

void Device::reserve(OpenMM::ComputeArray& array, size_t size, int elementSize, const char* name) {
    size = std::max<size_t>(size, 1);
    if (!array.isInitialized())
        array.initialize(cc, size, elementSize, name);
    else if (array.getSize() < size)
        array.resize(size);
    usage.setBytes(&array, array.getSize() * elementSize);
}

void Device::storeNumbers(OpenMM::ComputeArray& array, vector<double> data, int components, bool isDouble,
                          const char* name) {
    if (data.empty())
        data.resize(components);
    const int count = static_cast<int>(data.size() / components);
    if (isDouble) {
        reserve(array, count, components * static_cast<int>(sizeof(double)), name);
        array.uploadSubArray(data.data(), 0, count);
    } else {
        const vector<float> rounded(data.begin(), data.end());
        reserve(array, count, components * static_cast<int>(sizeof(float)), name);
        array.uploadSubArray(rounded.data(), 0, count);
    }
}

void Device::wait() {
    event->enqueue();
    event->wait();
}

}  // namespace LPSPlugin
