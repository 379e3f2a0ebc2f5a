// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// Energy, virial and a few steps of a Li2S cell, in C++.   energy MODEL.safetensors [PLATFORM]

#include <OpenMM.h>

#include <array>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "openmmlps/LPSForce.h"

int main(int argc, char** argv) try {
    if (argc < 2) {
        std::fprintf(stderr, "usage: energy MODEL.safetensors [PLATFORM]\n");
        return 2;
    }
    OpenMM::Platform::loadPluginsFromDirectory(PLUGINS);

    // Antifluorite Li2S: four S on the face-centered sites, eight Li between them.
    const double edge = 0.57;
    OpenMM::System system;
    system.setDefaultPeriodicBoxVectors({edge, 0, 0}, {0, edge, 0}, {0, 0, edge});
    const LPSPlugin::LPSModel model(argv[1]);
    auto* force = new LPSPlugin::LPSForce(model);
    std::vector<OpenMM::Vec3> positions;
    auto add = [&](const std::string& element, double mass, double x, double y, double z) {
        force->addParticle(system.addParticle(mass), model.getTypeIndex(element));
        positions.push_back(OpenMM::Vec3(x, y, z) * edge);
    };
    for (const auto& [x, y, z] : {std::array{0.0, 0.0, 0.0}, {0.0, 0.5, 0.5}, {0.5, 0.0, 0.5}, {0.5, 0.5, 0.0}}) {
        add("S", 32.06, x, y, z);
        add("Li", 6.94, x + 0.25, y + 0.25, z + 0.25);
        add("Li", 6.94, x + 0.75, y + 0.75, z + 0.75);
    }
    system.addForce(force);

    OpenMM::VerletIntegrator integrator(0.001);
    OpenMM::Context context(system, integrator, OpenMM::Platform::getPlatformByName(argc > 2 ? argv[2] : "CPU"));
    context.setPositions(positions);
    const double energy = context.getState(OpenMM::State::Energy).getPotentialEnergy();
    const std::vector<OpenMM::Vec3> virial = force->computeVirial(context);
    std::printf("energy %.6f kJ/mol, virial %.4f %.4f %.4f kJ/mol\n", energy, virial[0][0], virial[1][1], virial[2][2]);
    context.setVelocitiesToTemperature(300, 1);
    integrator.step(10);
    std::printf("after 10 steps %.6f kJ/mol\n", context.getState(OpenMM::State::Energy).getPotentialEnergy());
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
