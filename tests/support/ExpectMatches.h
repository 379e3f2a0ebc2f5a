// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <gtest/gtest.h>

#include "support/Compare.h"
#include "support/TestPlatform.h"
#include "support/TestSystem.h"

namespace LPSPlugin::testing {

/** Energy, forces, virial, energies and virials of particles of a Context, within the tolerance of the platform. */
inline void expectMatches(OpenMM::Context& context, LPSForce& force, const Expected& expected) {
    const Tolerance tolerance = TestPlatform::get().getTolerance();
    const std::size_t count = expected.particleEnergies.size();
    const OpenMM::State state = context.getState(OpenMM::State::Energy | OpenMM::State::Forces);
    EXPECT_NEAR(state.getPotentialEnergy(), expected.energy, tolerance.energyPerAtom * count);
    EXPECT_LE(largestDifference(state.getForces(), expected.forces), tolerance.force);
    EXPECT_LE(largestDifference(force.computeParticleEnergies(context), expected.particleEnergies),
              10 * tolerance.energyPerAtom);
    EXPECT_LE(largestDifference(force.computeVirial(context), expected.virial), tolerance.virial);
    const auto virials = force.computeParticleVirials(context);
    ASSERT_EQ(virials.size(), count);
    for (std::size_t i = 0; i < count; i++)
        for (int row = 0; row < 3; row++)
            EXPECT_LE((virials[i][row] - expected.particleVirials[i][row])
                          .dot(virials[i][row] - expected.particleVirials[i][row]),
                      tolerance.virial * tolerance.virial);
}

/** The same of a System, against the reference evaluator. */
inline void expectMatchesReference(const TestSystem& system) {
    TestContext context(system);
    expectMatches(*context, *system.force, evaluateReference(system.force->getModel(), system.configuration));
}

}  // namespace LPSPlugin::testing
