// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <array>
#include <memory>
#include <vector>

#include "lps/Evaluator.h"
#include "openmm/Context.h"
#include "openmm/Integrator.h"
#include "openmm/System.h"
#include "openmmlps/LPSForce.h"
#include "support/RandomModel.h"

namespace LPSPlugin::testing {

/**
 * @file TestSystem.h
 * Systems for tests, from the configurations of the model core. Units here: nm, kJ/mol.
 */

using lps::testing::RandomModelOptions;

/** Periodic cells in angstrom, in OpenMM's reduced form. */
namespace cells {
constexpr lps::Matrix3 cubic = {lps::Vector3{10.0, 0, 0}, {0, 10.0, 0}, {0, 0, 10.0}};
constexpr lps::Matrix3 triclinic = {lps::Vector3{10.0, 0, 0}, {3.0, 9.0, 0}, {-2.0, 2.5, 11.0}};
/** Smaller than the cutoff of 4 angstrom in every direction. */
constexpr lps::Matrix3 tiny = {lps::Vector3{3.6, 0, 0}, {1.0, 3.2, 0}, {-0.7, 0.9, 3.8}};
/** About 690 atoms. */
constexpr lps::Matrix3 large = {lps::Vector3{24.0, 0, 0}, {3.0, 23.0, 0}, {-2.0, 2.5, 25.0}};
}  // namespace cells

/** A model with random weights; the same options give the same model. */
LPSModel makeModel(const RandomModelOptions& options = {});

/** A System with one LPSForce, and positions for it. */
struct TestSystem {
    std::unique_ptr<OpenMM::System> system;
    LPSForce* force;  ///< owned by the System
    std::vector<OpenMM::Vec3> positions;
    lps::Configuration configuration;  ///< the same in angstrom
};

/** All atoms belong to the Force; masses are 20 amu. */
TestSystem makeSystem(const LPSModel& model, const lps::Configuration& configuration);

/** Bulk in a cell at about 0.05 atoms per cubic angstrom. */
TestSystem makeBulk(const LPSModel& model, const lps::Matrix3& cell, unsigned seed = 7);

std::array<OpenMM::Vec3, 3> toNanometers(const lps::Matrix3& cell);
std::vector<OpenMM::Vec3> toNanometers(const std::vector<lps::Vector3>& positions);

/** A System of a periodic cell and so many particles, without Forces; masses are 20 amu. */
OpenMM::System makeParticles(const lps::Matrix3& cell, std::size_t count);

/** A Force on the precision of the platform under test, without particles. */
LPSForce* makeForce(const LPSModel& model);

/** A cell, or a structure with its box if it has one, times a factor. */
lps::Matrix3 scale(lps::Matrix3 cell, double factor);
lps::Configuration scale(lps::Configuration configuration, double factor);

/** What the reference evaluator says, in nm and kJ/mol. */
struct Expected {
    double energy;
    std::vector<double> particleEnergies;
    std::vector<OpenMM::Vec3> forces;
    std::vector<OpenMM::Vec3> virial;
    std::vector<std::array<OpenMM::Vec3, 3>> particleVirials;
};
Expected evaluateReference(const LPSModel& model, const lps::Configuration& configuration);

/** A Context on the platform under test, with its integrator. */
class TestContext {
public:
    explicit TestContext(const TestSystem& system);
    /** @param integrator  null: Verlet with steps of 1 fs */
    TestContext(const OpenMM::System& system, const std::vector<OpenMM::Vec3>& positions,
                std::unique_ptr<OpenMM::Integrator> integrator = nullptr);

    OpenMM::Context& operator*() { return *context; }
    OpenMM::Context* operator->() { return context.get(); }
    OpenMM::Integrator& getIntegrator() { return *integrator; }

    double getEnergy(int groups = -1) {
        return context->getState(OpenMM::State::Energy, false, groups).getPotentialEnergy();
    }
    double getTotalEnergy();
    std::vector<OpenMM::Vec3> getForces(int groups = -1) {
        return context->getState(OpenMM::State::Forces, false, groups).getForces();
    }

private:
    std::unique_ptr<OpenMM::Integrator> integrator;
    std::unique_ptr<OpenMM::Context> context;
};

}  // namespace LPSPlugin::testing
