// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "support/RandomModel.h"

#include <algorithm>
#include <cmath>

namespace lps::testing {

namespace {

using Generator = std::mt19937_64;

std::vector<double> randomNumbers(Generator& generator, std::size_t count, double scale) {
    std::normal_distribution<double> normal(0.0, scale);
    std::vector<double> numbers(count);
    for (double& number : numbers)
        number = normal(generator);
    return numbers;
}

Network makeNetwork(Generator& generator, int inputs, const std::vector<int>& widths, const Activation& activation,
                    bool timestep) {
    Network network;
    for (int width : widths) {
        Layer layer;
        layer.inputs = inputs;
        layer.outputs = width;
        layer.activation = activation;
        layer.residual = width == inputs       ? Residual::Identity
                         : width == 2 * inputs ? Residual::Doubling
                                               : Residual::None;
        layer.weight =
            randomNumbers(generator, static_cast<std::size_t>(inputs) * width, 1.0 / std::sqrt(inputs + width));
        layer.bias = randomNumbers(generator, width, 0.5);
        if (timestep && layer.residual != Residual::None) {
            layer.timestep = randomNumbers(generator, width, 0.1);
            for (double& step : layer.timestep)
                step += 0.5;
        }
        network.layers.push_back(layer);
        inputs = width;
    }
    return network;
}

}  // namespace

DeepPotentialData makeRandomModelData(const RandomModelOptions& options) {
    Generator generator(options.seed);
    const std::size_t numTypes = options.typeNames.size();
    DeepPotentialData data;
    data.typeNames = options.typeNames;
    data.cutoff = options.cutoff;
    data.switchStart = options.switchStart;
    data.slots = options.slots;
    data.normalizer = 0.0;
    for (int slots : options.slots)
        data.normalizer += slots;
    data.axisWidth = options.axisWidth;
    data.typeOneSide = options.typeOneSide;

    for (std::size_t type = 0; type < numTypes; type++) {
        data.mean.push_back({options.zeroMean ? 0.0 : 0.1 + 0.02 * type, 0.0, 0.0, 0.0});
        const double directional = 0.12 + 0.01 * type;
        data.stddev.push_back({0.15 + 0.01 * type, directional, directional, directional});
        data.energyBias.push_back(-3.0 + 0.7 * type);
    }
    const Activation embedding = Activation::fromName(options.embeddingActivation);
    const Activation fitting = Activation::fromName(options.fittingActivation);
    for (std::size_t i = 0; i < (options.typeOneSide ? numTypes : numTypes * numTypes); i++)
        data.embeddings.push_back(
            makeNetwork(generator, 1, options.embeddingWidths, embedding, options.embeddingTimestep));
    data.tables.resize(data.embeddings.size());
    const int descriptorLength = options.embeddingWidths.back() * options.axisWidth;
    for (std::size_t type = 0; type < numTypes; type++) {
        Network network =
            makeNetwork(generator, descriptorLength, options.fittingWidths, fitting, options.fittingTimestep);
        Network last = makeNetwork(generator, options.fittingWidths.back(), {1}, Activation{}, false);
        last.layers[0].residual = Residual::None;
        network.layers.push_back(last.layers[0]);
        data.fittings.push_back(network);
    }
    return data;
}

Configuration makeRandomConfiguration(int numAtoms, int numTypes, const Matrix3& boxVectors, unsigned seed) {
    Generator generator(seed);
    Configuration configuration;
    configuration.box = Box(boxVectors);

    // Spread the grid over the directions in proportion to the face distances, so that it is nearly cubic.

    const double spacing = std::cbrt(configuration.box->getVolume() / numAtoms);
    int counts[3];
    for (int k = 0; k < 3; k++)
        counts[k] = std::max(1, static_cast<int>(std::ceil(configuration.box->getFaceDistance(k) / spacing)));
    while (counts[0] * counts[1] * counts[2] < numAtoms)
        counts[2]++;
    std::vector<Vector3> sites;
    for (int a = 0; a < counts[0]; a++)
        for (int b = 0; b < counts[1]; b++)
            for (int c = 0; c < counts[2]; c++)
                sites.push_back({double(a), double(b), double(c)});
    std::shuffle(sites.begin(), sites.end(), generator);
    std::uniform_real_distribution<double> jitter(-0.2, 0.2);
    std::uniform_int_distribution<int> anyType(0, numTypes - 1);
    for (int i = 0; i < numAtoms; i++) {
        Vector3 fractional;
        for (int k = 0; k < 3; k++)
            fractional[k] = (sites[i][k] + jitter(generator)) / counts[k];
        configuration.positions.push_back(configuration.box->toCartesian(fractional));
        configuration.types.push_back(anyType(generator));
    }
    return configuration;
}

Configuration makeCluster(int numAtoms, int numTypes, double size, unsigned seed) {
    const Matrix3 vectors = {Vector3{size, 0, 0}, Vector3{0, size, 0}, Vector3{0, 0, size}};
    Configuration configuration = makeRandomConfiguration(numAtoms, numTypes, vectors, seed);
    configuration.box.reset();
    return configuration;
}

}  // namespace lps::testing
