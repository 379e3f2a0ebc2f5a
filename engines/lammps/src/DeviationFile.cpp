// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "DeviationFile.h"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cmath>
#include <limits>

namespace lps::lammps {

namespace {

/** Of the virial per atom: standard deviation over the models of each component. */
std::array<double, 9> deviateVirials(const std::vector<const Evaluation*>& models, double numAtoms, MPI_Comm world) {
    std::vector<double> virials(9 * models.size());
    for (std::size_t k = 0; k < models.size(); k++)
        for (int c = 0; c < 9; c++)
            virials[9 * k + c] = models[k]->virial[c / 3][c % 3];
    MPI_Allreduce(MPI_IN_PLACE, virials.data(), static_cast<int>(virials.size()), MPI_DOUBLE, MPI_SUM, world);
    std::array<double, 9> deviations;
    for (int c = 0; c < 9; c++) {
        double mean = 0.0, square = 0.0;
        for (std::size_t k = 0; k < models.size(); k++)
            mean += virials[9 * k + c] / models.size();
        for (std::size_t k = 0; k < models.size(); k++)
            square += std::pow(virials[9 * k + c] - mean, 2) / models.size();
        deviations[c] = std::sqrt(square) / numAtoms;
    }
    return deviations;
}

double deviateForces(const std::vector<const Evaluation*>& models, std::size_t atom) {
    Vector3 mean{};
    for (const Evaluation* model : models)
        for (int d = 0; d < 3; d++)
            mean[d] += model->forces[atom][d] / models.size();
    double square = 0.0;
    for (const Evaluation* model : models)
        for (int d = 0; d < 3; d++)
            square += std::pow(model->forces[atom][d] - mean[d], 2) / models.size();
    return std::sqrt(square);
}

std::string makeHeader() {
    char text[32];
    std::snprintf(text, sizeof text, "#%11s", "step");
    std::string header = text;
    for (const char* column : {"max_devi_v", "min_devi_v", "avg_devi_v", "max_devi_f", "min_devi_f", "avg_devi_f"}) {
        std::snprintf(text, sizeof text, "%19s", column);
        header += text;
    }
    return header;
}

}  // namespace

DeviationFile::DeviationFile(const std::string& path, bool mayContinue, MPI_Comm world)
    : table(path, makeHeader(), mayContinue, world) {}

void DeviationFile::write(std::int64_t step, const std::vector<const Evaluation*>& models,
                          const std::vector<bool>& isCounted, double energyUnit) {
    const MPI_Comm world = table.getWorld();
    double sums[2] = {0.0, 0.0};                                           // atoms, deviations
    double extremes[2] = {0.0, -std::numeric_limits<double>::infinity()};  // largest, minus the smallest
    for (std::size_t i = 0; i < isCounted.size(); i++) {
        if (!isCounted[i])
            continue;
        const double deviation = deviateForces(models, i);
        sums[0] += 1.0;
        sums[1] += deviation;
        extremes[0] = std::max(extremes[0], deviation);
        extremes[1] = std::max(extremes[1], -deviation);
    }
    MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_DOUBLE, MPI_SUM, world);
    MPI_Allreduce(MPI_IN_PLACE, extremes, 2, MPI_DOUBLE, MPI_MAX, world);
    if (sums[0] == 0.0)
        return;
    const std::array<double, 9> virials = deviateVirials(models, sums[0], world);
    double square = 0.0;
    for (double deviation : virials)
        square += deviation * deviation / 9.0;
    const double columns[6] = {*std::max_element(virials.begin(), virials.end()),
                               *std::min_element(virials.begin(), virials.end()),
                               std::sqrt(square),
                               extremes[0],
                               -extremes[1],
                               sums[1] / sums[0]};
    char text[32];
    std::snprintf(text, sizeof text, "%12" PRId64, step);
    std::string line = text;
    for (double column : columns) {
        std::snprintf(text, sizeof text, " %18.6e", energyUnit * column);
        line += text;
    }
    table.add(step, line);
}

}  // namespace lps::lammps
