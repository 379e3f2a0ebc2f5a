// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/**
 * @file ReferenceLPSKernelFactory.cpp
 * Registers the Reference kernel when OpenMM loads this library.
 */

#include "ReferenceCalcLPSForceKernel.h"
#include "openmm/KernelFactory.h"
#include "openmm/OpenMMException.h"
#include "openmm/PluginInitializer.h"
#include "openmm/reference/ReferencePlatform.h"
#include "openmmlps/internal/OpenMMVersion.h"

namespace LPSPlugin {

namespace {

class ReferenceLPSKernelFactory : public OpenMM::KernelFactory {
public:
    OpenMM::KernelImpl* createKernelImpl(std::string name, const OpenMM::Platform& platform,
                                         OpenMM::ContextImpl&) const override {
        if (name == CalcLPSForceKernel::Name())
            return new ReferenceCalcLPSForceKernel(name, platform);
        throw OpenMM::OpenMMException("LPSForce on the Reference platform: there is no kernel '" + name +
                                      "'; ask for '" + CalcLPSForceKernel::Name() + "'.");
    }
};

}  // namespace

}  // namespace LPSPlugin

extern "C" OPENMM_EXPORT_LPS void registerPlatforms() {}

extern "C" OPENMM_EXPORT_LPS void registerKernelFactories() {
    using namespace LPSPlugin;
    if (!isOpenMMCompatible())
        return;
    const std::string kernel = CalcLPSForceKernel::Name();
    for (int i = 0; i < OpenMM::Platform::getNumPlatforms(); i++) {
        OpenMM::Platform& platform = OpenMM::Platform::getPlatform(i);
        // Platforms derived from Reference, such as CPU, can run this kernel too. They get it only as long as no
        // library made for them has registered, because plugins load in no particular order.
        const bool derived = dynamic_cast<OpenMM::ReferencePlatform*>(&platform) != nullptr;
        if (platform.getName() == "Reference" || (derived && !platform.supportsKernels({kernel})))
            platform.registerKernelFactory(kernel, new ReferenceLPSKernelFactory());
    }
}
