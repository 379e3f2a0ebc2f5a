// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <string>

#include "Device.h"

namespace LPSPlugin {

/** Arguments whose type on the device depends on the precision. */
struct Real {
    double value;
};
struct Mixed {
    double value;
};
struct Real4 {
    double x, y, z, w;
};

/** A kernel that is launched with all its arguments. */
class DeviceKernel {
public:
    DeviceKernel() = default;
    DeviceKernel(Device& owner, OpenMM::ComputeProgram program, const std::string& name);

    /**
     * @param threads    threads that have work; the device may use fewer
     * @param groupSize  threads of a work group
     */
    template <class... Arguments>
    void launch(int threads, int groupSize, Arguments&&... arguments) {
        for (; declared < static_cast<int>(sizeof...(arguments)); declared++)
            kernel->addArg();
        int index = 0;
        (set(index++, arguments), ...);
        execute(threads, groupSize);
    }

private:
    void set(int index, OpenMM::ArrayInterface& array) { kernel->setArg(index, array); }
    void set(int index, int value) { kernel->setArg(index, value); }
    void set(int index, Real value);
    void set(int index, Mixed value);
    void set(int index, const Real4& value);
    void setNumber(int index, double value, bool isDouble);
    void execute(int threads, int groupSize);

    Device* device = nullptr;
    OpenMM::ComputeKernel kernel;
    DeviceUsage::Kernel* usage = nullptr;
    int declared = 0;
};

}  // namespace LPSPlugin
