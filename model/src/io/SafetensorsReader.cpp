// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "io/SafetensorsReader.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "io/BoundedJson.h"
#include "lps/Error.h"

namespace lps {

namespace {

constexpr std::uint64_t maximumHeaderLength = 16u << 20;

std::uint64_t readLittleEndian(const char* bytes, int count) {
    std::uint64_t value = 0;
    for (int i = count - 1; i >= 0; i--)
        value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
}

}  // namespace

SafetensorsReader::SafetensorsReader(const std::string& fileBytes, const std::string& fileOrigin)
    : bytes(fileBytes), origin(fileOrigin) {
    if (bytes.size() < 8)
        fail("the file has " + std::to_string(bytes.size()) + " bytes, too few for a header");
    const std::uint64_t headerLength = readLittleEndian(bytes.data(), 8);
    if (headerLength > maximumHeaderLength)
        fail("the header length is " + std::to_string(headerLength) + " bytes, more than 16 MiB");
    if (headerLength > bytes.size() - 8)
        fail("the header length is " + std::to_string(headerLength) + " bytes, but only " +
             std::to_string(bytes.size() - 8) + " follow");
    parseHeader(bytes.substr(8, headerLength));
    checkCoverage(8 + headerLength);
}

void SafetensorsReader::fail(const std::string& fault) const {
    throw Error(origin + ": " + fault +
                "; the file is damaged or not a native model file. Convert a DeePMD-kit model with 'openmm-lps convert "
                "IN OUT'.");
}

void SafetensorsReader::parseHeader(const std::string& text) {
    const nlohmann::json header = parseBoundedJson(text, origin + ": the header");
    if (!header.is_object())
        fail("the header is not a JSON object");
    const std::size_t dataBegin = 8 + text.size();
    const std::size_t dataSize = bytes.size() - dataBegin;
    for (const auto& [name, entry] : header.items()) {
        if (name == "__metadata__") {
            if (!entry.is_object())
                fail("the metadata is not a JSON object");
            for (const auto& [key, value] : entry.items()) {
                if (!value.is_string())
                    fail("metadata '" + key.substr(0, 64) + "' is not a string");
                metadata[key] = value.get<std::string>();
            }
            continue;
        }
        const std::string what = "tensor '" + name.substr(0, 64) + "'";
        if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") || !entry.contains("shape") ||
            !entry.contains("data_offsets"))
            fail(what + " needs exactly dtype, shape and data_offsets");
        const nlohmann::json& dtype = entry["dtype"];
        const nlohmann::json& shape = entry["shape"];
        const nlohmann::json& offsets = entry["data_offsets"];

        Tensor tensor;
        if (dtype == "F32")
            tensor.itemSize = 4;
        else if (dtype == "F64")
            tensor.itemSize = 8;
        else
            fail(what + " is neither F32 nor F64");

        if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
            !offsets[1].is_number_unsigned())
            fail(what + " has no valid data_offsets");
        const std::uint64_t begin = offsets[0].get<std::uint64_t>();
        const std::uint64_t end = offsets[1].get<std::uint64_t>();
        if (begin > end || end > dataSize)
            fail(what + " lies outside the file");
        tensor.begin = dataBegin + begin;
        tensor.end = dataBegin + end;

        // The product stays below the size of the data, so it cannot overflow.

        if (!shape.is_array() || shape.size() > 4)
            fail(what + " has no valid shape");
        std::uint64_t items = 1;
        for (const nlohmann::json& extent : shape) {
            if (!extent.is_number_unsigned() || extent.get<std::uint64_t>() > dataSize)
                fail(what + " has no valid shape");
            tensor.shape.push_back(extent.get<long long>());
            if (extent != 0 && items > dataSize / extent.get<std::uint64_t>())
                fail(what + " is larger than the file");
            items *= extent.get<std::uint64_t>();
        }
        if (items * tensor.itemSize != end - begin)
            fail(what + " has a shape that does not fit its number of bytes");
        tensors.emplace(name, std::move(tensor));
    }
}

void SafetensorsReader::checkCoverage(std::size_t dataBegin) const {
    std::vector<std::pair<std::size_t, std::size_t>> ranges;
    for (const auto& [name, tensor] : tensors)
        ranges.emplace_back(tensor.begin, tensor.end);
    std::sort(ranges.begin(), ranges.end());
    std::size_t expected = dataBegin;
    for (const auto& [begin, end] : ranges) {
        if (begin != expected)
            fail(begin < expected ? "tensors overlap" : "there are bytes that belong to no tensor");
        expected = end;
    }
    if (expected != bytes.size())
        fail("there are bytes that belong to no tensor");
}

const std::string& SafetensorsReader::getMetadata(const std::string& key) const {
    const auto found = metadata.find(key);
    if (found == metadata.end())
        fail("metadata '" + key + "' is missing");
    return found->second;
}

std::vector<std::string> SafetensorsReader::getTensorNames() const {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : tensors)
        names.push_back(name);
    return names;
}

const SafetensorsReader::Tensor& SafetensorsReader::find(const std::string& name) const {
    const auto found = tensors.find(name);
    if (found == tensors.end())
        fail("tensor '" + name + "' is missing");
    return found->second;
}

const std::vector<long long>& SafetensorsReader::getShape(const std::string& name) const {
    return find(name).shape;
}

std::vector<double> SafetensorsReader::read(const std::string& name) const {
    const Tensor& tensor = find(name);
    std::vector<double> values((tensor.end - tensor.begin) / tensor.itemSize);
    const char* source = bytes.data() + tensor.begin;
    for (double& value : values) {
        const std::uint64_t bits = readLittleEndian(source, static_cast<int>(tensor.itemSize));
        if (tensor.itemSize == 8) {
            std::memcpy(&value, &bits, 8);
        } else {
            const std::uint32_t bits32 = static_cast<std::uint32_t>(bits);
            float value32;
            std::memcpy(&value32, &bits32, 4);
            value = value32;
        }
        source += tensor.itemSize;
    }
    return values;
}

}  // namespace lps
