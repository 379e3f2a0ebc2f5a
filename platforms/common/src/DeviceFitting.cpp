// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "DeviceFitting.h"

#include <algorithm>

#include "openmm/OpenMMException.h"
#include "reference/NetworkEvaluation.h"

namespace LPSPlugin {

using std::vector;

namespace {

/** Whether the last layer is a plain sum over hidden ones, as training programs write it. */
bool hasPlainOutput(const lps::Network& network) {
    const lps::Layer& layer = network.layers.back();
    return network.layers.size() > 1 && layer.activation.kind == lps::Activation::Kind::Linear &&
           layer.residual == lps::Residual::None;
}

/** The first layer for the inputs that ModelShape counts: weights of inputs that are one are added. */
lps::Layer foldInputs(const lps::Layer& layer, const ModelShape& shape) {
    lps::Layer folded = layer;
    folded.inputs = shape.countInputs();
    folded.weight.assign(static_cast<std::size_t>(folded.inputs) * layer.outputs, 0.0);
    for (int i = 0; i < shape.embeddingWidth; i++)
        for (int j = 0; j < shape.axisWidth; j++)
            for (int o = 0; o < layer.outputs; o++)
                folded.weight[static_cast<std::size_t>(shape.getInput(i, j)) * layer.outputs + o] +=
                    layer.weight[static_cast<std::size_t>(i * shape.axisWidth + j) * layer.outputs + o];
    return folded;
}

bool haveSameShape(const lps::Network& a, const lps::Network& b) {
    return std::equal(a.layers.begin(), a.layers.end(), b.layers.begin(), b.layers.end(),
                      [](const lps::Layer& x, const lps::Layer& y) {
                          return x.inputs == y.inputs && x.outputs == y.outputs && x.activation == y.activation &&
                                 x.residual == y.residual && x.timestep.empty() == y.timestep.empty();
                      });
}

}  // namespace

DeviceFitting::DeviceFitting(Device& owner, DeviceModel& deviceModel) : device(owner), model(deviceModel) {
    storeLayers();
    const KernelProgram source = makeFittingProgram(device.settings, model.getShape());
    const DeviceProgram program = device.compile(source);
    forwardKernel = DeviceKernel(device, program, "forwardLayer");
    backwardKernel = DeviceKernel(device, program, "backwardLayer");
    energyKernel = DeviceKernel(device, program, "sumEnergies");
}

void DeviceFitting::storeLayers() {
    const lps::DeepPotential& potential = model.getPotential();
    const auto& fittings = potential.getData().fittings;
    const int numTypes = potential.getNumTypes();
    constantEnergies.assign(numTypes, 0.0);
    const lps::Network* shape = nullptr;
    for (int type = 0; type < numTypes; type++) {
        if (!model.isCenter(type))
            continue;
        if (shape == nullptr)
            shape = &fittings[type];
        else if (!haveSameShape(*shape, fittings[type]))
            throw OpenMM::OpenMMException(
                "LPSForce: the fitting networks of the model differ in shape between types; use the CPU or Reference "
                "platform.");
    }
    if (shape == nullptr)
        return;

    // An output layer that is more than a sum becomes a hidden one, followed by a sum of one number.

    const bool plain = hasPlainOutput(*shape);
    const std::size_t numHidden = shape->layers.size() - (plain ? 1 : 0);
    vector<double> numbers;
    const auto addWeights = [&](const lps::Layer& layer, bool transposed) {
        const int place = static_cast<int>(numbers.size());
        if (!transposed)
            numbers.insert(numbers.end(), layer.weight.begin(), layer.weight.end());
        for (int o = 0; o < layer.outputs && transposed; o++)
            for (int i = 0; i < layer.inputs; i++)
                numbers.push_back(layer.weight[static_cast<std::size_t>(i) * layer.outputs + o]);
        return place;
    };
    const ModelShape modelShape = model.getShape();
    for (std::size_t k = 0; k < numHidden; k++) {
        const lps::Layer& first = shape->layers[k];
        hidden.push_back(std::make_unique<HiddenLayer>());
        HiddenLayer& layer = *hidden.back();
        layer.inputs = k == 0 ? modelShape.countInputs() : first.inputs;
        layer.outputs = first.outputs;
        layer.activation = first.activation;
        layer.residual = first.residual;
        layer.hasTimestep = !first.timestep.empty();
        vector<int> forwardPlaces(numTypes, 0), backwardPlaces(numTypes, 0);
        for (int type = 0; type < numTypes; type++) {
            if (!model.isCenter(type))
                continue;
            const lps::Layer own = k == 0 ? foldInputs(fittings[type].layers[0], modelShape) : fittings[type].layers[k];
            forwardPlaces[type] = addWeights(own, false);
            numbers.insert(numbers.end(), own.bias.begin(), own.bias.end());
            numbers.insert(numbers.end(), own.timestep.begin(), own.timestep.end());
            backwardPlaces[type] = addWeights(own, true);
        }
        device.store(layer.forwardOffsets, forwardPlaces, "lpsForwardOffsets");
        device.store(layer.backwardOffsets, backwardPlaces, "lpsBackwardOffsets");
        slopes.push_back(std::make_unique<OpenMM::ComputeArray>());
    }
    vector<int> outputPlaces(numTypes, 0);
    for (int type = 0; type < numTypes; type++) {
        if (!model.isCenter(type))
            continue;
        outputPlaces[type] = static_cast<int>(numbers.size());
        constantEnergies[type] = potential.getData().energyBias[type];
        if (potential.subtractsVacuum(type)) {
            const Eigen::VectorXd zero = Eigen::VectorXd::Zero(potential.getDescriptorLength());
            constantEnergies[type] -= lps::evaluateWithGradient(fittings[type], zero).value;
        }
        const lps::Layer& last = fittings[type].layers.back();
        const double timestep = plain && !last.timestep.empty() ? last.timestep[0] : 1.0;
        if (plain) {
            for (double weight : last.weight)
                numbers.push_back(weight * timestep);
            constantEnergies[type] += last.bias[0] * timestep;
        } else {
            numbers.push_back(1.0);
        }
    }
    outputInputs = plain ? shape->layers.back().inputs : 1;
    device.store(outputOffsets, outputPlaces, "lpsOutputOffsets");
    device.storeNumbers(weights, numbers, 1, device.isRealDouble(), "lpsFittingWeights");
}

void DeviceFitting::reserveRows(int tileRows) {
    int widest = 1;
    for (const auto& layer : hidden)
        widest = std::max(widest, layer->outputs);
    const std::size_t rows = tileRows;
    for (OpenMM::ComputeArray& array : activations)
        device.reserve(array, rows * widest, device.getRealSize(), "lpsActivations");
    device.reserve(gradients[0], rows * std::max(widest, model.getShape().countInputs()), device.getRealSize(),
                   "lpsGradient");
    device.reserve(gradients[1], rows * widest, device.getRealSize(), "lpsGradient");
    for (std::size_t k = 0; k < hidden.size(); k++)
        device.reserve(*slopes[k], rows * hidden[k]->outputs, device.getRealSize(), "lpsSlopes");
}

namespace {

/** Threads for a matrix product of this many rows and columns. */
int countLayerThreads(const DeviceSettings& settings, int rows, int columns) {
    const int tasks = (rows / settings.blockRows) * ((columns + settings.tileOutputs - 1) / settings.tileOutputs);
    return tasks * settings.getLayerThreads();
}

}  // namespace

void DeviceFitting::forward(DeviceNeighborList& list, const RowTile& tile, OpenMM::ComputeArray& contracted) {
    for (std::size_t k = 0; k < hidden.size(); k++) {
        HiddenLayer& layer = *hidden[k];
        forwardKernel.launch(countLayerThreads(device.settings, tile.numRows, layer.outputs),
                             device.settings.getLayerThreads(), tile.firstRow, tile.numRows, layer.inputs,
                             layer.outputs, static_cast<int>(layer.activation.kind), Real{layer.activation.threshold},
                             static_cast<int>(layer.residual), layer.hasTimestep ? 1 : 0, k == 0 ? 1 : 0, list.blocks,
                             layer.forwardOffsets, weights, contracted, activations[(k + 1) % 2], activations[k % 2],
                             *slopes[k]);
    }
}

void DeviceFitting::sumEnergies(DeviceNeighborList& list, const RowTile& tile, double scale,
                                OpenMM::ComputeArray& atomEnergies, OpenMM::ComputeArray& sums) {
    energyKernel.launch(tile.numRows, device.settings.flatThreads, tile.firstRow, tile.numRows, outputInputs,
                        Real{scale}, list.blocks, outputOffsets, weights, activations[(hidden.size() + 1) % 2],
                        list.sorted, device.cc.getAtomIndexArray(), atomEnergies, sums);
}

void DeviceFitting::backward(DeviceNeighborList& list, const RowTile& tile) {
    for (std::size_t k = hidden.size(); k-- > 0;) {
        HiddenLayer& layer = *hidden[k];
        backwardKernel.launch(countLayerThreads(device.settings, tile.numRows, layer.inputs),
                              device.settings.getLayerThreads(), tile.firstRow, tile.numRows, layer.inputs,
                              layer.outputs, static_cast<int>(layer.residual), k + 1 == hidden.size() ? 1 : 0,
                              list.blocks, layer.backwardOffsets, outputOffsets, weights, *slopes[k],
                              gradients[(k + 1) % 2], gradients[k % 2]);
    }
}

}  // namespace LPSPlugin
