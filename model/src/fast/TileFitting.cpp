// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "fast/TileFitting.h"

#include <algorithm>

namespace lps::fast {

namespace {

std::size_t roundUp(std::size_t n, std::size_t step) {
    return (n + step - 1) / step * step;
}

}  // namespace

template <typename T>
TileFitting<T>::TileFitting(const CompiledModel<T>& compiledModel, int rowLimit)
    : model(compiledModel),
      kernels(compiledModel.kernels),
      maxRows(rowLimit),
      featureWidth(compiledModel.model->getFeatureWidth()) {
    const std::size_t lanes = kernels.lanes;
    std::size_t widest = lanes;
    int maxLayers = 1;
    for (const Network& network : model.model->getData().fittings)
        if (!network.empty()) {
            maxLayers = std::max(maxLayers, static_cast<int>(network.layers.size()) - 1);
            for (const Layer& layer : network.layers)
                widest = std::max(widest, roundUp(layer.outputs, lanes));
        }
    layerLd = widest + lanes;
    layerA.resize(maxRows * layerLd);
    layerB.resize(maxRows * layerLd);
    layerC.resize(maxRows * layerLd);
    slopes.resize(maxRows * layerLd * maxLayers);
}

/** The buffer of hidden layers that is not in use; the first one beside D. */
template <typename T>
Rows<T> TileFitting<T>::getOther(Rows<T> used) {
    return {used.data == layerA.data() ? layerB.data() : layerA.data(), layerLd};
}

/** What a layer adds to its output, as wide as the output: nothing, its input, or its input twice. */
template <typename T>
Rows<const T> TileFitting<T>::makeResidual(const PackedLayer<T>& layer, int rows, Rows<const T> input, bool first) {
    if (layer.residual == Residual::None)
        return {};
    if (!first && layer.residual == Residual::Identity)
        return input;
    const int inputs = first ? model.width * model.axis : layer.inputs;
    residual.ensure(maxRows * layerLd);
    for (int row = 0; row < rows; row++)
        for (int n = 0; n < layer.padded; n++) {
            const int from = n % inputs;
            residual[row * layerLd + n] =
                n < layer.outputs ? input.at(row, first ? model.foldedIndex[from] : from).data[0] : T(0);
        }
    return {residual.data(), layerLd};
}

template <typename T>
void TileFitting<T>::evaluate(int center, int count, int sharers, Rows<T> D, double* energies, bool wantsGradient,
                              double* features, StageClock& clock) {
    const CompiledCenter<T>& network = model.getCenter(center);
    const int rows =
        count < WeightMatrix<T>::minRows ? count : static_cast<int>(roundUp(count, WeightMatrix<T>::rowStep));
    std::fill(D.at(count, 0).data, D.at(rows, 0).data, T(0));
    clock.start();
    const Rows<T> last = passForward(network, rows, sharers, D, clock);
    for (int row = 0; features && row < count; row++) {
        const std::size_t outputs = network.hidden.back().outputs;
        double* end = std::copy_n(last.at(row, 0).data, outputs, features + row * featureWidth);
        std::fill_n(end, featureWidth - outputs, 0.0);
    }
    const Rows<T> gradient = last.data == D.data ? D : getOther(last);
    evaluateLastLayer(network, count, last, energies, gradient);
    for (int row = count; row < rows; row++)
        std::fill_n(gradient.at(row, 0).data, network.outputWeight.size(), T(0));
    clock.stop(Stage::Activation);
    if (wantsGradient)
        passBack(network, rows, sharers, gradient, D, clock);
}

/** @return the output of the last hidden layer; D if there is none */
template <typename T>
Rows<T> TileFitting<T>::passForward(const CompiledCenter<T>& network, int rows, int sharers, Rows<T> D,
                                    StageClock& clock) {
    Rows<T> input = D;
    for (std::size_t k = 0; k < network.hidden.size(); k++) {
        const PackedLayer<T>& layer = network.hidden[k];
        const Rows<T> output = getOther(input);
        layer.forward.multiply(kernels, rows, sharers, input.data, input.ld, output.data, output.ld, productScratch);
        clock.stop(Stage::Gemm);
        const Rows<const T> extra = makeResidual(layer, rows, input, k == 0);
        finishLayer(kernels, layer, rows, output.data, output.ld, extra.data, extra.ld, getSlopes(k), layerLd);
        clock.stop(Stage::Activation);
        input = output;
    }
    return input;
}

/** One number per atom, in double, and its gradient, with which the way back begins. */
template <typename T>
void TileFitting<T>::evaluateLastLayer(const CompiledCenter<T>& network, int count, Rows<const T> input,
                                       double* energies, Rows<T> gradient) const {
    const int width = static_cast<int>(network.outputWeight.size());
    for (int row = 0; row < count; row++) {
        const T* y = input.at(row, 0).data;
        const double z = kernels.dot(width, y, network.outputWeight.data()) + network.outputBias;
        double energy = network.outputActivation.value(z) * network.outputTimestep;
        const double slope = network.outputActivation.derivative(z) * network.outputTimestep;
        if (network.outputResidual)
            energy += y[0];
        energies[row] = energy + network.constant;
        T* g = gradient.at(row, 0).data;
        for (int n = 0; n < width; n++)
            g[n] = static_cast<T>(slope) * network.outputWeight[n];
        if (network.outputResidual)
            g[0] += T(1);
    }
}

/** Through the slope of each layer, its matrix, and around it where it has a residual. */
template <typename T>
void TileFitting<T>::passBack(const CompiledCenter<T>& network, int rows, int sharers, Rows<T> gradient, Rows<T> D,
                              StageClock& clock) {
    for (int k = static_cast<int>(network.hidden.size()) - 1; k >= 0; k--) {
        const PackedLayer<T>& layer = network.hidden[k];
        kernels.multiply(rows, layer.padded, gradient.data, layerLd, getSlopes(k), layerLd, layerC.data(), layerLd);
        clock.stop(Stage::Activation);
        const Rows<T> next = k > 0 ? getOther(gradient) : D;
        layer.backward.multiply(kernels, rows, sharers, layerC.data(), layerLd, next.data, next.ld, productScratch);
        clock.stop(Stage::Gemm);
        if (layer.residual != Residual::None) {
            addResidualGradient(layer, rows, gradient, k == 0, next);
            clock.stop(Stage::Activation);
        }
        gradient = next;
    }
}

template <typename T>
void TileFitting<T>::addResidualGradient(const PackedLayer<T>& layer, int rows, Rows<const T> gradient, bool first,
                                         Rows<T> next) const {
    if (!first && layer.residual == Residual::Identity) {
        kernels.add(rows, layer.padded, gradient.data, gradient.ld, next.data, next.ld);
        return;
    }
    const int inputs = first ? model.width * model.axis : layer.inputs;
    for (int row = 0; row < rows; row++)
        for (int n = 0; n < layer.outputs; n++) {
            const int to = n % inputs;
            next.at(row, first ? model.foldedIndex[to] : to).data[0] += gradient.at(row, n).data[0];
        }
}

template <typename T>
std::size_t TileFitting<T>::getMemory() const {
    std::size_t numbers = 0;
    for (const AlignedBuffer<T>* buffer : {&layerA, &layerB, &layerC, &residual, &slopes})
        numbers += buffer->size();
    return numbers * sizeof(T) + productScratch.getMemory();
}

template class TileFitting<float>;
template class TileFitting<double>;

}  // namespace lps::fast
