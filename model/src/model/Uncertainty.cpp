// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "lps/Uncertainty.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "lps/Error.h"

namespace lps {

namespace {

using RowMajorMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr std::size_t blockRows = 64;

/** u of some atoms of one type. */
Eigen::VectorXd computeDistances(const FeatureStatistics& statistics, std::size_t stride, const double* features,
                                 const std::size_t* atoms, std::size_t count) {
    const int width = statistics.width;
    RowMajorMatrix rows(count, width + 1);
    for (std::size_t k = 0; k < count; k++) {
        rows.row(k).head(width) = Eigen::Map<const Eigen::RowVectorXd>(features + atoms[k] * stride, width);
        rows(k, width) = 1.0;
    }
    const Eigen::Map<const RowMajorMatrix> factor(statistics.factor.data(), width + 1, width + 1);
    return (rows * factor).rowwise().norm();
}

}  // namespace

AtomUncertainties computeUncertainties(const DeepPotential& model, const std::vector<int>& types,
                                       const std::vector<double>& features) {
    const std::size_t stride = model.getFeatureWidth();
    std::vector<std::vector<std::size_t>> atomsOfType(model.getNumTypes());
    for (std::size_t i = 0; i < types.size(); i++)
        atomsOfType[types[i]].push_back(i);
    AtomUncertainties result = {std::vector<double>(types.size()), std::vector<double>(types.size())};
    for (int type = 0; type < model.getNumTypes(); type++) {
        const std::vector<std::size_t>& atoms = atomsOfType[type];
        if (atoms.empty())
            continue;
        const FeatureStatistics& statistics = model.getData().uncertainties[type];
        if (statistics.factor.empty())
            throw Error("uncertainty: the model is not calibrated for type " + model.getData().typeNames[type] +
                        "; run 'openmm-lps calibrate' with frames that have it");
        for (std::size_t first = 0; first < atoms.size(); first += blockRows) {
            const std::size_t count = std::min(blockRows, atoms.size() - first);
            const Eigen::VectorXd distances =
                computeDistances(statistics, stride, features.data(), atoms.data() + first, count);
            for (std::size_t k = 0; k < count; k++) {
                result.forces[atoms[first + k]] = std::hypot(statistics.floor, statistics.slope * distances[k]);
                result.grades[atoms[first + k]] = distances[k] / statistics.limit;
            }
        }
    }
    return result;
}

}  // namespace lps
