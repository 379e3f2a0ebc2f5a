// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include <Eigen/Core>
#include <algorithm>

#include "lps/Error.h"
#include "lps/Evaluator.h"
#include "neighbors/ImageSearch.h"
#include "reference/Embedding.h"
#include "reference/Environment.h"

namespace lps {

namespace {

using DescriptorMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;  // [M1][M2]
using ContractedEnvironment = Eigen::Matrix<double, Eigen::Dynamic, 4>;                           // A, [M1][4]

void checkInput(const DeepPotential& model, const Configuration& configuration) {
    if (configuration.types.size() != configuration.positions.size())
        throw Error("evaluator: " + std::to_string(configuration.positions.size()) + " positions but " +
                    std::to_string(configuration.types.size()) + " types; give one type per atom");
    for (std::size_t i = 0; i < configuration.types.size(); i++)
        if (configuration.types[i] < 0 || configuration.types[i] >= model.getNumTypes())
            throw Error("evaluator: atom " + std::to_string(i) + " has type " + std::to_string(configuration.types[i]) +
                        ", but the model knows types " + model.describeTypes() + "; use one of these");
}

/** Energy and forces of the environment of one atom; theory sections 4 and 5. */
class CenterEvaluation {
public:
    CenterEvaluation(const DeepPotential& potential, const std::vector<int>& atomTypes, int atom,
                     const std::vector<Neighbor>& atomNeighbors)
        : model(potential), types(atomTypes), center(atom), centerType(atomTypes[atom]), neighbors(atomNeighbors) {}

    void addTo(Evaluation& result) {
        checkSlots();
        contractEnvironment();
        const double energy = evaluateFitting(result);
        result.atomEnergies[center] = energy;
        result.energy += energy;
        addForces(result);
    }

private:
    struct NeighborTerms {
        EnvironmentRow row;
        ValueAndDerivative embedding;
    };

    void checkSlots() const {
        if (!model.getData().refuseNeighborOverflow)
            return;
        std::vector<int> counts(model.getNumTypes(), 0);
        for (const Neighbor& neighbor : neighbors)
            if (model.getSection(centerType, types[neighbor.atom]).countsSlots)
                counts[types[neighbor.atom]]++;
        for (int type = 0; type < model.getNumTypes(); type++) {
            const int slots = model.getSection(centerType, type).slots;
            if (counts[type] > slots)
                throw Error(
                    "evaluator: atom " + std::to_string(center) + " has " + std::to_string(counts[type]) +
                    " neighbors of type " + model.getData().typeNames[type] + ", but the model has only " +
                    std::to_string(slots) +
                    " slots for them and is marked to refuse more; check the density, or set neighbor_overflow to "
                    "'count'");
        }
    }

    /** A = (1/N_m) [ sum over slots of padding + sum over neighbors of (g x R - padding) ]; equation (8). */
    void contractEnvironment() {
        A = ContractedEnvironment::Zero(model.getEmbeddingWidth(), 4);
        std::vector<Eigen::VectorXd> padding(model.getNumTypes());
        for (int type = 0; type < model.getNumTypes(); type++) {
            const int slots = model.getSection(centerType, type).slots;
            const double component = model.getPaddingComponent(centerType);
            if (slots > 0 && component != 0.0) {
                padding[type] = evaluateEmbedding(model, centerType, type, component).value * component;
                A.col(0) += slots * padding[type];
            }
        }
        for (const Neighbor& neighbor : neighbors) {
            const int type = types[neighbor.atom];
            const DeepPotential::Section& section = model.getSection(centerType, type);
            terms.emplace_back();
            if (section.hasNeighbors) {
                NeighborTerms& term = terms.back();
                term.row = computeEnvironmentRow(model, centerType, neighbor);
                term.embedding = evaluateEmbedding(model, centerType, type, term.row.value[0]);
                A += term.embedding.value * term.row.value.transpose();
            }
            if (section.countsSlots && padding[type].size() > 0)
                A.col(0) -= padding[type];
        }
        A /= model.getData().normalizer;
    }

