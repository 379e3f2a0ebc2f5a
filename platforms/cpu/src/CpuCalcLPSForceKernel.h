// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <memory>

#include "HostCalcLPSForceKernel.h"
#include "lps/FastEvaluator.h"
#include "openmm/cpu/CpuPlatform.h"

namespace LPSPlugin {

/** LPSForce on the CPU platform: lps::FastEvaluator on the platform's own threads. */
class CpuCalcLPSForceKernel : public HostCalcLPSForceKernel {
public:
    CpuCalcLPSForceKernel(const std::string& kernelName, const OpenMM::Platform& owner,
                          OpenMM::CpuPlatform::PlatformData& data)
        : HostCalcLPSForceKernel(kernelName, owner), cpuData(data) {}

protected:
    void createEvaluator(const LPSForce& force) override;
    const lps::Evaluation& evaluate(const lps::Configuration& input, Wanted wanted) override;

private:
    OpenMM::CpuPlatform::PlatformData& cpuData;
    std::unique_ptr<lps::FastEvaluator> evaluator;
    lps::Evaluation result;
};

}  // namespace LPSPlugin
