// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "PairSettings.h"

#include <charconv>
#include <sstream>

#include "lps/Error.h"

namespace lps::lammps {

namespace {

const std::string usage =
    "write pair_style lps MODEL [precision single|double] [threads N] [committee MODEL ...] [uncertainty FILE] "
    "[out_file FILE] [out_freq N]";
const std::string restartTitle = "pair_style lps, version 2";

bool isKeyword(const std::string& word) {
    return word == "precision" || word == "threads" || word == "committee" || word == "uncertainty" ||
           word == "out_file" || word == "out_freq";
}

int parsePositive(const std::string& text, const std::string& keyword) {
    int value = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || rest != end || value < 1)
        throw Error("pair_style lps: " + keyword + " is '" + text + "'; give a whole number from 1");
    return value;
}

}  // namespace

PairSettings PairSettings::parse(const std::vector<std::string>& arguments) {
    if (arguments.empty() || isKeyword(arguments[0]))
        throw Error("pair_style lps: the file of the model is missing; " + usage);
    PairSettings settings;
    settings.models.push_back(arguments[0]);
    for (std::size_t k = 1; k < arguments.size();) {
        const std::string keyword = arguments[k++];
        if (!isKeyword(keyword))
            throw Error("pair_style lps: '" + keyword + "' is no keyword; " + usage);
        if (k == arguments.size() || isKeyword(arguments[k]))
            throw Error("pair_style lps: nothing follows " + keyword + "; " + usage);
        if (keyword == "committee") {
            while (k < arguments.size() && !isKeyword(arguments[k]))
                settings.models.push_back(arguments[k++]);
            continue;
        }
        const std::string value = arguments[k++];
        if (keyword == "threads")
            settings.threads = parsePositive(value, keyword);
        else if (keyword == "out_freq")
            settings.outputInterval = parsePositive(value, keyword);
        else if (keyword == "uncertainty")
            settings.uncertaintyFile = value;
        else if (keyword == "out_file")
            settings.deviationFile = value;
        else if (value == "single" || value == "double")
            settings.precision = value == "double" ? Precision::Float64 : Precision::Float32;
        else
            throw Error("pair_style lps: precision is '" + value + "'; give single or double");
    }
    return settings;
}

std::string PairSettings::toRestart() const {
    std::ostringstream out;
    out << restartTitle << '\n'
        << (precision == Precision::Float64 ? "double" : "single") << '\n'
        << threads << '\n'
        << outputInterval << '\n'
        << deviationFile << '\n'
        << uncertaintyFile << '\n'
        << models.size() << '\n';
    for (std::size_t k = 0; k < models.size(); k++)
        out << models[k] << '\n' << (k < hashes.size() ? hashes[k] : 0) << '\n';
    for (const std::string& element : elements)
        out << element << '\n';
    return out.str();
}

PairSettings PairSettings::fromRestart(const std::string& bytes) {
    std::istringstream in(bytes);
    const auto line = [&] {
        std::string text;
        if (!std::getline(in, text))
            throw Error("pair_style lps: the restart file ends too early; write it anew");
        return text;
    };
    if (line() != restartTitle)
        throw Error(
            "pair_style lps: the restart file is of another version of openmm-lps; use that version, or a data file");
    PairSettings settings;
    settings.precision = line() == "double" ? Precision::Float64 : Precision::Float32;
    settings.threads = std::stoi(line());
    settings.outputInterval = std::stoi(line());
    settings.deviationFile = line();
    settings.uncertaintyFile = line();
    for (int left = std::stoi(line()); left > 0; left--) {
        settings.models.push_back(line());
        settings.hashes.push_back(std::stoull(line()));
    }
    for (std::string element; std::getline(in, element);)
        settings.elements.push_back(element);
    return settings;
}

}  // namespace lps::lammps
