// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "fast/TileEvaluator.h"

#include <algorithm>

#include "fast/Prefetch.h"
#include "lps/Error.h"
#include "neighbors/ExactGrid.h"

namespace lps::fast {

namespace {

constexpr int numTileFields = 19;  ///< numbers kept per pair while a tile is evaluated

std::size_t roundUp(std::size_t n, std::size_t step) {
    return (n + step - 1) / step * step;
}

}  // namespace

template <typename T>
TileEvaluator<T>::TileEvaluator(const CompiledModel<T>& compiledModel)
    : model(compiledModel),
      kernels(compiledModel.kernels),
      types(compiledModel.numTypes),
      padded(compiledModel.padded),
      rowLd(roundUp(compiledModel.folded, kernels.lanes) + 2 * static_cast<std::size_t>(kernels.lanes)),
      directRows(compiledModel),
      fitting(compiledModel, maxRows),
      atomPairs(maxRows),
      groupEnds(static_cast<std::size_t>(maxRows) * types),
      counts(types) {
    A.resize(static_cast<std::size_t>(maxRows) * 4 * padded);
    D.resize(maxRows * rowLd);
    G.resize(static_cast<std::size_t>(maxRows) * 4 * padded);
}

/** Take the next `capacity` entries of the tile's arrays. */
template <typename T>
PairFields<T> TileEvaluator<T>::takeFields(int capacity) {
    PairFields<T> f;
    T* base = pairData.data() + usedPairs * numTileFields;
    T** members[numTileFields - 1] = {&f.v[0], &f.v[1],     &f.v[2],    &f.v[3],    &f.v[4], &f.x,
                                      &f.y,    &f.z,        &f.r,       &f.R[0],    &f.R[1], &f.R[2],
                                      &f.R[3], &f.diagonal, &f.radial0, &f.radial1, &f.t,    &f.slope};
    for (int k = 0; k < numTileFields - 1; k++)
        *members[k] = base + k * capacity;
    f.row = reinterpret_cast<typename PairFields<T>::Integer*>(base + (numTileFields - 1) * capacity);
    f.rows = rowPointers.data() + usedPairs;
    f.index = pairIndices.data() + usedPairs;
    usedPairs += capacity;
    return f;
}

template <typename T>
void TileEvaluator<T>::checkCloseness(const NeighborList& list, int atom, int neighbor) const {
    const int owner = neighbor < list.getNumAtoms() || list.getGhostOwners().empty()
                          ? neighbor
                          : list.getGhostOwners()[neighbor - list.getNumAtoms()];
    const int other = owner < list.getNumAtoms() ? list.getOrder()[owner] : owner;
    const auto pair = std::minmax(list.getOrder()[atom], other);  // whichever of the two is met first
    throw Error("evaluator: atoms " + std::to_string(pair.first) + " and " + std::to_string(pair.second) +
                " are at the same position; the forces between them are not defined, separate them");
}

/** Positions of neighbors have left the caches since the list was built: ask for them one atom ahead. */
template <typename T>
void TileEvaluator<T>::fetchNeighbors(const NeighborList& list, int atom) {
    const double* positions = list.getPositions();
    const int* neighbors = list.getNeighbors(atom);
    for (int k = 0; k < list.getNumNeighbors(atom); k++)
        prefetch(positions + 4 * static_cast<std::size_t>(neighbors[k]));
}

/** Neighbors within the cutoff: displacement, r^2 and index, grouped by type; then their environment rows. */
template <typename T>
void TileEvaluator<T>::gather(const NeighborList& list, int center, int atom, int row) {
    const int capacity = static_cast<int>(roundUp(list.getNumNeighbors(atom) + 1, kernels.lanes));
    const PairFields<T> f = takeFields(capacity);

    const double* positions = list.getPositions();
    const double* x = positions + 4 * static_cast<std::size_t>(atom);
    const int* neighbors = list.getNeighbors(atom);
    const int* ends = list.getGroupEnds(atom);
    const double cutoff2 = list.getCutoff() * list.getCutoff();
    double closest = cutoff2;
    int count = 0, listed = 0;
    for (int type = 0; type < types; type++) {
        const int groupBegin = count;
        for (; listed < ends[type]; listed++) {
            const int j = neighbors[listed];
            const double* y = positions + 4 * static_cast<std::size_t>(j);
            const double dx = y[0] - x[0], dy = y[1] - x[1], dz = y[2] - x[2];
            const double r2 = dx * dx + dy * dy + dz * dz;
            f.x[count] = static_cast<T>(dx);
            f.y[count] = static_cast<T>(dy);
            f.z[count] = static_cast<T>(dz);
            f.r[count] = static_cast<T>(r2);
            f.index[count] = j;
            closest = std::min(closest, r2);
            count += r2 < cutoff2;
        }
        counts[type] = count - groupBegin;
        if (model.getPair(center, type).kind == CompiledPair<T>::Kind::Unused)
            count = groupBegin;
        groupEnds[static_cast<std::size_t>(row) * types + type] = count;
    }
    if (closest == 0.0)
        for (int k = 0; k < list.getNumNeighbors(atom); k++) {
            const double* y = positions + 4 * static_cast<std::size_t>(neighbors[k]);
            if (y[0] == x[0] && y[1] == x[1] && y[2] == x[2])
                checkCloseness(list, atom, neighbors[k]);
        }
    atomPairs[row] = {count, f};
    for (int k = count; k < capacity; k++) {
        f.x[k] = f.y[k] = f.z[k] = T(1);
        f.r[k] = T(3);
        f.index[k] = atom;
    }
    if (model.model->getData().refuseNeighborOverflow)
        for (int type = 0; type < types; type++) {
            const CompiledPair<T>& pair = model.getPair(center, type);
            if (pair.countsSlots && counts[type] > pair.slots)
                throw Error("evaluator: atom " + std::to_string(list.getOrder()[atom]) + " has " +
                            std::to_string(counts[type]) + " neighbors of type " +
                            model.model->getData().typeNames[type] + ", but the model has only " +
                            std::to_string(pair.slots) +
                            " slots for them and is marked to refuse more; check the density, or set "
                            "neighbor_overflow to 'count'");
        }
    kernels.environment(model.getCenter(center).parameters, count, f);
    locateRows(center, row, f);
}

/** Find the coefficients of every pair: a row of a table, or a row made for it. */
template <typename T>
void TileEvaluator<T>::locateRows(int center, int row, const PairFields<T>& fields) {
    const int* ends = groupEnds.data() + static_cast<std::size_t>(row) * types;
    for (int type = 0, begin = 0; type < types; begin = ends[type++]) {
        if (begin == ends[type])
            continue;
        const CompiledPair<T>& pair = model.getPair(center, type);
        bool inside = pair.kind == CompiledPair<T>::Kind::Table;
        if (inside) {
            const T* base = pair.coefficients.data();
            for (int k = begin; k < ends[type]; k++) {
                inside &= fields.row[k] >= 0;
                fields.rows[k] = base + fields.row[k] * static_cast<std::ptrdiff_t>(pair.rowSize);
            }
        }
        if (!inside)
            directRows.locate(center, pair, fields, begin, ends[type]);
    }
}

/** What empty slots of one atom add to A. */
template <typename T>
void TileEvaluator<T>::addPadding(int center, T* a) const {
    std::fill(a, a + 4 * padded, T(0));
    for (int type = 0; type < types; type++) {
        const CompiledPair<T>& pair = model.getPair(center, type);
        if (pair.padding.empty())
            continue;
        const T empty = static_cast<T>(pair.slots - (pair.countsSlots ? counts[type] : 0));
        for (int m = 0; m < model.width; m++)
            a[m] += empty * pair.padding[m];
    }
}

/** Call work(table, range, row) for the pairs of every atom with neighbors of one type at a time: they share a table.
 */
template <typename T>
template <typename Work>
void TileEvaluator<T>::sweep(int center, int count, const Work& work) {
    for (int type = 0; type < types; type++) {
        const CompiledPair<T>& pair = model.getPair(center, type);
        if (pair.kind == CompiledPair<T>::Kind::Unused)
            continue;
        for (int row = 0; row < count; row++) {
            const int* ends = groupEnds.data() + static_cast<std::size_t>(row) * types;
            const int begin = type > 0 ? ends[type - 1] : 0;
            if (ends[type] > begin)
                work(*pair.kernels, PairRange{begin, ends[type]}, row);
        }
    }
}

template <typename T>
void TileEvaluator<T>::evaluate(const NeighborList& list, const Tile& tile, const std::vector<int>& allAtoms,
                                PartialResult& result) {
    const int center = tile.type, count = tile.count;
    const int* atoms = allAtoms.data() + tile.begin;
    std::size_t needed = 0;
    for (int row = 0; row < count; row++)
        needed += roundUp(list.getNumNeighbors(atoms[row]) + 1, kernels.lanes);
    pairData.ensure(needed * numTileFields);
    if (rowPointers.size() < needed) {
        rowPointers.resize(needed + needed / 4);
        pairIndices.resize(needed + needed / 4);
    }
    const std::size_t matrix = static_cast<std::size_t>(4) * padded;  // of A and G of one atom
    clock.start();
    usedPairs = 0;
    directRows.clear();
    for (int row = 0; row < count; row++) {
        if (row + 1 < count)
            fetchNeighbors(list, atoms[row + 1]);
        gather(list, center, atoms[row], row);
        addPadding(center, A.data() + row * matrix);
    }
    clock.stop(Stage::Environment);
    sweep(center, count, [&](const auto& table, PairRange range, int row) {
        table.accumulate(range, atomPairs[row].fields, padded, A.data() + row * matrix);
    });
    clock.stop(Stage::Table);
    for (int row = 0; row < count; row++) {
        T* d = D.data() + row * rowLd;
        kernels.descriptor(model.width, model.axis, padded, A.data() + row * matrix, d);
        std::fill(d + model.folded, d + rowLd, T(0));
    }
    clock.stop(Stage::Descriptor);
    const std::size_t featureWidth = model.model->getFeatureWidth();
    if (result.features)
        features.resize(maxRows * featureWidth);
    fitting.evaluate(center, count, tile.sharers, {D.data(), rowLd}, energies.data(), result.forces != nullptr,
                     result.features ? features.data() : nullptr, clock);
    for (int row = 0; result.features && row < count; row++)
        std::copy_n(features.data() + row * featureWidth, featureWidth,
                    result.features->data() + list.getOrder()[atoms[row]] * featureWidth);
    for (int row = 0; row < count; row++)
        (*result.atomEnergies)[list.getOrder()[atoms[row]]] = energies[row];
    if (!result.forces)
        return;
    clock.start();
    for (int row = 0; row < count; row++)
        kernels.descriptorGradient(model.width, model.axis, padded, A.data() + row * matrix, D.data() + row * rowLd,
                                   G.data() + row * matrix);
    clock.stop(Stage::Descriptor);
    sweep(center, count, [&](const auto& table, PairRange range, int row) {
        table.gradient(range, atomPairs[row].fields, padded, G.data() + row * matrix);
    });
    clock.stop(Stage::TableGradient);
    for (int row = 0; row < count; row++) {
        if (row + 1 < count)
            for (int k = 0; k < atomPairs[row + 1].count; k++)
                prefetch(result.forces + 4 * static_cast<std::size_t>(atomPairs[row + 1].fields.index[k]));
        addForces(center, atoms[row], atomPairs[row], result);
    }
    clock.stop(Stage::Forces);
}

/** From dE/dR of the pairs of one atom, the forces on its neighbors and itself. */
template <typename T>
void TileEvaluator<T>::addForces(int center, int atom, const AtomPairs& pairs, PartialResult& result) {
    const PairFields<T>& f = pairs.fields;
    kernels.forces(model.getCenter(center).parameters, pairs.count, f);
    double total[3] = {0.0, 0.0, 0.0};
    for (int k = 0; k < pairs.count; k++) {
        double* force = result.forces + 4 * static_cast<std::size_t>(f.index[k]);
        for (int d = 0; d < 3; d++) {
            const double gradient = roundToGrid(f.v[d][k]);  // sums then depend on no order
            force[d] -= gradient;
            total[d] += gradient;
        }
    }
    double* force = result.forces + 4 * static_cast<std::size_t>(atom);
    for (int d = 0; d < 3; d++)
        force[d] += total[d];
    if (result.wantsVirial || result.atomVirials)
        for (int k = 0; k < pairs.count; k++) {
            const double r = f.r[k];
            const double x[3] = {r * f.x[k], r * f.y[k], r * f.z[k]};
            Matrix3 term;
            for (int d = 0; d < 3; d++)
                for (int e = 0; e < 3; e++) {
                    term[d][e] = x[d] * static_cast<double>(f.v[e][k]);
                    result.virial[d][e] -= term[d][e];
                }
            if (result.atomVirials) {
                double* virial = result.atomVirials + 9 * static_cast<std::size_t>(f.index[k]);
                for (int d = 0; d < 3; d++)
                    for (int e = 0; e < 3; e++)
                        virial[3 * d + e] -= term[d][e];
            }
        }
}

template <typename T>
std::size_t TileEvaluator<T>::getMemory() const {
    std::size_t numbers = 0;
    for (const AlignedBuffer<T>* buffer : {&A, &D, &G, &pairData})
        numbers += buffer->size();
    return numbers * sizeof(T) + fitting.getMemory() + directRows.getMemory() +
           rowPointers.capacity() * sizeof(const T*) + pairIndices.capacity() * sizeof(int);
}

template class TileEvaluator<float>;
template class TileEvaluator<double>;

}  // namespace lps::fast
