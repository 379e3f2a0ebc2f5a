// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <Eigen/Core>

#include "lps/Network.h"

namespace lps {

/**
 * @file NetworkEvaluation.h
 * Networks evaluated in double with their derivatives. Theory: docs/theory.md, section 3.
 */

/** Output of a network with one input, and its derivative with respect to that input. */
struct ValueAndDerivative {
    Eigen::VectorXd value;       ///< [outputs]
    Eigen::VectorXd derivative;  ///< [outputs]
};

/** Evaluate a network with one input, carrying the derivative forward. */
ValueAndDerivative evaluateWithDerivative(const Network& network, double input);

/** Output of a network with one output, and its gradient with respect to all inputs. */
struct ValueAndGradient {
    double value;
    Eigen::VectorXd gradient;  ///< [inputs]
    Eigen::VectorXd hidden;    ///< input of the last layer
};

/** Evaluate a network with one output and propagate the gradient back to its input. @param input [inputs] */
ValueAndGradient evaluateWithGradient(const Network& network, const Eigen::VectorXd& input);

}  // namespace lps
