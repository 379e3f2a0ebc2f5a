// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "fast/CompiledModel.h"

namespace lps::fast {

namespace {

/** The tighter tolerance would take a quintic four times as many rows, which then do not fit the caches. */
template <typename T>
constexpr TableDegree tableDegree = sizeof(T) == 4 ? TableDegree::Quintic : TableDegree::Septic;

}  // namespace

template <typename T>
CompiledModel<T>::CompiledModel(std::shared_ptr<const DeepPotential> potential, const Kernels<T>& vectorKernels,
                                bool tabulate)
    : model(std::move(potential)),
      prepared(model, sizeof(T) == 4 ? Precision::Float32 : Precision::Float64, tableDegree<T>, tabulate),
      kernels(vectorKernels),
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
    std::vector<int> newCenters;
    for (int a = 0; a < numTypes; a++)
        if (present[a] && !model->isAtomExcluded(a) && !centers[a].ready)
            newCenters.push_back(a);
    std::vector<Plan> plans = findNewTables(present);
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
    forEach(plans.size(),
            [&](std::size_t i) { plans[i].radial = prepared.planTable(plans[i].center, plans[i].neighbor); });
    const std::size_t numNew = plans.size();
    shareGrids(plans);
    forEach(plans.size(), [&](std::size_t i) {
        const Plan& plan = plans[i];
        CompiledPair<T>& pair = pairs[plan.center * numTypes + plan.neighbor];
        if (!plan.radial.accurate) {
            setKind(pair, CompiledPair<T>::Kind::Networks);
            return;
        }
        const RadialTable table = prepared.makeTable(plan.center, plan.neighbor, centers[plan.center].grid);
        fillCoefficients(pair, table.rows, table.coefficients, false);
    });
    for (std::size_t i = 0; i < numNew; i++) {
        const Plan& plan = plans[i];
        const int intervals = plan.radial.accurate ? centers[plan.center].grid.getNumIntervals() : 0;
        reports.push_back({plan.center, plan.neighbor, intervals, plan.radial.valueError, plan.radial.derivativeError});
    }
}

/** Compile the pairs of these types, and list those whose tables are still to be made. */
template <typename T>
std::vector<typename CompiledModel<T>::Plan> CompiledModel<T>::findNewTables(const std::vector<bool>& present) {
    std::vector<Plan> plans;
    for (int a = 0; a < numTypes; a++) {
        if (!present[a] || model->isAtomExcluded(a))
            continue;
        for (int b = 0; b < numTypes; b++) {
            CompiledPair<T>& pair = pairs[a * numTypes + b];
            if (pairReady[a * numTypes + b])
                continue;
            compilePair(a, b);
            pairReady[a * numTypes + b] = present[b];
            if (present[b] && pair.kind == CompiledPair<T>::Kind::Table && pair.coefficients.size() == 0)
                plans.push_back({a, b, {}});
        }
    }
    return plans;
}

/** Make the grids of the centers as fine as new tables ask; tables made earlier are planned again if a grid changed. */
template <typename T>
void CompiledModel<T>::shareGrids(std::vector<Plan>& plans) {
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
    const std::array<double, 8> constants = prepared.getEnvironmentConstants(a);
    for (int c = 0; c < 4; c++) {
        center.parameters.mean[c] = constants[c];
        center.parameters.inverseStddev[c] = constants[4 + c];
    }

    const Network& fitting = data.fittings[a];
    for (std::size_t k = 0; k < fitting.layers.size(); k++) {
        const Layer layer = k == 0 ? prepared.foldFirstLayer(a, foldedIndex, folded) : fitting.layers[k];
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
    center.constant = prepared.getConstantEnergy(a);
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
    if (const std::vector<double> padding = prepared.getPadding(a, b); !padding.empty()) {
        pair.padding.assign(padded, T(0));
        for (int m = 0; m < width; m++)
            pair.padding[m] = static_cast<T>(padding[m] / data.normalizer);
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
    setKind(pair, prepared.canTabulate(a, b) ? CompiledPair<T>::Kind::Table : CompiledPair<T>::Kind::Networks);
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
