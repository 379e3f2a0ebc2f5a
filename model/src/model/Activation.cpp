// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include <cmath>
#include <cstdlib>
#include <sstream>

#include "lps/Error.h"
#include "lps/Network.h"

namespace lps {

namespace {

struct NamedKind {
    const char* name;
    Activation::Kind kind;
};

constexpr NamedKind namedKinds[] = {
    {"linear", Activation::Kind::Linear},     {"tanh", Activation::Kind::Tanh},
    {"relu", Activation::Kind::Relu},         {"relu6", Activation::Kind::Relu6},
    {"softplus", Activation::Kind::Softplus}, {"sigmoid", Activation::Kind::Sigmoid},
    {"silu", Activation::Kind::Silu},         {"gelu", Activation::Kind::Gelu},
};

const std::string silutPrefix = "silut:";

constexpr double geluScale = 0.7978845608028654;  // sqrt(2 / pi)
constexpr double geluCubic = 0.044715;

// Both branches keep the argument of exp negative, so nothing overflows.
double sigmoid(double x) {
    if (x >= 0.0)
        return 1.0 / (1.0 + std::exp(-x));
    const double e = std::exp(x);
    return e / (1.0 + e);
}

double silu(double x) {
    return x * sigmoid(x);
}

double siluDerivative(double x) {
    const double s = sigmoid(x);
    return s * (1.0 + x * (1.0 - s));
}

}  // namespace

Activation Activation::fromName(const std::string& name) {
    for (const NamedKind& named : namedKinds)
        if (name == named.name)
            return {named.kind, 0.0};
    if (name.compare(0, silutPrefix.size(), silutPrefix) == 0) {
        const std::string number = name.substr(silutPrefix.size());
        std::istringstream stream(number);
        stream.imbue(std::locale::classic());
        double threshold = 0.0;
        if (stream >> threshold && stream.eof() && std::isfinite(threshold) && threshold > 0.0)
            return {Kind::Silut, threshold};
    }
    std::string known;
    for (const NamedKind& named : namedKinds)
        known += std::string(named.name) + ", ";
    throw Error("activation '" + name.substr(0, 64) + "' is unknown; use one of " + known + "silut:X with X > 0");
}

std::string Activation::getName() const {
    if (kind == Kind::Silut) {
        std::ostringstream stream;
        stream.imbue(std::locale::classic());
        stream.precision(17);
        stream << silutPrefix << threshold;
        return stream.str();
    }
    for (const NamedKind& named : namedKinds)
        if (kind == named.kind)
            return named.name;
    return "linear";
}

double Activation::value(double x) const {
    switch (kind) {
        case Kind::Linear:
            return x;
        case Kind::Tanh:
            return std::tanh(x);
        case Kind::Relu:
            return x > 0.0 ? x : 0.0;
        case Kind::Relu6:
            return x <= 0.0 ? 0.0 : (x >= 6.0 ? 6.0 : x);
        case Kind::Softplus:
            return (x > 0.0 ? x : 0.0) + std::log1p(std::exp(-std::fabs(x)));
        case Kind::Sigmoid:
            return sigmoid(x);
        case Kind::Silu:
            return silu(x);
        case Kind::Gelu:
            return 0.5 * x * (1.0 + std::tanh(geluScale * (x + geluCubic * x * x * x)));
        case Kind::Silut:
            if (x < threshold)
                return silu(x);
            return std::tanh(siluDerivative(threshold) * (x - threshold)) + silu(threshold);
    }
    return x;
}

double Activation::derivative(double x) const {
    switch (kind) {
        case Kind::Linear:
            return 1.0;
        case Kind::Tanh: {
            const double t = std::tanh(x);
            return 1.0 - t * t;
        }
        case Kind::Relu:
            return x > 0.0 ? 1.0 : 0.0;
        case Kind::Relu6:
            return x > 0.0 && x < 6.0 ? 1.0 : 0.0;
        case Kind::Softplus:
            return sigmoid(x);
        case Kind::Sigmoid: {
            const double s = sigmoid(x);
            return s * (1.0 - s);
        }
        case Kind::Silu:
            return siluDerivative(x);
        case Kind::Gelu: {
            const double t = std::tanh(geluScale * (x + geluCubic * x * x * x));
            return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * geluScale * (1.0 + 3.0 * geluCubic * x * x);
        }
        case Kind::Silut: {
            if (x < threshold)
                return siluDerivative(x);
            const double slope = siluDerivative(threshold);
            const double t = std::tanh(slope * (x - threshold));
            return slope * (1.0 - t * t);
        }
    }
    return 1.0;
}

}  // namespace lps
