// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <string>
#include <vector>

#include "Device.h"
#include "KernelSignature.h"

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

/**
 * A kernel that is launched with all its arguments. The first launch checks them against the text of the kernel, and
 * the size of a work group against what the device allows.
 */
class DeviceKernel {
public:
    DeviceKernel() = default;

    /** @throws OpenMMException if the program has no such kernel */
    DeviceKernel(Device& owner, const DeviceProgram& program, const std::string& name);

    /**
     * @param threads    threads that have work; the device may use fewer
     * @param groupSize  threads of a work group
     * @throws OpenMMException if the kernel takes other arguments, or the device refuses the size of the work group
     */
    template <class... Arguments>
    void launch(int threads, int groupSize, Arguments&&... arguments) {
        if (!isReady)
            prepare(groupSize, {describe(arguments)...});
        int index = 0;
        (set(index++, arguments), ...);
        execute(threads, groupSize);
    }

private:
    static KernelArgument describe(OpenMM::ArrayInterface& array) { return {"", "", true, array.getElementSize()}; }
    static KernelArgument describe(int) { return {"", "int", false, 0}; }
    static KernelArgument describe(Real) { return {"", "real", false, 0}; }
    static KernelArgument describe(Mixed) { return {"", "mixed", false, 0}; }
    static KernelArgument describe(const Real4&) { return {"", "real4", false, 0}; }
    void prepare(int groupSize, const std::vector<KernelArgument>& given);
    void set(int index, OpenMM::ArrayInterface& array) { kernel->setArg(index, array); }
    void set(int index, int value) { kernel->setArg(index, value); }
    void set(int index, Real value);
    void set(int index, Mixed value);
    void set(int index, const Real4& value);
    void setNumber(int index, double value, bool isDouble);
    void execute(int threads, int groupSize);

    Device* device = nullptr;
    OpenMM::ComputeKernel kernel;
    std::vector<KernelArgument> signature;
    DeviceUsage::Kernel* usage = nullptr;
    bool isReady = false;
};

}  // namespace LPSPlugin
