// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "openmmlps/serialization/LPSForceProxy.h"

#include <memory>
#include <optional>
#include <string>

#include "Base64.h"
#include "openmm/OpenMMException.h"
#include "openmm/serialization/SerializationNode.h"
#include "openmmlps/LPSForce.h"
#include "openmmlps/internal/Sha256.h"

namespace LPSPlugin {

using OpenMM::OpenMMException;
using OpenMM::SerializationNode;
using std::string;
using std::to_string;

namespace {

/**
 * Raise this when the XML changes; keep reading every older version, with a stored file of each in the tests.
 * 1: the first. 2: may hold a Committee. 3: may have an energy scale. A Force is written as the lowest version that has
 * all it needs, for older readers.
 */
constexpr int currentVersion = 3;

void writeModel(const LPSModel& model, SerializationNode& node) {
    node.setStringProperty("sha256", model.getHash());
    node.setStringProperty("base64", encodeBase64(model.getBytes()));
}

LPSModel readModel(const SerializationNode& node) {
    const std::optional<string> bytes = decodeBase64(node.getStringProperty("base64"));
    if (!bytes)
        throw OpenMMException(
            "LPSForce XML: the embedded model is not valid base64; the XML was damaged or edited, write it again from "
            "the "
            "original System.");
    const string expected = node.getStringProperty("sha256");
    const string found = sha256(*bytes);
    if (found != expected)
        throw OpenMMException("LPSForce XML: the embedded model has SHA-256 " + found + ", but the XML says '" +
                              expected + "'; the XML was damaged or edited, write it again from the original System.");
    return LPSModel::fromBytes(*bytes, "model embedded in LPSForce XML");
}

}  // namespace

LPSForceProxy::LPSForceProxy() : SerializationProxy("LPSForce") {}

void LPSForceProxy::serialize(const void* object, SerializationNode& node) const {
    const LPSForce& force = *static_cast<const LPSForce*>(object);
    const bool isScaled = !force.getEnergyScaleParameter().empty();
    node.setIntProperty("version", isScaled ? 3 : force.getNumCommitteeModels() > 0 ? 2 : 1);
    if (isScaled) {
        node.setStringProperty("energyScaleParameter", force.getEnergyScaleParameter());
        node.setBoolProperty("computesScaleDerivative", force.getComputesScaleDerivative());
    }
    node.setIntProperty("forceGroup", force.getForceGroup());
    node.setStringProperty("name", force.getName());
    node.setBoolProperty("usesPeriodic", force.usesPeriodicBoundaryConditions());
    node.setIntProperty("precision", force.getPrecision());
    node.setBoolProperty("useTables", force.getUseTables());
    writeModel(force.getModel(), node.createChildNode("Model"));
    if (isScaled || force.getNumCommitteeModels() > 0) {
        SerializationNode& committee = node.createChildNode("Committee");
        for (int i = 0; i < force.getNumCommitteeModels(); i++)
            writeModel(force.getCommitteeModel(i), committee.createChildNode("Model"));
    }
    SerializationNode& particles = node.createChildNode("Particles");
    for (int i = 0; i < force.getNumParticles(); i++) {
        int particle, type;
        force.getParticleParameters(i, particle, type);
        particles.createChildNode("Particle").setIntProperty("index", particle).setIntProperty("type", type);
    }
}

void* LPSForceProxy::deserialize(const SerializationNode& node) const {
    const int version = node.getIntProperty("version");
    if (version < 1 || version > currentVersion)
        throw OpenMMException(
            "LPSForce XML: version " + to_string(version) + " is not among those that this openmm-lps reads (1" +
            (currentVersion > 1 ? " to " + to_string(currentVersion) : "") + "); update openmm-lps to read it.");
    auto force = std::make_unique<LPSForce>(readModel(node.getChildNode("Model")));
    force->setForceGroup(node.getIntProperty("forceGroup", 0));
    force->setName(node.getStringProperty("name", force->getName()));
    force->setUsesPeriodicBoundaryConditions(node.getBoolProperty("usesPeriodic"));
    force->setPrecision(static_cast<LPSForce::Precision>(node.getIntProperty("precision")));
    force->setUseTables(node.getBoolProperty("useTables"));
    if (version >= 3) {
        force->setEnergyScaleParameter(node.getStringProperty("energyScaleParameter"));
        force->setComputesScaleDerivative(node.getBoolProperty("computesScaleDerivative"));
    }
    if (version >= 2)
        for (const SerializationNode& entry : node.getChildNode("Committee").getChildren())
            force->addCommitteeModel(readModel(entry));
    for (const SerializationNode& entry : node.getChildNode("Particles").getChildren())
        force->addParticle(entry.getIntProperty("index"), entry.getIntProperty("type"));
    return force.release();
}

}  // namespace LPSPlugin