    /** Energy of the center, and Y = dE/dD; equations (9) and (10). */
    double evaluateFitting(Evaluation& result) {
        const int M1 = model.getEmbeddingWidth();
        const int M2 = model.getData().axisWidth;
        const Network& fitting = model.getData().fittings[centerType];
        const DescriptorMatrix D = A * A.topRows(M2).transpose();
        const Eigen::VectorXd input = Eigen::Map<const Eigen::VectorXd>(D.data(), D.size());
        const ValueAndGradient fitted = evaluateWithGradient(fitting, input);
        Y = Eigen::Map<const DescriptorMatrix>(fitted.gradient.data(), M1, M2);
        if (const int width = model.getFeatureWidth())
            std::copy(fitted.hidden.begin(), fitted.hidden.end(),
                      result.features.begin() + static_cast<std::ptrdiff_t>(center) * width);
        double energy = fitted.value + model.getData().energyBias[centerType];
        if (model.subtractsVacuum(centerType))
            energy -= evaluateWithGradient(fitting, Eigen::VectorXd::Zero(input.size())).value;
        return energy;
    }

    /** Forces on neighbors and center, and the virial; equations (11) to (14). */
    void addForces(Evaluation& result) const {
        const int M2 = model.getData().axisWidth;
        ContractedEnvironment G = Y * A.topRows(M2);
        G.topRows(M2) += Y.transpose() * A;
        G /= model.getData().normalizer;

        for (std::size_t k = 0; k < neighbors.size(); k++) {
            const Neighbor& neighbor = neighbors[k];
            const NeighborTerms& term = terms[k];
            if (!model.getSection(centerType, types[neighbor.atom]).hasNeighbors)
                continue;
            Eigen::Vector4d rowGradient = G.transpose() * term.embedding.value;
            rowGradient[0] += term.embedding.derivative.dot(G * term.row.value);
            const Eigen::Vector3d gradient = term.row.derivative.transpose() * rowGradient;  // dE/d displacement
            for (int d = 0; d < 3; d++) {
                result.forces[neighbor.atom][d] -= gradient[d];
                result.forces[center][d] += gradient[d];
                for (int e = 0; e < 3; e++) {
                    result.virial[d][e] -= gradient[d] * neighbor.displacement[e];
                    result.atomVirials[neighbor.atom][e][d] -= gradient[d] * neighbor.displacement[e];
                }
            }
        }
    }

    const DeepPotential& model;
    const std::vector<int>& types;
    const int center;
    const int centerType;
    const std::vector<Neighbor>& neighbors;
    std::vector<NeighborTerms> terms;  // one per neighbor
    ContractedEnvironment A;
    DescriptorMatrix Y;
};

}  // namespace

ReferenceEvaluator::ReferenceEvaluator(std::shared_ptr<const DeepPotential> deepPotential)
    : model(std::move(deepPotential)) {}

Evaluation ReferenceEvaluator::evaluate(const Configuration& configuration) const {
    checkInput(*model, configuration);
    const std::size_t numAtoms = configuration.positions.size();
    const auto neighbors = findNeighbors(configuration, model->getCutoff());

    Evaluation result;
    result.atomEnergies.assign(numAtoms, 0.0);
    result.forces.assign(numAtoms, Vector3{});
    result.features.assign(numAtoms * model->getFeatureWidth(), 0.0);
    result.atomVirials.assign(numAtoms, Matrix3{});
    for (std::size_t i = 0; i < numAtoms; i++)
        if (!model->isAtomExcluded(configuration.types[i]))
            CenterEvaluation(*model, configuration.types, static_cast<int>(i), neighbors[i]).addTo(result);

    // Each term is symmetric only in exact arithmetic.

    for (int d = 0; d < 3; d++)
        for (int e = 0; e < d; e++)
            result.virial[d][e] = result.virial[e][d] = 0.5 * (result.virial[d][e] + result.virial[e][d]);
    return result;
}

}  // namespace lps
