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
    firstKernel = DeviceKernel(device, program, "forwardDescriptor");
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
    storeDescriptorInputs();
}

void DeviceFitting::storeDescriptorInputs() {
    const ModelShape shape = model.getShape();
    vector<OpenMM::mm_int2> inputs(device.settings.getDepth(shape.countInputs()), OpenMM::mm_int2(0, 0));
    for (int i = 0; i < shape.embeddingWidth; i++)
        for (int j = 0; j < shape.axisWidth; j++)
            inputs[shape.getInput(i, j)] = OpenMM::mm_int2(i, j);
    device.store(descriptorInputs, inputs, "lpsDescriptorInputs");
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
        addMatrix(own.weight, own.outputs, device.settings.getDepth(own.inputs), numbers);
        addMatrix(own.bias, own.outputs, 1, numbers);
        if (layer.hasTimestep)
            addMatrix(own.timestep, own.outputs, 1, numbers);
        backward[type] = static_cast<int>(numbers.size());
        vector<double> transposed(own.weight.size());
        for (int o = 0; o < own.outputs; o++)
            for (int i = 0; i < own.inputs; i++)
                transposed[static_cast<std::size_t>(o) * own.inputs + i] =
                    own.weight[static_cast<std::size_t>(i) * own.outputs + o];
        addMatrix(transposed, own.inputs, device.settings.getDepth(own.outputs), numbers);
    }
    device.store(layer.forwardOffsets, forward, "lpsForwardOffsets");
    device.store(layer.backwardOffsets, backward, "lpsBackwardOffsets");
    slopes.push_back(std::make_unique<OpenMM::ComputeArray>());
}

void DeviceFitting::addMatrix(const vector<double>& matrix, int columns, int paddedRows, vector<double>& numbers) {
    const std::size_t first = numbers.size(), pitch = device.settings.getPitch(columns);
    numbers.resize(first + paddedRows * pitch, 0.0);
    for (std::size_t k = 0; k < matrix.size(); k++)
        numbers[first + k / columns * pitch + k % columns] = matrix[k];
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
            addMatrix({1.0}, 1, 1, numbers);
            continue;
        }
        const lps::Layer& last = model.getPotential().getData().fittings[type].layers.back();
        const double timestep = last.timestep.empty() ? 1.0 : last.timestep[0];
        vector<double> own = last.weight;
        for (double& weight : own)
            weight *= timestep;
        addMatrix(own, last.inputs, 1, numbers);
        constantEnergies[type] += last.bias[0] * timestep;
    }
    device.store(outputOffsets, offsets, "lpsOutputOffsets");
}

void DeviceFitting::reserveRows(int tileRows) {
    const DeviceSettings& settings = device.settings;
    int widest = 1;
    for (const auto& layer : hidden)
        widest = std::max(widest, layer->outputs);
    const auto reserve = [&](OpenMM::ComputeArray& array, int columns, const char* name) {
        device.reserve(array, static_cast<std::size_t>(tileRows) * settings.getPitch(columns), device.getRealSize(),
                       name);
    };
    for (OpenMM::ComputeArray& array : activations)
        reserve(array, widest, "lpsActivations");
    reserve(gradients[0], std::max(widest, model.getShape().countInputs()), "lpsGradient");
    reserve(gradients[1], widest, "lpsGradient");
    for (std::size_t k = 0; k < hidden.size(); k++)
        reserve(*slopes[k], hidden[k]->outputs, "lpsSlopes");
}

int DeviceFitting::countLayerThreads(int rows, int columns) const {
    const DeviceSettings& settings = device.settings;
    const int tasks = (rows / settings.blockRows) * (settings.getPitch(columns) / settings.tileOutputs);
    return tasks * settings.getLayerThreads();
}

void DeviceFitting::forward(DeviceNeighborList& list, const RowTile& tile, OpenMM::ComputeArray& contracted) {
    for (std::size_t k = 0; k < hidden.size(); k++) {
        HiddenLayer& layer = *hidden[k];
        const int threads = countLayerThreads(tile.numRows, layer.outputs);
        const int groupSize = device.settings.getLayerThreads();
        const int kind = static_cast<int>(layer.activation.kind), residual = static_cast<int>(layer.residual);
        const int hasTimestep = layer.hasTimestep ? 1 : 0;
        const Real threshold{layer.activation.threshold};
        if (k == 0)
            firstKernel.launch(threads, groupSize, tile.firstRow, tile.numRows, layer.inputs, layer.outputs, kind,
                               threshold, residual, hasTimestep, list.blocks, layer.forwardOffsets, weights,
                               descriptorInputs, contracted, activations[0], *slopes[0]);
        else
            forwardKernel.launch(threads, groupSize, tile.firstRow, tile.numRows, layer.inputs, layer.outputs, kind,
                                 threshold, residual, hasTimestep, list.blocks, layer.forwardOffsets, weights,
                                 activations[(k + 1) % 2], activations[k % 2], *slopes[k]);
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
    const std::size_t pitch = device.settings.getPitch(static_cast<int>(width));
    vector<double> values(outputs.getSize());
    outputs.download(values, true);
    for (std::size_t row = 0; row < static_cast<std::size_t>(tile.numRows); row++)
        features.insert(features.end(), values.begin() + row * pitch, values.begin() + row * pitch + width);
}

void DeviceFitting::backward(DeviceNeighborList& list, const RowTile& tile) {
    for (std::size_t k = hidden.size(); k-- > 0;) {
        HiddenLayer& layer = *hidden[k];
        backwardKernel.launch(countLayerThreads(tile.numRows, layer.inputs), device.settings.getLayerThreads(),
                              tile.firstRow, tile.numRows, layer.inputs, layer.outputs,
                              static_cast<int>(layer.residual), k + 1 == hidden.size() ? 1 : 0, list.blocks,
                              layer.backwardOffsets, outputOffsets, weights, *slopes[k], gradients[(k + 1) % 2],
                              gradients[k % 2]);
    }
}

}  // namespace LPSPlugin
