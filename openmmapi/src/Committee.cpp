// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "Committee.h"

#include <cmath>
#include <optional>

#include "lps/Units.h"
#include "openmmlps/internal/TranslateErrors.h"

namespace LPSPlugin {

using OpenMM::Vec3;
using std::vector;

namespace {

/** sqrt(< (x - <x>)^2 >), the spread of one number over the members. */
template <class Member, class Function>
double spread(const vector<Member>& members, Function&& value) {
    double mean = 0.0, squares = 0.0;
    for (const Member& member : members)
        mean += value(member) / members.size();
    for (const Member& member : members)
        squares += (value(member) - mean) * (value(member) - mean) / members.size();
    return std::sqrt(squares);
}

lps::Vector3 toAngstrom(const Vec3& v) {
    return {v[0] * lps::angstromsPerNanometer, v[1] * lps::angstromsPerNanometer, v[2] * lps::angstromsPerNanometer};
}

}  // namespace

Committee::Committee(const LPSForce& force, bool exact, int numThreads)
    : periodic(force.usesPeriodicBoundaryConditions()), threads(numThreads) {
    options.precision =
        exact || force.getPrecision() == LPSForce::Double ? lps::Precision::Float64 : lps::Precision::Float32;
    options.useTables = !exact && force.getUseTables();
    vector<LPSModel> models = {force.getModel()};
    for (int i = 0; i < force.getNumCommitteeModels(); i++)
        models.push_back(force.getCommitteeModel(i));
    for (const LPSModel& model : models) {
        Member member{model, {}, {}, nullptr, {}};
        for (const std::string& name : force.getModel().getTypeNames())
            member.typeOfForceType.push_back(model.getTypeIndex(name));
        members.push_back(std::move(member));
    }
    readParticles(force);
}

void Committee::readParticles(const LPSForce& force) {
    particles.resize(force.getNumParticles());
    vector<int> types(particles.size());
    for (int i = 0; i < force.getNumParticles(); i++)
        force.getParticleParameters(i, particles[i], types[i]);
    for (Member& member : members) {
        member.types.clear();
        for (int type : types)
            member.types.push_back(member.typeOfForceType[type]);
    }
}

LPSModelDeviation Committee::evaluate(const vector<Vec3>& systemPositions, const std::array<Vec3, 3>& boxVectors) {
    const int count = static_cast<int>(particles.size());
    translateErrors([&] {
        if (!executor)
            executor = std::make_unique<lps::ThreadExecutor>(threads);
        vector<lps::Vector3> positions;
        for (int particle : particles)
            positions.push_back(toAngstrom(systemPositions[particle]));
        std::optional<lps::Box> box;
        if (periodic)
            box.emplace(lps::Matrix3{toAngstrom(boxVectors[0]), toAngstrom(boxVectors[1]), toAngstrom(boxVectors[2])});
        for (Member& member : members) {
            if (!member.evaluator)
                member.evaluator = std::make_unique<lps::FastEvaluator>(member.model.getDeepPotential(), options);
            member.evaluator->evaluate(positions.data(), member.types.data(), count, box ? &*box : nullptr, *executor,
                                       {true, true}, member.result);
        }
    });

    constexpr double energyUnit = lps::kilojoulesPerMolePerElectronvolt;
    LPSModelDeviation deviation;
    for (int i = 0; i < count; i++) {
        double squares = 0.0;
        for (int axis = 0; axis < 3; axis++) {
            const double component = spread(members, [&](const Member& m) { return m.result.forces[i][axis]; });
            squares += component * component;
        }
        deviation.forces.push_back(std::sqrt(squares) * energyUnit * lps::angstromsPerNanometer);
    }
    for (int row = 0; row < 3; row++) {
        Vec3 components;
        for (int column = 0; column < 3; column++)
            components[column] =
                spread(members, [&](const Member& m) { return m.result.virial[row][column] / count; }) * energyUnit;
        deviation.virial.push_back(components);
    }
    deviation.energy = spread(members, [&](const Member& m) { return m.result.energy / count; }) * energyUnit;
    return deviation;
}

}  // namespace LPSPlugin
