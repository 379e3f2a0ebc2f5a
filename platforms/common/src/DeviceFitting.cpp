// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "DeviceFitting.h"

#include <algorithm>

#include "openmm/OpenMMException.h"

namespace LPSPlugin {

using std::vector;

namespace {

/** Whether the last layer is a plain sum over hidden ones, as training programs write it. */
bool hasPlainOutput(const lps::Network& network) {
    const lps::Layer& layer = network.layers.back();
    return network.layers.size() > 1 && layer.activation.kind == lps::Activation::Kind::Linear &&
           layer.residual == lps::Residual::None;
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

const lps::Network* DeviceFitting::findCommonNetwork() const {
    const auto& fittings = model.getPotential().getData().fittings;
    const lps::Network* common = nullptr;
    for (int type = 0; type < model.getPotential().getNumTypes(); type++) {
        if (!model.isCenter(type))
            continue;
        if (common == nullptr)
            common = &fittings[type];
        else if (!haveSameShape(*common, fittings[type]))
            throw OpenMM::OpenMMException(
                "LPSForce: the fitting networks of the model differ in shape between types; use the CPU or Reference "
                "platform.");
    }
    return common;
}

void DeviceFitting::storeLayers() {
    constantEnergies.assign(model.getPotential().getNumTypes(), 0.0);
    const lps::Network* network = findCommonNetwork();
    if (network == nullptr)
        return;

    // An output layer that is more than a sum becomes a hidden one, followed by a sum of one number.

    const bool isPlain = isOutputPlain = hasPlainOutput(*network);
    const std::size_t numHidden = network->layers.size() - (isPlain ? 1 : 0);
    vector<double> numbers;
    for (std::size_t k = 0; k < numHidden; k++)
        addHiddenLayer(static_cast<int>(k), network->layers[k], numbers);
    outputInputs = isPlain ? network->layers.back().inputs : 1;
    addOutputLayer(isPlain, numbers);
    device.storeNumbers(weights, numbers, 1, device.isRealDouble(), "lpsFittingWeights");
}

void DeviceFitting::addHiddenLayer(int k, const lps::Layer& common, vector<double>& numbers) {
    const ModelShape shape = model.getShape();
    const int numTypes = shape.numTypes;
    hidden.push_back(std::make_unique<HiddenLayer>());
    HiddenLayer& layer = *hidden.back();
    layer.inputs = k == 0 ? shape.countInputs() : common.inputs;
    layer.outputs = common.outputs;
    layer.activation = common.activation;
    layer.residual = common.residual;
    layer.hasTimestep = !common.timestep.empty();
    vector<int> inputs;
    for (int i = 0; i < shape.embeddingWidth; i++)
        for (int j = 0; j < shape.axisWidth; j++)
            inputs.push_back(shape.getInput(i, j));
    vector<int> forward(numTypes, 0), backward(numTypes, 0);
    for (int type = 0; type < numTypes; type++) {
        if (!model.isCenter(type))
            continue;
        const lps::Layer own = k == 0 ? model.getPrepared().foldFirstLayer(type, inputs, layer.inputs)
                                      : model.getPotential().getData().fittings[type].layers[k];
        forward[type] = static_cast<int>(numbers.size());
        for (const vector<double>* part : {&own.weight, &own.bias, &own.timestep})
            numbers.insert(numbers.end(), part->begin(), part->end());
        backward[type] = static_cast<int>(numbers.size());
        for (int o = 0; o < own.outputs; o++)
            for (int i = 0; i < own.inputs; i++)
                numbers.push_back(own.weight[static_cast<std::size_t>(i) * own.outputs + o]);
    }
    device.store(layer.forwardOffsets, forward, "lpsForwardOffsets");
    device.store(layer.backwardOffsets, backward, "lpsBackwardOffsets");
    slopes.push_back(std::make_unique<OpenMM::ComputeArray>());
}

void DeviceFitting::addOutputLayer(bool isPlain, vector<double>& numbers) {
    const int numTypes = model.getPotential().getNumTypes();
    vector<int> offsets(numTypes, 0);
    for (int type = 0; type < numTypes; type++) {
        if (!model.isCenter(type))
            continue;
        offsets[type] = static_cast<int>(numbers.size());
        constantEnergies[type] = model.getPrepared().getConstantEnergy(type);
        if (!isPlain) {
            numbers.push_back(1.0);
            continue;
        }
        const lps::Layer& last = model.getPotential().getData().fittings[type].layers.back();
        const double timestep = last.timestep.empty() ? 1.0 : last.timestep[0];
        for (double weight : last.weight)
            numbers.push_back(weight * timestep);
        constantEnergies[type] += last.bias[0] * timestep;
    }
    device.store(outputOffsets, offsets, "lpsOutputOffsets");
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

void DeviceFitting::appendFeatures(const RowTile& tile, vector<double>& features) {
    // An output layer that is more than a sum is the last of the hidden ones here.

    const std::size_t width = isOutputPlain ? outputInputs : hidden.back()->inputs;
    OpenMM::ComputeArray& outputs = activations[(hidden.size() + (isOutputPlain ? 1 : 0)) % 2];
    vector<double> values(outputs.getSize());
    outputs.download(values, true);
    features.insert(features.end(), values.begin(), values.begin() + tile.numRows * width);
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
