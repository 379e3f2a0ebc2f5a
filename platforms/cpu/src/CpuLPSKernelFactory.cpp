// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/**
 * @file CpuLPSKernelFactory.cpp
 * Registers the CPU kernel when OpenMM loads this library.
 */

#include "CpuCalcLPSForceKernel.h"
#include "openmm/KernelFactory.h"
#include "openmm/OpenMMException.h"
#include "openmm/PluginInitializer.h"
#include "openmmlps/internal/OpenMMVersion.h"

namespace LPSPlugin {

namespace {

class CpuLPSKernelFactory : public OpenMM::KernelFactory {
public:
    OpenMM::KernelImpl* createKernelImpl(std::string name, const OpenMM::Platform& platform,
                                         OpenMM::ContextImpl& context) const override {
        if (name == CalcLPSForceKernel::Name())
            return new CpuCalcLPSForceKernel(name, platform, OpenMM::CpuPlatform::getPlatformData(context));
        throw OpenMM::OpenMMException("LPSForce on the CPU platform: there is no kernel '" + name + "'; ask for '" +
                                      CalcLPSForceKernel::Name() + "'.");
    }
};

}  // namespace

}  // namespace LPSPlugin

extern "C" OPENMM_EXPORT_LPS void registerPlatforms() {}

extern "C" OPENMM_EXPORT_LPS void registerKernelFactories() {
    using namespace LPSPlugin;
    if (!isOpenMMCompatible())
        return;
    for (int i = 0; i < OpenMM::Platform::getNumPlatforms(); i++) {
        OpenMM::Platform& platform = OpenMM::Platform::getPlatform(i);
        if (platform.getName() == "CPU")
            platform.registerKernelFactory(CalcLPSForceKernel::Name(), new CpuLPSKernelFactory());
    }
}
