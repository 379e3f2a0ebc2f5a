// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <map>
#include <string>
#include <vector>

namespace lps {

/**
 * @file SafetensorsReader.h
 * Container of the native model file: named tensors and string metadata. Nothing is believed before it is checked.
 */
class SafetensorsReader {
public:
    /**
     * @param bytes  the whole file; must outlive the reader
     * @param origin what error messages call it
     * @throws Error if the container is not valid, naming origin and the fault
     */
    SafetensorsReader(const std::string& bytes, const std::string& origin);

    /** @throws Error if there is no such key */
    const std::string& getMetadata(const std::string& key) const;

    bool hasTensor(const std::string& name) const { return tensors.count(name) > 0; }

    std::vector<std::string> getTensorNames() const;

    /** Shape of a tensor. @throws Error if there is no such tensor */
    const std::vector<long long>& getShape(const std::string& name) const;

    /**
     * Values of a tensor, float32 widened to double, in C order.
     * @throws Error if there is no such tensor
     */
    std::vector<double> read(const std::string& name) const;

private:
    struct Tensor {
        std::vector<long long> shape;
        std::size_t itemSize;  // 4: float32, 8: float64
        std::size_t begin;     // absolute offset in bytes
        std::size_t end;
    };

    const Tensor& find(const std::string& name) const;
    void parseHeader(const std::string& header);
    void checkCoverage(std::size_t dataBegin) const;
    [[noreturn]] void fail(const std::string& fault) const;

    const std::string& bytes;
    std::string origin;
    std::map<std::string, std::string> metadata;
    std::map<std::string, Tensor> tensors;
};

}  // namespace lps
