// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "lps/Error.h"

namespace lps {

/**
 * @file BoundedJson.h
 * JSON that a stranger wrote. A first pass, which keeps nothing, looks at the depth and at the number of values; only
 * then are values made of it. (The parser's own callback would do in one pass, but takes quadratic time.)
 */

namespace detail {

class JsonSurvey : public nlohmann::json_sax<nlohmann::json> {
public:
    explicit JsonSurvey(const std::string& textName) : name(textName) {}

    std::size_t values = 0;
    std::size_t nodes = 0;  ///< keys and objects: what takes a node of a tree
    bool isObject = false;  ///< at the top

    bool null() override { return count(); }
    bool boolean(bool) override { return count(); }
    bool number_integer(number_integer_t) override { return count(); }
    bool number_unsigned(number_unsigned_t) override { return count(); }
    bool number_float(number_float_t, const string_t&) override { return count(); }
    bool string(string_t&) override { return count(); }
    bool binary(binary_t&) override { return count(); }
    bool start_object(std::size_t) override {
        isObject = isObject || depth == 0;
        nodes++;
        return open();
    }
    bool key(string_t&) override { return ++nodes != 0; }
    bool end_object() override { return depth-- != 0; }
    bool start_array(std::size_t) override { return open(); }
    bool end_array() override { return depth-- != 0; }
    bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override { return false; }

private:
    bool count() { return ++values != 0; }
    bool open() {
        if (++depth > 16)
            throw Error(name + " is nested deeper than any model file; the file is damaged");
        return count();
    }

    const std::string& name;
    int depth = 0;
};

/** @throws Error if the text is not JSON or nested deeper than 16 values */
inline JsonSurvey surveyJson(const std::string& text, const std::string& what) {
    JsonSurvey survey(what);
    if (!nlohmann::json::sax_parse(text, &survey))
        throw Error(what + " is not valid JSON; the file is damaged or not a model file");
    return survey;
}

}  // namespace detail

/**
 * Parse JSON that a stranger wrote: at most 16 nested values, and not so many values that their parsed form takes more
 * than ten times the text (a number in a list takes 2 bytes of text and up to 40 of memory).
 * @param what what error messages call the text, such as "model.safetensors: header"
 * @throws Error if the text is not JSON, nested deeper, or denser than any model file
 */
inline nlohmann::json parseBoundedJson(const std::string& text, const std::string& what) {
    const detail::JsonSurvey survey = detail::surveyJson(text, what);
    if (survey.values > 4096 + text.size() / 8 || survey.nodes > 4096 + text.size() / 16)
        throw Error(what + " holds more values than any model file; the file is damaged");
    try {
        return nlohmann::json::parse(text);
    } catch (const nlohmann::json::exception&) {  // such as text that is not UTF-8
        throw Error(what + " is not valid JSON; the file is damaged or not a model file");
    }
}

/**
 * Whether a text is a JSON object, without keeping what it holds.
 * @throws Error if it is not JSON or nested deeper than 16 values
 */
inline bool isJsonObject(const std::string& text, const std::string& what) {
    return detail::surveyJson(text, what).isObject;
}

}  // namespace lps
