// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "fast/CompiledModel.h"

#include "reference/Embedding.h"
#include "reference/NetworkEvaluation.h"

namespace lps::fast {

namespace {

/** Largest table error, as a fraction of the largest value, that leaves no trace in the results of each precision. */
template <typename T>
constexpr double tableTolerance = sizeof(T) == 4 ? 1e-6 : 1e-9;

/** The tighter tolerance would take a quintic four times as many rows, which then do not fit the caches. */
template <typename T>
constexpr TableDegree tableDegree = sizeof(T) == 4 ? TableDegree::Quintic : TableDegree::Septic;

/** Whether a polynomial can follow a network: no activation has a jump in its first or second derivative. */
bool isSmooth(const Network& network) {
    for (const Layer& layer : network.layers)
        for (Activation::Kind kind : {Activation::Kind::Relu, Activation::Kind::Relu6, Activation::Kind::Silut})
            if (layer.activation.kind == kind)
                return false;
    return true;
}

}  // namespace

template <typename T>
CompiledModel<T>::CompiledModel(std::shared_ptr<const DeepPotential> potential, const Kernels<T>& vectorKernels,
                                bool tabulate)
    : model(std::move(potential)),
      kernels(vectorKernels),
      useTables(tabulate),
      numTypes(model->getNumTypes()),
      width(model->getEmbeddingWidth()),
      padded((width + kernels.lanes - 1) / kernels.lanes * kernels.lanes),
      axis(model->getData().axisWidth),
      folded(axis * (width - axis) + axis * (axis + 1) / 2),
      foldedIndex(static_cast<std::size_t>(width) * axis),
      centers(numTypes),
      pairs(static_cast<std::size_t>(numTypes) * numTypes),
      pairReady(pairs.size(), false) {
    int rowBegin = 0;
    for (int n = 0; n < axis; n++) {
        for (int m = n; m < width; m++) {
            foldedIndex[m * axis + n] = rowBegin + m - n;
            if (m < axis)
                foldedIndex[n * axis + m] = rowBegin + m - n;
        }
        rowBegin += width - n;
    }
}

template <typename T>
void CompiledModel<T>::prepare(const std::vector<bool>& present, Executor& executor) {
    struct Plan {
        int center, neighbor;
        RadialPlan radial;
    };
    std::vector<Plan> plans;
    std::vector<int> newCenters;
    for (int a = 0; a < numTypes; a++) {
        if (!present[a] || model->isAtomExcluded(a))
            continue;
        if (!centers[a].ready)
            newCenters.push_back(a);
        for (int b = 0; b < numTypes; b++)
            if (!pairReady[a * numTypes + b]) {
                compilePair(a, b);
                pairReady[a * numTypes + b] = true;
                if (present[b] && pairs[a * numTypes + b].kind == CompiledPair<T>::Kind::Table &&
                    pairs[a * numTypes + b].coefficients.size() == 0)
                    plans.push_back({a, b, {}});
                else if (!present[b])
                    pairReady[a * numTypes + b] = false;
            }
    }
    if (newCenters.empty() && plans.empty())
        return;

    const int threads = executor.getNumThreads();
    const auto forEach = [&](std::size_t count, const auto& work) {
        executor.runGuarded([&](int thread) {
            for (std::size_t i = thread; i < count; i += threads)
                work(i);
        });
    };
    forEach(newCenters.size(), [&](std::size_t i) { compileCenter(newCenters[i]); });
    forEach(plans.size(), [&](std::size_t i) {
        plans[i].radial =
            planRadialTable(*model, plans[i].center, plans[i].neighbor, tableDegree<T>, tableTolerance<T>);
    });

    // All tables of a center share one grid; tables made earlier are made again if it grew.

    const std::size_t numNew = plans.size();
    for (int a = 0; a < numTypes; a++) {
        bool grew = false;
        for (std::size_t i = 0; i < numNew; i++)
            if (plans[i].center == a && plans[i].radial.accurate)
                grew |= centers[a].grid.refine(plans[i].radial.grid);
        if (!grew)
            continue;
        setGrid(a);
        for (int b = 0; b < numTypes; b++) {
            const CompiledPair<T>& pair = pairs[a * numTypes + b];
            if (pair.kind == CompiledPair<T>::Kind::Table && pair.coefficients.size() > 0) {
                plans.push_back({a, b, {}});
                plans.back().radial.accurate = true;
            }
        }
    }
    forEach(plans.size(), [&](std::size_t i) {
        const Plan& plan = plans[i];
        CompiledPair<T>& pair = pairs[plan.center * numTypes + plan.neighbor];
        if (!plan.radial.accurate) {
            setKind(pair, CompiledPair<T>::Kind::Networks);
            return;
        }
        const RadialTable table =
            makeRadialTable(*model, plan.center, plan.neighbor, tableDegree<T>, centers[plan.center].grid);
        fillCoefficients(pair, table.rows, table.coefficients, false);
    });
    for (std::size_t i = 0; i < numNew; i++) {
        const Plan& plan = plans[i];
        const int intervals = plan.radial.accurate ? centers[plan.center].grid.getNumIntervals() : 0;
        reports.push_back({plan.center, plan.neighbor, intervals, plan.radial.valueError, plan.radial.derivativeError});
    }
}

/** Hand the grid of a center to the environment kernel. */
template <typename T>
void CompiledModel<T>::setGrid(int a) {
    CompiledCenter<T>& center = centers[a];
    const int cells = center.grid.getNumCells();
    center.cells.resize(3 * static_cast<std::size_t>(cells));
    T* starts = center.cells.data();
    int row = 0;
    for (int cell = 0; cell < cells; cell++) {
        const double begin = RadialGrid::getCellStart(cell);
        const double extent = RadialGrid::getCellStart(cell + 1) - begin;
        starts[cell] = static_cast<T>(begin);
        starts[cells + cell] = static_cast<T>(center.grid.intervals[cell] / extent);
        starts[2 * cells + cell] = static_cast<T>(row);
        row += center.grid.intervals[cell];
    }
    center.parameters.cells = cells;
    center.parameters.cellStarts = starts;
    center.parameters.cellInverses = starts + cells;
    center.parameters.cellRows = starts + 2 * cells;
    center.parameters.lastRow = row - 1;
    center.parameters.splitRow = center.grid.findSplit(model->getSwitchStart());
    center.parameters.splitTarget = row;
}

template <typename T>
void CompiledModel<T>::compileCenter(int a) {
    CompiledCenter<T>& center = centers[a];
    const DeepPotentialData& data = model->getData();
    center.parameters.switchStart = model->getSwitchStart();
    center.parameters.inverseSwitchWidth = 1.0 / model->getSwitchWidth();
    center.parameters.protection = data.environmentProtection;
    for (int c = 0; c < 4; c++) {
        center.parameters.mean[c] = data.mean[a][c];
        center.parameters.inverseStddev[c] = 1.0 / data.stddev[a][c];
    }

    // The first layer takes the folded descriptor: rows of its matrix that multiply equal elements are added up.

    const Network& fitting = data.fittings[a];
    const auto fold = [&](const Layer& layer) {
        std::vector<double> weight(static_cast<std::size_t>(folded) * layer.outputs, 0.0);
        for (int i = 0; i < layer.inputs; i++)
            for (int n = 0; n < layer.outputs; n++)
                weight[static_cast<std::size_t>(foldedIndex[i]) * layer.outputs + n] +=
                    layer.weight[static_cast<std::size_t>(i) * layer.outputs + n];
        return weight;
    };
    for (std::size_t k = 0; k < fitting.layers.size(); k++) {
        Layer layer = fitting.layers[k];
        if (k == 0) {
            layer.weight = fold(layer);
            layer.inputs = folded;
        }
        if (k + 1 < fitting.layers.size()) {
            center.hidden.push_back(packLayer(kernels, layer, true));
        } else {
            center.outputWeight.resize((layer.inputs + kernels.lanes - 1) / kernels.lanes * kernels.lanes);
            for (int i = 0; i < layer.inputs; i++)
                center.outputWeight[i] = static_cast<T>(layer.weight[i]);
            center.outputBias = layer.bias[0];
            center.outputTimestep = layer.timestep.empty() ? 1.0 : layer.timestep[0];
            center.outputActivation = layer.activation;
            center.outputResidual = layer.residual == Residual::Identity;
        }
    }
    center.constant = data.energyBias[a];
    if (model->subtractsVacuum(a))
        center.constant -= evaluateWithGradient(fitting, Eigen::VectorXd::Zero(fitting.getNumInputs())).value;
    center.ready = true;
}

template <typename T>
void CompiledModel<T>::compilePair(int a, int b) {
    CompiledPair<T>& pair = pairs[a * numTypes + b];
    if (pair.kind != CompiledPair<T>::Kind::Unused)
        return;
    const DeepPotential::Section& section = model->getSection(a, b);
    const DeepPotentialData& data = model->getData();
    pair.countsSlots = section.countsSlots;
    pair.slots = section.slots;
    const double component = model->getPaddingComponent(a);
    if (section.slots > 0 && component != 0.0) {
        const Eigen::VectorXd value = evaluateEmbedding(*model, a, b, component).value;
        pair.padding.assign(padded, T(0));
        for (int m = 0; m < width; m++)
            pair.padding[m] = static_cast<T>(value[m] * component / data.normalizer);
    }
    if (!section.hasNeighbors)
        return;
    const int index = model->getEmbeddingIndex(a, b);
    if (model->isCompressed()) {
        setKind(pair, CompiledPair<T>::Kind::OwnTable);
        pair.ownTable = &data.tables[index];
        if (!pair.ownTable->empty())
            fillCoefficients(pair, pair.ownTable->rows, pair.ownTable->coefficients, true);
        return;
    }
    setKind(pair, useTables && isSmooth(data.embeddings[index]) ? CompiledPair<T>::Kind::Table
                                                                : CompiledPair<T>::Kind::Networks);
    pair.networks.clear();
    for (const Layer& layer : data.embeddings[index].layers)
        pair.networks.push_back(packLayer(kernels, layer, false));
}

template <typename T>
void CompiledModel<T>::setKind(CompiledPair<T>& pair, typename CompiledPair<T>::Kind kind) const {
    using Kind = typename CompiledPair<T>::Kind;
    pair.kind = kind;
    const bool isSeptic = kind == Kind::Table && tableDegree<T> == TableDegree::Septic;
    pair.kernels = isSeptic ? &kernels.septic : kind == Kind::Networks ? &kernels.linear : &kernels.quintic;
    pair.rowSize = static_cast<std::size_t>(pair.kernels->blockSize) * (padded / kernels.lanes);
}

template <typename T>
void CompiledModel<T>::fillCoefficients(CompiledPair<T>& pair, int rows, const std::vector<double>& source,
                                        bool channelsFirst) {
    const typename Kernels<T>::Table& table = *pair.kernels;
    const int lanes = kernels.lanes, numCoefficients = table.numCoefficients;
    const double scale = 1.0 / model->getData().normalizer;
    pair.coefficients.resize(rows * pair.rowSize);
    for (int row = 0; row < rows; row++) {
        const double* from = source.data() + static_cast<std::size_t>(row) * numCoefficients * width;
        for (int m = 0; m < width; m++) {
            T* block = pair.coefficients.data() + row * pair.rowSize + m / lanes * table.blockSize;
            float* shorter = reinterpret_cast<float*>(block + table.numLong * lanes);
            for (int k = 0; k < numCoefficients; k++) {
                const double coefficient =
                    scale * (channelsFirst ? from[numCoefficients * m + k] : from[k * width + m]);
                if (k < table.numLong)
                    block[k * lanes + m % lanes] = static_cast<T>(coefficient);
                else
                    shorter[(k - table.numLong) * lanes + m % lanes] = static_cast<float>(coefficient);
            }
        }
    }
}

template <typename T>
std::size_t CompiledModel<T>::getMemory() const {
    std::size_t bytes = foldedIndex.size() * sizeof(int);
    for (const CompiledPair<T>& pair : pairs) {
        bytes += pair.coefficients.size() * sizeof(T);
        for (const auto& layer : pair.networks)
            bytes += layer.getMemory();
    }
    for (const CompiledCenter<T>& center : centers)
        for (const auto& layer : center.hidden)
            bytes += layer.getMemory();
    return bytes;
}

template class CompiledModel<float>;
template class CompiledModel<double>;

}  // namespace lps::fast
