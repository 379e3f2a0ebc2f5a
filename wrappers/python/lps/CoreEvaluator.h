// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "lps/DeepPotential.h"
#include "lps/FastEvaluator.h"
#include "openmm/OpenMMException.h"
#include "openmmlps/LPSModel.h"
#include "openmmlps/internal/TranslateErrors.h"

namespace LPSPlugin {

/**
 * The CPU evaluator of the model core for Python: no System, no Context, arrays in and out.
 * Units: angstrom, electronvolt. One call at a time. Works in a forked process too.
 */
class CoreEvaluator {
public:
    /** Contiguous numbers of a NumPy array. */
    template <class Number>
    struct Array {
        Number* data;
        std::size_t size;
    };

    /**
     * @param threads 0: as OPENMM_CPU_THREADS says, else as many as the process may use
     * @throws OpenMMException as lps::ThreadExecutor
     */
    CoreEvaluator(const LPSModel& model, bool doublePrecision, bool useTables, int threads)
        : width(model.getDeepPotential()->getFeatureWidth()) {
        translateErrors([&] {
            lps::FastOptions options;
            options.precision = doublePrecision ? lps::Precision::Float64 : lps::Precision::Float32;
            options.useTables = useTables;
            evaluator = std::make_unique<lps::FastEvaluator>(model.getDeepPotential(), options);
            executor = std::make_unique<lps::ThreadExecutor>(threads);
        });
    }

    /**
     * @param positions [n][3], need not lie inside the box
     * @param types     [n]
     * @param box       [3][3], cell vectors in rows, of any shape and handedness; empty: not periodic
     * @param energies  [n], overwritten
     * @param forces    [n][3], overwritten; empty: not computed
     * @param virial    [3][3], overwritten with -dE/dstrain; empty: not computed; needs forces
     * @return the energy
     * @throws OpenMMException if the arrays differ in length, or as FastEvaluator::evaluate()
     */
    double evaluate(Array<double> positions, Array<int> types, Array<double> box, Array<double> energies,
                    Array<double> forces, Array<double> virial) {
        const std::size_t count = types.size;
        checkSizes(positions, types, box);
        if (energies.size != count || (forces.size != 0 && forces.size != 3 * count) ||
            (virial.size != 0 && (virial.size != 9 || forces.size == 0)))
            throwMismatch(positions, types);
        return translateErrors([&] {
            run(positions, types, box, {forces.size != 0, virial.size != 0});
            std::memcpy(energies.data, result.atomEnergies.data(), count * sizeof(double));
            if (forces.size != 0)
                std::memcpy(forces.data, result.forces.data(), count * sizeof(lps::Vector3));
            if (virial.size != 0)
                std::memcpy(virial.data, &result.virial, sizeof(result.virial));
            return result.energy;
        });
    }

    /**
     * Outputs of the last hidden layer of the fitting networks.
     *
     * @param features  [n][getFeatureWidth()], overwritten
     */
    void computeFeatures(Array<double> positions, Array<int> types, Array<double> box, Array<double> features) {
        const std::size_t wanted = types.size * width;
        checkSizes(positions, types, box);
        if (features.size != wanted)
            throw OpenMM::OpenMMException("CoreEvaluator: there is room for " + std::to_string(features.size) +
                                          " features; give an array [n, getFeatureWidth()].");
        translateErrors([&] {
            run(positions, types, box, {false, false, false, true});
            std::memcpy(features.data, result.features.data(), features.size * sizeof(double));
        });
    }

    /** 0 for a model whose fitting networks have no hidden layer. */
    int getFeatureWidth() const { return width; }

    int getNumThreads() const { return executor->getNumThreads(); }

    /** Name of the instruction set in use. */
    std::string getTarget() const { return evaluator->getTarget(); }

private:
    [[noreturn]] static void throwMismatch(Array<double> positions, Array<int> types) {
        throw OpenMM::OpenMMException("CoreEvaluator: the arrays do not fit each other (" + std::to_string(types.size) +
                                      " types, " + std::to_string(positions.size) +
                                      " coordinates); give positions [n, 3] and types [n].");
    }

    static void checkSizes(Array<double> positions, Array<int> types, Array<double> box) {
        if (positions.size != 3 * types.size || (box.size != 0 && box.size != 9))
            throwMismatch(positions, types);
    }

    void run(Array<double> positions, Array<int> types, Array<double> box, const lps::FastRequest& request) {
        std::vector<lps::Vector3> points(types.size);
        std::memcpy(points.data(), positions.data, types.size * sizeof(lps::Vector3));
        std::unique_ptr<lps::Box> cell;
        if (box.size == 9) {
            lps::Matrix3 vectors;
            std::memcpy(&vectors, box.data, sizeof(vectors));
            cell = std::make_unique<lps::Box>(vectors);
        }
        evaluator->evaluate(points.data(), types.data, static_cast<int>(types.size), cell.get(), *executor, request,
                            result);
    }

    int width;
    std::unique_ptr<lps::FastEvaluator> evaluator;
    std::unique_ptr<lps::ThreadExecutor> executor;
    lps::Evaluation result;
};

}  // namespace LPSPlugin
