// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "io/SafetensorsWriter.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

namespace lps {

namespace {

void appendLittleEndian(std::string& bytes, std::uint64_t value, int count) {
    for (int i = 0; i < count; i++)
        bytes.push_back(static_cast<char>(value >> 8 * i & 0xff));
}

bool survivesFloat32(double value) {
    return static_cast<double>(static_cast<float>(value)) == value;
}

}  // namespace

void SafetensorsWriter::add(const std::string& name, const std::vector<long long>& shape,
                            const std::vector<double>& values, Precision precision) {
    Tensor tensor;
    tensor.shape = shape;
    tensor.isFloat64 = precision == Precision::Float64 || !std::all_of(values.begin(), values.end(), survivesFloat32);
    for (double value : values) {
        if (tensor.isFloat64) {
            std::uint64_t bits;
            std::memcpy(&bits, &value, 8);
            appendLittleEndian(tensor.bytes, bits, 8);
        } else {
            const float value32 = static_cast<float>(value);
            std::uint32_t bits;
            std::memcpy(&bits, &value32, 4);
            appendLittleEndian(tensor.bytes, bits, 4);
        }
    }
    tensors[name] = std::move(tensor);
}

std::string SafetensorsWriter::finish() const {
    // Doubles first and the header padded to 8 bytes, so that every tensor is aligned in the file.

    nlohmann::json header = nlohmann::json::object();
    header["__metadata__"] = metadata;
    std::string data;
    for (bool wide : {true, false})
        for (const auto& [name, tensor] : tensors)
            if (tensor.isFloat64 == wide) {
                header[name] = {{"dtype", wide ? "F64" : "F32"},
                                {"shape", tensor.shape},
                                {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
                data += tensor.bytes;
            }
    std::string text = header.dump();
    text.append((8 - text.size() % 8) % 8, ' ');
    std::string bytes;
    appendLittleEndian(bytes, text.size(), 8);
    return bytes + text + data;
}

}  // namespace lps
