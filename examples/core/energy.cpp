// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// Energy and pressure of a Li2S cell by the model core alone, without OpenMM.   energy MODEL.safetensors

#include <cstdio>
#include <exception>
#include <memory>

#include "lps/Error.h"
#include "lps/FastEvaluator.h"
#include "lps/ModelFile.h"

int main(int argc, char** argv) try {
    const char* file = argc == 2 ? argv[1] : throw lps::Error("usage: energy MODEL.safetensors");
    const auto model = std::make_shared<const lps::DeepPotential>(lps::parseModel(lps::readFileBytes(file), file));

    // Antifluorite Li2S: four S on the face-centered sites, eight Li between them. Lengths in angstrom.
    const double edge = 5.7;
    lps::Configuration cell;
    cell.box.emplace(lps::Matrix3{lps::Vector3{edge, 0, 0}, {0, edge, 0}, {0, 0, edge}});
    const auto add = [&](const char* element, double x, double y, double z) {
        cell.types.push_back(model->getTypeIndex(element));
        cell.positions.push_back({x * edge, y * edge, z * edge});
    };
    for (const auto& [x, y, z] : {lps::Vector3{0.0, 0.0, 0.0}, {0.0, 0.5, 0.5}, {0.5, 0.0, 0.5}, {0.5, 0.5, 0.0}}) {
        add("S", x, y, z);
        add("Li", x + 0.25, y + 0.25, z + 0.25);
        add("Li", x + 0.75, y + 0.75, z + 0.75);
    }

    lps::ThreadExecutor threads;          // or an adapter of the threads that a program already has
    lps::FastEvaluator evaluator(model);  // keeps the neighbor list and the tables for the next step
    const lps::Evaluation result = evaluator.evaluate(cell, threads);
    const double trace = result.virial[0][0] + result.virial[1][1] + result.virial[2][2];
    std::printf("energy %.4f eV, pressure %.5f eV/A^3, force on atom 0 %.1e eV/A\n", result.energy,
                trace / (3 * cell.box->getVolume()), result.forces[0][0]);
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
