// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "CpuCalcLPSForceKernel.h"

#include "ThreadPoolExecutor.h"

namespace LPSPlugin {

void CpuCalcLPSForceKernel::createEvaluator(const LPSForce& force) {
    lps::FastOptions options;
    options.precision = force.getPrecision() == LPSForce::Double ? lps::Precision::Float64 : lps::Precision::Float32;
    options.useTables = force.getUseTables();
    evaluator = std::make_unique<lps::FastEvaluator>(force.getModel().getDeepPotential(), options);
}

const lps::Evaluation& CpuCalcLPSForceKernel::evaluate(const lps::Configuration& input, Wanted wanted) {
    ThreadPoolExecutor executor(cpuData.threads);
    evaluator->evaluate(input.positions.data(), input.types.data(), static_cast<int>(input.positions.size()),
                        input.box ? &*input.box : nullptr, executor,
                        {wanted != Wanted::Energies, wanted == Wanted::ForcesAndVirial, wanted == Wanted::AtomVirials},
                        result);
    return result;
}

}  // namespace LPSPlugin
