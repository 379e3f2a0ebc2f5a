// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <map>
#include <string>
#include <vector>

#include "lps/DeepPotential.h"

namespace lps {

/** Collects tensors and metadata, and lays them out as one safetensors file. */
class SafetensorsWriter {
public:
    /**
     * @param shape     extents, C order
     * @param values    as many as shape says
     * @param precision stored as float32 only if every value survives it, so nothing is ever lost
     */
    void add(const std::string& name, const std::vector<long long>& shape, const std::vector<double>& values,
             Precision precision);

    void setMetadata(const std::string& key, const std::string& value) { metadata[key] = value; }

    /** The bytes of the file. Equal contents give equal bytes. */
    std::string finish() const;

private:
    struct Tensor {
        std::vector<long long> shape;
        std::string bytes;
        bool isFloat64;
    };
    std::map<std::string, Tensor> tensors;
    std::map<std::string, std::string> metadata;
};

}  // namespace lps
