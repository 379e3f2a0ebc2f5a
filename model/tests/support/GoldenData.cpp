// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "support/GoldenData.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace lps::testing {

std::vector<std::string> listGoldenFixtures(const std::string& goldenFolder) {
    std::vector<std::string> names;
    if (std::filesystem::is_directory(goldenFolder))
        for (const auto& entry : std::filesystem::directory_iterator(goldenFolder))
            if (std::filesystem::exists(entry.path() / "reference.json"))
                names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

GoldenFixture loadGoldenFixture(const std::string& goldenFolder, const std::string& name) {
    const std::filesystem::path folder = std::filesystem::path(goldenFolder) / name;
    std::ifstream stream(folder / "reference.json");
    const nlohmann::json reference = nlohmann::json::parse(stream);
    GoldenFixture fixture;
    fixture.name = name;
    fixture.modelPath = (folder / "model.safetensors").string();
    // Fixtures of packaged models do not store them a second time.
    if (!std::filesystem::exists(fixture.modelPath))
        fixture.modelPath = LPS_SOURCE_DIR "/" + reference.at("provenance").at("model_file").get<std::string>();
    fixture.strict = reference.at("tolerance") == "strict";
    for (const auto& entry : reference.at("structures")) {
        GoldenStructure structure;
        structure.name = entry.at("name").get<std::string>();
        structure.configuration.positions = entry.at("positions").get<std::vector<Vector3>>();
        structure.configuration.types = entry.at("types").get<std::vector<int>>();
        if (!entry.at("box").is_null())
            structure.configuration.box = Box(entry.at("box").get<Matrix3>());
        structure.expected.energy = entry.at("energy").get<double>();
        structure.expected.atomEnergies = entry.at("atom_energies").get<std::vector<double>>();
        structure.expected.forces = entry.at("forces").get<std::vector<Vector3>>();
        structure.expected.virial = entry.at("virial").get<Matrix3>();
        fixture.structures.push_back(structure);
    }
    return fixture;
}

}  // namespace lps::testing
