// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "openmmlps/LPSModel.h"

#include <utility>

#include "lps/DeepPotential.h"
#include "lps/ModelFile.h"
#include "lps/Units.h"
#include "openmmlps/internal/Sha256.h"
#include "openmmlps/internal/TranslateErrors.h"

namespace LPSPlugin {

struct LPSModel::Content {
    Content(std::string file, const std::string& origin)
        : bytes(std::move(file)),
          hash(sha256(bytes)),
          potential(std::make_shared<const lps::DeepPotential>(lps::parseModel(bytes, origin))) {}

    const std::string bytes;
    const std::string hash;
    const std::shared_ptr<const lps::DeepPotential> potential;
};

LPSModel::LPSModel(std::shared_ptr<const Content> parsed) : content(std::move(parsed)) {}

LPSModel::LPSModel(const std::string& file)
    : content(translateErrors([&] { return std::make_shared<const Content>(lps::readFileBytes(file), file); })) {}

LPSModel LPSModel::fromBytes(const std::string& bytes, const std::string& origin) {
    return LPSModel(translateErrors([&] { return std::make_shared<const Content>(bytes, origin); }));
}

const std::vector<std::string>& LPSModel::getTypeNames() const {
    return content->potential->getData().typeNames;
}

int LPSModel::getTypeIndex(const std::string& symbol) const {
    return translateErrors([&] { return content->potential->getTypeIndex(symbol); });
}

std::string LPSModel::describeTypes() const {
    return content->potential->describeTypes();
}

double LPSModel::getCutoff() const {
    return content->potential->getData().cutoff * lps::nanometersPerAngstrom;
}

bool LPSModel::hasUncertainties() const {
    return content->potential->hasUncertainties();
}

long long LPSModel::getNumParameters() const {
    return content->potential->getNumParameters();
}

std::string LPSModel::getPrecision() const {
    return content->potential->getData().precision == lps::Precision::Float32 ? "single" : "double";
}

std::string LPSModel::getMetadata() const {
    return R"({"format": "openmm-lps", "format_version": "1", "sha256": ")" + content->hash + R"(", "provenance": )" +
           content->potential->getData().provenance + "}";
}

const std::string& LPSModel::getBytes() const {
    return content->bytes;
}

const std::string& LPSModel::getHash() const {
    return content->hash;
}

std::shared_ptr<const lps::DeepPotential> LPSModel::getDeepPotential() const {
    return content->potential;
}

}  // namespace LPSPlugin
