// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "lps/Uncertainty.h"

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>

#include "fast/WeightMatrix.h"
#include "lps/Error.h"

namespace lps {

namespace {

constexpr std::size_t blockRows = 64;

/** The quadratic form of one type, for blocks of atoms. */
class QuadraticForm {
public:
    explicit QuadraticForm(const FeatureStatistics& statistics)
        : kernels(fast::getKernels<double>("")),
          width(statistics.width),
          stride((width + 1 + kernels.lanes - 1) / kernels.lanes * kernels.lanes + kernels.lanes),
          rows(blockRows * stride),
          products(blockRows * stride) {
        factor.pack(kernels, width + 1, width + 1,
                    [&](int k, int n) { return statistics.factor[static_cast<std::size_t>(k) * (width + 1) + n]; });
    }

    /** u of some atoms, at most blockRows. */
    void computeDistances(const double* features, std::size_t featureStride, const std::size_t* atoms,
                          std::size_t count, double* distances) {
        std::size_t filled = count;
        while (filled % fast::WeightMatrix<double>::rowStep != 0)
            filled++;
        for (std::size_t k = 0; k < filled; k++) {
            double* row = rows.data() + k * stride;
            if (k < count)
                std::copy_n(features + atoms[k] * featureStride, width, row);
            else
                std::fill_n(row, width, 0.0);
            row[width] = k < count ? 1.0 : 0.0;
        }
        const int numRows = static_cast<int>(filled);
        factor.multiply(kernels, numRows, numRows, rows.data(), stride, products.data(), stride, scratch);
        for (std::size_t k = 0; k < count; k++)
            distances[k] = Eigen::Map<const Eigen::VectorXd>(products.data() + k * stride, width + 1).norm();
    }

private:
    const fast::Kernels<double>& kernels;
    const int width;
    const std::size_t stride;
    fast::WeightMatrix<double> factor;
    fast::AlignedBuffer<double> rows, products;  // [blockRows][stride]
    fast::ProductScratch<double> scratch;
};

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
        QuadraticForm form(statistics);
        std::array<double, blockRows> distances;
        for (std::size_t first = 0; first < atoms.size(); first += blockRows) {
            const std::size_t count = std::min(blockRows, atoms.size() - first);
            form.computeDistances(features.data(), stride, atoms.data() + first, count, distances.data());
            for (std::size_t k = 0; k < count; k++) {
                result.forces[atoms[first + k]] = std::hypot(statistics.floor, statistics.slope * distances[k]);
                result.grades[atoms[first + k]] = distances[k] / statistics.limit;
            }
        }
    }
    return result;
}

}  // namespace lps
