// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "openmm/opencl/OpenCLContext.h"
#include "openmm/opencl/OpenCLPlatform.h"

#include "GpuKernelFactory.h"

extern "C" OPENMM_EXPORT_LPS void registerPlatforms() {}

extern "C" OPENMM_EXPORT_LPS void registerKernelFactories() {
    LPSPlugin::registerGpuKernels<OpenMM::OpenCLPlatform::PlatformData>("OpenCL");
}
