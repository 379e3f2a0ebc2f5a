// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "lps/DeepPotential.h"
#include "lps/Error.h"

namespace lps {

/**
 * A JSON object of hyperparameters, key by key. Every access is checked; keys that nobody asked for are refused at the
 * end.
 */
class HyperparameterReader {
public:
    HyperparameterReader(const nlohmann::json& hyperparameters, std::string owner)
        : object(hyperparameters), where(std::move(owner)) {
        if (!object.is_object())
            fail("must be a JSON object");
    }

    [[noreturn]] void fail(const std::string& fault) const {
        throw Error(where + " " + fault + "; convert the original model again with this version of openmm-lps.");
    }

    const nlohmann::json& get(const char* key) {
        used.insert(key);
        const auto found = object.find(key);
        if (found == object.end())
            fail("'" + std::string(key) + "' is missing");
        return *found;
    }

    double getNumber(const char* key) {
        const nlohmann::json& value = get(key);
        if (!value.is_number())
            fail("'" + std::string(key) + "' must be a number");
        return value.get<double>();
    }

    bool getBoolean(const char* key) {
        const nlohmann::json& value = get(key);
        if (!value.is_boolean())
            fail("'" + std::string(key) + "' must be true or false");
        return value.get<bool>();
    }

    std::string getString(const char* key) {
        const nlohmann::json& value = get(key);
        if (!value.is_string())
            fail("'" + std::string(key) + "' must be a string");
        return value.get<std::string>();
    }

    /** @return whether the string is the second of the two choices */
    bool getChoice(const char* key, const char* first, const char* second) {
        const std::string value = getString(key);
        if (value != first && value != second)
            fail("'" + std::string(key) + "' is '" + value.substr(0, 64) + "', but must be '" + first + "' or '" +
                 second + "'");
        return value == second;
    }

    int toInteger(const nlohmann::json& value, const char* key) const {
        if (!value.is_number_integer())
            fail("'" + std::string(key) + "' must hold integers");
        const double number = value.get<double>();
        if (number < std::numeric_limits<int>::min() || number > std::numeric_limits<int>::max())
            fail("'" + std::string(key) + "' holds an integer that is too large");
        return static_cast<int>(number);
    }

    int getInteger(const char* key) { return toInteger(get(key), key); }

    std::vector<int> getIntegers(const char* key) {
        std::vector<int> values;
        for (const nlohmann::json& value : getList(key))
            values.push_back(toInteger(value, key));
        return values;
    }

    std::vector<DeepPotentialData::TypePair> getPairs(const char* key) {
        std::vector<DeepPotentialData::TypePair> pairs;
        for (const nlohmann::json& value : getList(key)) {
            if (!value.is_array() || value.size() != 2)
                fail("'" + std::string(key) + "' must hold pairs of types");
            pairs.emplace_back(toInteger(value[0], key), toInteger(value[1], key));
        }
        return pairs;
    }

    const nlohmann::json& getList(const char* key) {
        const nlohmann::json& value = get(key);
        if (!value.is_array())
            fail("'" + std::string(key) + "' must be a list");
        return value;
    }

    void refuseUnknownKeys() const {
        for (const auto& [key, value] : object.items())
            if (!used.count(key))
                fail("has the key '" + key.substr(0, 64) +
                     "', which this version does not know and which may change the energy");
    }

private:
    const nlohmann::json& object;
    std::string where;
    std::set<std::string> used;
};

}  // namespace lps
