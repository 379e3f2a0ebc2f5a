// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <array>
#include <memory>
#include <vector>

#include "lps/FastEvaluator.h"
#include "openmmlps/LPSForce.h"
#include "openmmlps/LPSModelDeviation.h"

namespace LPSPlugin {

/**
 * The models of an LPSForce and of its committee, evaluated side by side on the processor whatever the platform of the
 * Context is. Nothing is set up before the first evaluation.
 */
class Committee {
public:
    /**
     * @param exact   double precision without tables, as the Reference platform computes
     * @param threads 0: as lps::ThreadExecutor chooses
     */
    Committee(const LPSForce& force, bool exact, int threads);

    /** Take over the particle list of the Force. */
    void readParticles(const LPSForce& force);

    /**
     * @param positions [number of particles in the System], nm
     * @param box       box vectors in nm; ignored if the Force is not periodic
     * @throws OpenMMException as the evaluation of a Force
     */
    LPSModelDeviation evaluate(const std::vector<OpenMM::Vec3>& positions, const std::array<OpenMM::Vec3, 3>& box);

private:
    struct Member {
        LPSModel model;
        std::vector<int> typeOfForceType;  // its type for each type of the Force's model
        std::vector<int> types;            // [n]
        std::unique_ptr<lps::FastEvaluator> evaluator;
        lps::Evaluation result;
    };

    bool periodic;
    lps::FastOptions options;
    int threads;
    std::unique_ptr<lps::ThreadExecutor> executor;
    std::vector<Member> members;
    std::vector<int> particles;  // [n] index within the System
};

}  // namespace LPSPlugin
