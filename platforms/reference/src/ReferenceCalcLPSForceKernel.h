// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <memory>

#include "HostCalcLPSForceKernel.h"

namespace LPSPlugin {

/** LPSForce on the Reference platform: lps::ReferenceEvaluator, in double precision. */
class ReferenceCalcLPSForceKernel : public HostCalcLPSForceKernel {
public:
    using HostCalcLPSForceKernel::HostCalcLPSForceKernel;

protected:
    void createEvaluator(const LPSForce& force) override;
    const lps::Evaluation& evaluate(const lps::Configuration& input, Wanted wanted) override;

private:
    std::unique_ptr<const lps::ReferenceEvaluator> evaluator;
    lps::Evaluation result;
};

}  // namespace LPSPlugin
