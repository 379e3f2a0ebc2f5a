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
    lps::FastRequest request;
    request.forces = wanted != Wanted::Energies && wanted != Wanted::Features;
    request.virial = wanted == Wanted::ForcesAndVirial;
    request.atomVirials = wanted == Wanted::AtomVirials;
    request.features = wanted == Wanted::Features;
    evaluator->evaluate(input.positions.data(), input.types.data(), static_cast<int>(input.positions.size()),
                        input.box ? &*input.box : nullptr, executor, request, result);
    return result;
}

}  // namespace LPSPlugin
