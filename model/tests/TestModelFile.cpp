// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "lps/Error.h"
#include "lps/Evaluator.h"
#include "lps/ModelFile.h"
#include "support/RandomModel.h"

using namespace lps;
using namespace lps::testing;
using Json = nlohmann::json;

namespace {

std::string makeBytes(const std::function<void(DeepPotentialData&)>& change = [](DeepPotentialData&) {}) {
    DeepPotentialData data = makeRandomModelData();
    data.provenance = R"({"source":"test"})";
    change(data);
    return writeModel(DeepPotential(std::move(data)));
}

/** Some uncertainty for one type. */
void calibrate(DeepPotentialData& data, int type) {
    data.uncertainties.resize(data.typeNames.size());
    FeatureStatistics& statistics = data.uncertainties[type];
    statistics.width = data.fittings[type].layers.back().inputs;
    const std::size_t size = statistics.width + 1;
    for (std::size_t i = 0; i < size * size; i++)
        statistics.factor.push_back(1.0 / (3.0 + i));
    statistics.floor = 0.1, statistics.slope = 0.02, statistics.limit = 40.0;
}

std::string errorOf(const std::string& bytes) {
    try {
        parseModel(bytes, "model.safetensors");
        return "accepted";
    } catch (const Error& error) {
        return error.what();
    }
}

/** The same file with another header. */
std::string withHeader(const std::string& bytes, const std::function<void(Json&)>& change) {
    std::uint64_t length;
    std::memcpy(&length, bytes.data(), 8);
    Json header = Json::parse(bytes.substr(8, length));
    change(header);
    const std::string text = header.dump();
    const std::uint64_t newLength = text.size();
    std::string result(8, '\0');
    std::memcpy(result.data(), &newLength, 8);
    return result + text + bytes.substr(8 + length);
}

std::string withModel(const std::string& bytes, const std::function<void(Json&)>& change) {
    return withHeader(bytes, [&](Json& header) {
        Json model = Json::parse(header["__metadata__"]["model"].get<std::string>());
        change(model);
        header["__metadata__"]["model"] = model.dump();
    });
}

void expectError(const std::string& bytes, const std::string& wording) {
    const std::string message = errorOf(bytes);
    EXPECT_NE(message.find(wording), std::string::npos) << message;
    EXPECT_EQ(message.find("model.safetensors: "), 0u) << message;
}

TEST(ModelFile, roundTripKeepsEveryBit) {
    for (const auto& change : std::vector<std::function<void(DeepPotentialData&)>>{
             [](auto&) {},
             [](auto& d) { d.typeOneSide = true, d.embeddings.resize(3), d.tables.resize(3); },
             [](auto& d) { d.precision = Precision::Float32; },
             [](auto& d) { calibrate(d, 2); },
             [](auto& d) {
                 d.cutoffPrecision = Precision::Float32, d.refuseNeighborOverflow = d.excludedPaddingKept = true;
             },
             [](auto& d) {
                 d.descriptorExclusions = {{0, 1}}, d.pairExclusions = {{2, 2}}, d.atomExclusions = {1};
             },
         }) {
        const std::string bytes = makeBytes(change);
        const DeepPotential model = parseModel(bytes, "model.safetensors");
        EXPECT_EQ(writeModel(model), bytes);
        const Configuration configuration = makeCluster(8, 3, 5.0, 3);
        DeepPotentialData original = makeRandomModelData();
        change(original);
        EXPECT_EQ(ReferenceEvaluator(std::make_shared<DeepPotential>(model)).evaluate(configuration).energy,
                  ReferenceEvaluator(std::make_shared<DeepPotential>(original)).evaluate(configuration).energy);
    }
}

TEST(ModelFile, roundTripOfACompressedModel) {
    auto compress = [](DeepPotentialData& data) {
        std::mt19937_64 generator(4);
        std::normal_distribution<double> normal;
        for (std::size_t i = 0; i < data.embeddings.size(); i++) {
            EmbeddingTable table{-1.0, 5.0, 25.0, 0.1, 1.0, 80, 16, {}, EmbeddingTable::Extrapolation::Linear};
            table.coefficients.resize(80 * 16 * 6);
            for (double& c : table.coefficients)
                c = normal(generator);
            data.tables[i] = table;
            data.embeddings[i] = {};
        }
    };
    const std::string bytes = makeBytes(compress);
    const DeepPotential model = parseModel(bytes, "model.safetensors");
    EXPECT_TRUE(model.isCompressed());
    EXPECT_EQ(writeModel(model), bytes);
}

TEST(ModelFile, faultsOfTheUncertaintyAreNamed) {
    const std::string bytes = makeBytes([](auto& d) { calibrate(d, 1); });
    expectError(withHeader(bytes,
                           [](Json& header) {
                               header["uncertainty.1.factor"]["shape"] = {1, 1};
                           }),
                "uncertainty.1");
    for (double limit : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
        DeepPotentialData data = makeRandomModelData();
        calibrate(data, 1);
        data.uncertainties[1].limit = limit;
        EXPECT_THROW(DeepPotential{data}, Error) << limit;
    }
}

TEST(ModelFile, float32WeightsStayFloat32) {
    auto round = [](DeepPotentialData& data) {
        data.precision = Precision::Float32;
        for (auto* networks : {&data.embeddings, &data.fittings})
            for (Network& network : *networks)
                for (Layer& layer : network.layers)
                    for (auto* values : {&layer.weight, &layer.bias, &layer.timestep})
                        for (double& value : *values)
                            value = static_cast<float>(value);
    };
    const std::string narrow = makeBytes(round), wide = makeBytes();
    EXPECT_LT(narrow.size(), 0.7 * wide.size());
    EXPECT_EQ(writeModel(parseModel(narrow, "model.safetensors")), narrow);
}

TEST(ModelFile, containerFaultsAreNamed) {
    const std::string bytes = makeBytes();
    expectError("", "the file has 0 bytes, too few for a header");
    expectError(std::string(8, '\xff'), "more than 16 MiB");
    expectError(bytes.substr(0, 100), "bytes, but only 92 follow");
    expectError(bytes.substr(0, bytes.size() - 1), "lies outside the file");
    expectError(bytes + "x", "there are bytes that belong to no tensor");
    expectError(std::string("\2\0\0\0\0\0\0\0[]", 10), "the header is not a JSON object");
    expectError(std::string("\2\0\0\0\0\0\0\0{}", 10), "metadata 'format' is missing");
    expectError(std::string("\4\0\0\0\0\0\0\0nope", 12), "is not valid JSON");
    std::string deep(8, '\0');
    deep[2] = 1;  // 65536
    expectError(deep + std::string(65536, '['), "is nested deeper than any model file");
    expectError(withHeader(bytes, [](Json& h) { h["statistics.mean"]["dtype"] = "F16"; }), "is neither F32 nor F64");
    expectError(withHeader(bytes,
                           [](Json& h) {
                               h["statistics.mean"]["shape"] = {3, 5};
                           }),
                "does not fit its number of bytes");
    expectError(withHeader(bytes,
                           [](Json& h) {
                               h["statistics.mean"]["shape"] = {1LL << 62, 1LL << 62};
                           }),
                "no valid shape");
    expectError(withHeader(bytes, [](Json& h) { h["statistics.mean"]["shape"] = {-3, 4}; }), "no valid shape");
    expectError(
        withHeader(bytes,
                   [](Json& h) { h["statistics.stddev"]["data_offsets"] = h["statistics.mean"]["data_offsets"]; }),
        "tensors overlap");
    expectError(withHeader(bytes, [](Json& h) { h.erase("statistics.mean"); }),
                "there are bytes that belong to no tensor");
    expectError(withHeader(bytes, [](Json& h) { h["__metadata__"]["format"] = "other"; }),
                "the format is 'other', not 'openmm-lps'");
    expectError(withHeader(bytes, [](Json& h) { h["__metadata__"]["format_version"] = "2"; }),
                "the format version is '2', but this version of openmm-lps reads '1'; update openmm-lps");
}

TEST(ModelFile, hyperparameterFaultsAreNamed) {
    const std::string bytes = makeBytes();
    expectError(withModel(bytes, [](Json& m) { m.erase("rcut"); }), "'rcut' is missing");
    expectError(withModel(bytes, [](Json& m) { m["rcut"] = "6"; }), "'rcut' must be a number");
    expectError(withModel(bytes, [](Json& m) { m["attention"] = true; }),
                "has the key 'attention', which this version does not know");
    expectError(withModel(bytes, [](Json& m) { m["sel"] = {1.5}; }), "'sel' must hold integers");
    expectError(withModel(bytes, [](Json& m) { m["sel"] = {1LL << 40, 2, 3}; }), "an integer that is too large");
    expectError(withModel(bytes, [](Json& m) { m["type_map"] = Json::array(); }),
                "'type_map' must hold 1 to 128 types");
    expectError(withModel(bytes, [](Json& m) { m["precision"] = "float16"; }),
                "'precision' is 'float16', but must be 'float64' or 'float32'");
    expectError(withModel(bytes, [](Json& m) { m["embedding"] = nullptr; }),
                "need exactly one of 'embedding' and 'table'");
    expectError(withModel(bytes, [](Json& m) { m["fitting"]["layers"][0]["activation"] = "swish"; }),
                "activation 'swish' is unknown");
    expectError(withModel(bytes, [](Json& m) { m["fitting"]["layers"][0]["residual"] = "triple"; }),
                "'residual' must be");
    expectError(withModel(bytes, [](Json& m) { m["fitting"]["layers"][0]["width"] = 11; }),
                "has shape [64, 12] instead of [64, 11]");
    expectError(withModel(bytes, [](Json& m) { m["axis_neuron"] = 1000000000; }), "has shape");
    expectError(withModel(bytes, [](Json& m) { m["type_one_side"] = true; }), "does not belong to this model");
    expectError(withModel(bytes, [](Json& m) { m["fitting"]["layers"][1]["timestep"] = false; }),
                "does not belong to this model");
    expectError(withModel(bytes, [](Json& m) { m["rcut_smth"] = 9; }), "rcut_smth is 9");
}

TEST(ModelFile, damagedFilesGiveErrorsAndNothingWorse) {
    const std::string bytes = makeBytes();
    for (std::size_t length = 0; length < bytes.size(); length += 1 + length / 7)
        EXPECT_NE(errorOf(bytes.substr(0, length)), "accepted");
    std::mt19937_64 generator(9);
    std::uint64_t headerLength;
    std::memcpy(&headerLength, bytes.data(), 8);
    for (int trial = 0; trial < 2000; trial++) {
        std::string damaged = bytes;
        for (int flips = 0; flips < 3; flips++)
            damaged[generator() % (8 + headerLength)] = static_cast<char>(generator());
        errorOf(damaged);  // throws Error or reads; anything else fails the test
    }
}

/** Found by fuzzing: each byte of such a header used to take up to 28 bytes of memory. */
TEST(ModelFile, headersDenserThanAnyModelAreRefused) {
    for (const char* item : {"0", "{}", "\"\"", "[]"}) {
        std::string header = "[";
        for (int i = 0; i < 50000; i++)
            header += std::string(item) + ",";
        header += "0]";
        const std::uint64_t length = header.size();
        std::string bytes(reinterpret_cast<const char*>(&length), 8);
        expectError(bytes + header, "holds more values than any model file; the file is damaged");
    }
    // What is kept as text, and not as values, may be as dense as it likes.
    const std::string bytes = makeBytes();
    const std::string provenance = "{\"list\": [0" + std::string(100000, ' ') + "]}";
    EXPECT_EQ(errorOf(withHeader(bytes, [&](Json& h) { h["__metadata__"]["provenance"] = provenance; })), "accepted");
    std::string dense = "{\"list\": [0";
    for (int i = 0; i < 50000; i++)
        dense += ",0";
    EXPECT_EQ(errorOf(withHeader(bytes, [&](Json& h) { h["__metadata__"]["provenance"] = dense + "]}"; })), "accepted");
    expectError(withHeader(bytes, [&](Json& h) { h["__metadata__"]["provenance"] = "[1]"; }),
                "metadata 'provenance' is not a JSON object");
}

/** Found by fuzzing: 15,000 empty objects in a list used to take seconds, and a full header hours. */
TEST(ModelFile, timeGrowsWithTheLengthOfTheHeader) {
    std::string header = "{";
    for (int i = 0; i < 100000; i++)
        header += "\"tensor" + std::to_string(i) + "\": {\"padding of the name\": \"and of the value\"},";
    header += "\"last\": {}}";
    const std::uint64_t length = header.size();
    const std::string bytes(reinterpret_cast<const char*>(&length), 8);
    const auto begin = std::chrono::steady_clock::now();
    expectError(bytes + header, "needs exactly dtype, shape and data_offsets");
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST(ModelFile, unreadableFilesAreNamed) {
    try {
        readFileBytes("/nonexistent/model.safetensors");
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("model file '/nonexistent/model.safetensors' cannot be read"),
                  std::string::npos);
    }
    EXPECT_THROW(readFileBytes("/"), Error);
}

}  // namespace
