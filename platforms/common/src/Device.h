// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <string>
#include <vector>

#include "DeviceSettings.h"
#include "DeviceUsage.h"
#include "KernelPrograms.h"
#include "openmm/common/ComputeArray.h"
#include "openmm/common/ComputeContext.h"
#include "openmm/common/ComputeEvent.h"

namespace LPSPlugin {

/** A program, and the text it was compiled from. */
struct DeviceProgram {
    OpenMM::ComputeProgram compiled;
    std::string source;
};

/** A device as the stages of an evaluation see it: short forms for what each does with a ComputeContext. */
class Device {
public:
    Device(OpenMM::ComputeContext& context, const DeviceSettings& deviceSettings);

    bool isRealDouble() const { return cc.getUseDoublePrecision(); }
    bool isMixedDouble() const { return cc.getUseDoublePrecision() || cc.getUseMixedPrecision(); }
    int getRealSize() const { return isRealDouble() ? sizeof(double) : sizeof(float); }
    int getMixedSize() const { return isMixedDouble() ? sizeof(double) : sizeof(float); }

    DeviceProgram compile(const KernelProgram& program);

    /** Make an array at least this large; what it held is lost if it grows. */
    void reserve(OpenMM::ComputeArray& array, std::size_t size, int elementSize, const char* name);

    /** Create or overwrite an array of any plain type. */
    template <class T>
    void store(OpenMM::ComputeArray& array, std::vector<T> data, const char* name) {
        if (data.empty())
            data.resize(1);
        reserve(array, data.size(), sizeof(T), name);
        array.uploadSubArray(data.data(), 0, static_cast<int>(data.size()));
    }

    /** Create or overwrite an array of numbers, `components` to an element, as float or double. */
    void storeNumbers(OpenMM::ComputeArray& array, std::vector<double> data, int components, bool isDouble,
                      const char* name);

    /** Wait until everything launched so far is done. */
    void wait();

    OpenMM::ComputeContext& cc;
    const DeviceSettings settings;
    DeviceUsage usage;

private:
    OpenMM::ComputeEvent event;
};

}  // namespace LPSPlugin
