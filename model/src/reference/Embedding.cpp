// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "reference/Embedding.h"

namespace lps {

ValueAndDerivative evaluateEmbedding(const DeepPotential& model, int center, int neighbor, double s) {
    const int index = model.getEmbeddingIndex(center, neighbor);
    if (!model.isCompressed())
        return evaluateWithDerivative(model.getData().embeddings[index], s);
    ValueAndDerivative g{Eigen::VectorXd(model.getEmbeddingWidth()), Eigen::VectorXd(model.getEmbeddingWidth())};
    model.getData().tables[index].evaluate(s, g.value.data(), g.derivative.data());
    return g;
}

}  // namespace lps
