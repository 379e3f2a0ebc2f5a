// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "openmm/hip/HipContext.h"
#include "openmm/hip/HipPlatform.h"

#include "GpuKernelFactory.h"

extern "C" OPENMM_EXPORT_LPS void registerPlatforms() {}

extern "C" OPENMM_EXPORT_LPS void registerKernelFactories() {
    LPSPlugin::registerGpuKernels<OpenMM::HipPlatform::PlatformData>("HIP");
}
