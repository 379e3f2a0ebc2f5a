// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lps/DeepPotential.h"
#include "lps/Evaluator.h"

namespace lps::testing {

Matrix3 cube(double size);

/** Thinner than the cutoff in every direction. */
extern const Matrix3 triclinic;

std::shared_ptr<const DeepPotential> makeModel(const DeepPotentialData& data);

struct NamedModel {
    std::string name;
    DeepPotentialData data;
};

/** Models chosen to reach every branch of an evaluator. */
std::vector<NamedModel> makeModels();

struct NamedConfiguration {
    std::string name;
    Configuration configuration;
};

/** Structures chosen to reach every branch of an evaluator and its neighbor list. */
std::vector<NamedConfiguration> makeConfigurations();

/** Largest absolute component. */
double largest(const std::vector<Vector3>& vectors);

/** Relative to the largest force and energy, because random models have no natural scale; NaN fails. */
void expectEqual(const Evaluation& actual, const Evaluation& expected, double tolerance);

}  // namespace lps::testing
