// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "openmm/cuda/CudaContext.h"
#include "openmm/cuda/CudaPlatform.h"

#include "GpuKernelFactory.h"

extern "C" OPENMM_EXPORT_LPS void registerPlatforms() {}

extern "C" OPENMM_EXPORT_LPS void registerKernelFactories() {
    LPSPlugin::registerGpuKernels<OpenMM::CudaPlatform::PlatformData>("CUDA");
}
