// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <string>
#include <vector>

#include "KernelPrograms.h"

namespace LPSPlugin::testing {

/**
 * @file DevicePrograms.h
 * Every program of the GPU platforms as OpenMM hands it to a compiler, for tests that compile without a GPU.
 */

enum class Precision { Single, Mixed, Double };

const char* getName(Precision precision);

struct LabelledProgram {
    std::string label;
    KernelProgram program;
};

/** Every program that the host code can ask for, for one shape of model and one kind of device. */
std::vector<LabelledProgram> listPrograms(const DeviceSettings& settings, const ModelShape& shape, Precision precision);

/**
 * OpenMM's own part of the source, read from a platform's library. That loads without a driver if empty libraries stand
 * in the place of the driver's.
 */
class OpenMMSources {
public:
    /**
     * @param library    path of libOpenMMCUDA or libOpenMMHIP
     * @param className  "CudaKernelSources" or "HipKernelSources"
     * @throws std::runtime_error if the library does not load or has other sources than those of OpenMM 8.6
     */
    OpenMMSources(const std::string& library, const std::string& className);

    /** What compileProgram() and createModule() of CudaContext and HipContext put together. */
    std::string assemble(const KernelProgram& program, Precision precision) const;

private:
    const std::string& find(const std::string& name) const;

    void* handle;
    const std::string scope;
    const bool isHip;
};

}  // namespace LPSPlugin::testing
