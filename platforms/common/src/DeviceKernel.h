// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "openmm/common/ComputeArray.h"
#include "openmm/common/ComputeContext.h"

namespace LPSPlugin {

/**
 * @file DeviceKernel.h
 * Short forms for what every stage does with a ComputeContext: compile, fill arrays, launch.
 */

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

inline bool isRealDouble(const OpenMM::ComputeContext& cc) {
    return cc.getUseDoublePrecision();
}
inline bool isMixedDouble(const OpenMM::ComputeContext& cc) {
    return cc.getUseDoublePrecision() || cc.getUseMixedPrecision();
}
inline int getRealSize(const OpenMM::ComputeContext& cc) {
    return isRealDouble(cc) ? sizeof(double) : sizeof(float);
}
inline int getMixedSize(const OpenMM::ComputeContext& cc) {
    return isMixedDouble(cc) ? sizeof(double) : sizeof(float);
}

/** A kernel that is launched with all its arguments. */
class DeviceKernel {
public:
    DeviceKernel() = default;
    DeviceKernel(OpenMM::ComputeContext& context, OpenMM::ComputeProgram program, const std::string& name)
        : cc(&context), kernel(program->createKernel(name)) {}

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
        kernel->execute(threads, groupSize);
    }

private:
    void set(int index, OpenMM::ArrayInterface& array) { kernel->setArg(index, array); }
    void set(int index, int value) { kernel->setArg(index, value); }
    void set(int index, Real value) { setNumber(index, value.value, isRealDouble(*cc)); }
    void set(int index, Mixed value) { setNumber(index, value.value, isMixedDouble(*cc)); }
    void set(int index, const Real4& v) {
        if (isRealDouble(*cc))
            kernel->setArg(index, OpenMM::mm_double4(v.x, v.y, v.z, v.w));
        else
            kernel->setArg(index, OpenMM::mm_float4(static_cast<float>(v.x), static_cast<float>(v.y),
                                                    static_cast<float>(v.z), static_cast<float>(v.w)));
    }
    void setNumber(int index, double value, bool isDouble) {
        if (isDouble)
            kernel->setArg(index, value);
        else
            kernel->setArg(index, static_cast<float>(value));
    }

    OpenMM::ComputeContext* cc = nullptr;
    OpenMM::ComputeKernel kernel;
    int declared = 0;
};

/** Make an array at least this large; what it held is lost if it grows. */
inline void reserve(OpenMM::ComputeContext& cc, OpenMM::ComputeArray& array, std::size_t size, int elementSize,
                    const char* name) {
    size = std::max<std::size_t>(size, 1);
    if (!array.isInitialized())
        array.initialize(cc, size, elementSize, name);
    else if (array.getSize() < size)
        array.resize(size);
}

/** Create or overwrite an array of any plain type. */
template <class T>
void store(OpenMM::ComputeContext& cc, OpenMM::ComputeArray& array, std::vector<T> data, const char* name) {
    if (data.empty())
        data.resize(1);
    reserve(cc, array, data.size(), sizeof(T), name);
    array.uploadSubArray(data.data(), 0, static_cast<int>(data.size()));
}

/** Create or overwrite an array of numbers, `components` to an element, as float or double. */
inline void storeNumbers(OpenMM::ComputeContext& cc, OpenMM::ComputeArray& array, std::vector<double> data,
                         int components, bool isDouble, const char* name) {
    if (data.empty())
        data.resize(components);
    const int count = static_cast<int>(data.size() / components);
    if (isDouble) {
        reserve(cc, array, count, components * static_cast<int>(sizeof(double)), name);
        array.uploadSubArray(data.data(), 0, count);
    } else {
        const std::vector<float> rounded(data.begin(), data.end());
        reserve(cc, array, count, components * static_cast<int>(sizeof(float)), name);
        array.uploadSubArray(rounded.data(), 0, count);
    }
}

}  // namespace LPSPlugin
