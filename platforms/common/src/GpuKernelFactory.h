// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <string>

#include "CommonCalcLPSForceKernel.h"
#include "ParallelLPSKernel.h"
#include "openmm/KernelFactory.h"
#include "openmm/OpenMMException.h"
#include "openmm/internal/ContextImpl.h"
#include "openmmlps/internal/OpenMMVersion.h"

namespace LPSPlugin {

/**
 * Makes kernels for one GPU platform.
 * @tparam PlatformData  of the platform; its `contexts` are what kernels run on
 */
template <class PlatformData>
class GpuKernelFactory : public OpenMM::KernelFactory {
public:
    OpenMM::KernelImpl* createKernelImpl(std::string name, const OpenMM::Platform& platform,
                                         OpenMM::ContextImpl& context) const override {
        if (name != CalcLPSForceKernel::Name())
            throw OpenMM::OpenMMException("LPSForce on the " + platform.getName() + " platform: there is no kernel '" +
                                          name + "'; ask for '" + CalcLPSForceKernel::Name() + "'.");
        PlatformData& data = *static_cast<PlatformData*>(context.getPlatformData());
        if (data.contexts.size() > 1)
            return new ParallelLPSKernel(name, platform, *data.contexts[0]);
        return new CommonCalcLPSForceKernel(name, platform, *data.contexts[0]);
    }
};

/** Give a platform its kernels, if OpenMM has it. */
template <class PlatformData>
void registerGpuKernels(const std::string& platformName) {
    if (!isOpenMMCompatible())
        return;
    for (int i = 0; i < OpenMM::Platform::getNumPlatforms(); i++) {
        OpenMM::Platform& platform = OpenMM::Platform::getPlatform(i);
        if (platform.getName() == platformName)
            platform.registerKernelFactory(CalcLPSForceKernel::Name(), new GpuKernelFactory<PlatformData>());
    }
}

}  // namespace LPSPlugin
