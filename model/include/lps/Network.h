// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <string>
#include <vector>

namespace lps {

/**
 * @file Network.h
 * Feed-forward networks as plain data. Theory: docs/theory.md, section 3.
 */

/** Elementwise nonlinearity of a layer. */
struct Activation {
    enum class Kind { Linear, Tanh, Relu, Relu6, Softplus, Sigmoid, Silu, Gelu, Silut };

    Kind kind = Kind::Linear;
    double threshold = 0.0;  ///< Silut only: where the tail begins

    /** Parse the spelling of the native file, such as "tanh" or "silut:3.0". @throws Error for an unknown name */
    static Activation fromName(const std::string& name);

    /** The spelling of the native file, which fromName() reads. */
    std::string getName() const;

    /** The activation at x; docs/theory.md, section 3. */
    double value(double x) const;

    /** Derivative with respect to x. */
    double derivative(double x) const;

    bool operator==(const Activation& other) const { return kind == other.kind && threshold == other.threshold; }
};

/** What a layer adds to its output: nothing, its input, or its input twice side by side. */
enum class Residual { None, Identity, Doubling };

/**
 * One layer, y = activation(x W + b) * timestep + residual(x).
 */
struct Layer {
    int inputs = 0;
    int outputs = 0;
    std::vector<double> weight;    ///< [inputs][outputs], row-major
    std::vector<double> bias;      ///< [outputs]
    std::vector<double> timestep;  ///< [outputs], or empty: no time step
    Activation activation;
    Residual residual = Residual::None;
};

/** Layers applied in order; empty where the model has no such network. */
struct Network {
    std::vector<Layer> layers;

    bool empty() const { return layers.empty(); }
    /** Of a network that is not empty(). */
    int getNumInputs() const { return layers.front().inputs; }
    /** Of a network that is not empty(). */
    int getNumOutputs() const { return layers.back().outputs; }
};

}  // namespace lps
