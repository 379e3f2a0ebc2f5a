// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "ReferenceCalcLPSForceKernel.h"

namespace LPSPlugin {

void ReferenceCalcLPSForceKernel::createEvaluator(const LPSForce& force) {
    evaluator = std::make_unique<const lps::ReferenceEvaluator>(force.getModel().getDeepPotential());
}

const lps::Evaluation& ReferenceCalcLPSForceKernel::evaluate(const lps::Configuration& input, Wanted) {
    result = evaluator->evaluate(input);
    return result;
}

}  // namespace LPSPlugin
