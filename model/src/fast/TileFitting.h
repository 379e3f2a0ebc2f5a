// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include "fast/CompiledModel.h"
#include "fast/StageClock.h"

namespace lps::fast {

/** The fitting networks over the rows of a tile, forward and back, with the scratch that this takes. One per thread. */
template <typename T>
class TileFitting {
public:
    /** @param rowLimit most rows of a tile */
    TileFitting(const CompiledModel<T>& compiledModel, int rowLimit);

    /**
     * @param center   type of the atoms
     * @param count    rows that are atoms; up to maxRows
     * @param sharers  atoms of the type in all tiles
     * @param D        [maxRows] folded descriptors; overwritten with dE/dD in eV if it is wanted. Rows beyond
     * count are used to fill up
     * @param energies [count], overwritten with the energies of the atoms in eV
     * @param features [count][featureWidth], overwritten with the outputs of the last hidden layer, then zeros; null:
     * not wanted
     */
    void evaluate(int center, int count, int sharers, Rows<T> D, double* energies, bool wantsGradient, double* features,
                  StageClock& clock);

    std::size_t getMemory() const;

private:
    Rows<T> getOther(Rows<T> used);
    T* getSlopes(std::size_t layer) { return slopes.data() + layer * maxRows * layerLd; }
    Rows<const T> makeResidual(const PackedLayer<T>& layer, int rows, Rows<const T> input, bool first);
    Rows<T> passForward(const CompiledCenter<T>& network, int rows, int sharers, Rows<T> D, StageClock& clock);
    void evaluateLastLayer(const CompiledCenter<T>& network, int count, Rows<const T> input, double* energies,
                           Rows<T> gradient) const;
    void passBack(const CompiledCenter<T>& network, int rows, int sharers, Rows<T> gradient, Rows<T> D,
                  StageClock& clock);
    void addResidualGradient(const PackedLayer<T>& layer, int rows, Rows<const T> gradient, bool first,
                             Rows<T> next) const;

    const CompiledModel<T>& model;
    const Kernels<T>& kernels;
    const int maxRows;
    const std::size_t featureWidth;
    std::size_t layerLd;  ///< of hidden layers
    AlignedBuffer<T> layerA, layerB, layerC, residual, slopes;
    ProductScratch<T> productScratch;
};

}  // namespace lps::fast
