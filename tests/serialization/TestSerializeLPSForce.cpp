// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <sstream>

#include "../../serialization/src/Base64.h"
#include "lps/ModelFile.h"
#include "openmm/System.h"
#include "openmm/serialization/XmlSerializer.h"
#include "openmmlps/LPSForce.h"
#include "openmmlps/internal/Sha256.h"
#include "support/Compare.h"
#include "support/RandomModel.h"

using namespace LPSPlugin;
using namespace LPSPlugin::testing;
using OpenMM::XmlSerializer;

namespace {

LPSModel makeModel() {
    return LPSModel::fromBytes(lps::writeModel(lps::DeepPotential(lps::testing::makeRandomModelData())));
}

LPSForce makeForce() {
    LPSForce force(makeModel());
    force.addParticle(4, 2);
    force.addParticle(0, 1);
    force.setForceGroup(3);
    force.setName("slab <&> \"quoted\"");
    force.setUsesPeriodicBoundaryConditions(false);
    force.setPrecision(LPSForce::Double);
    force.setUseTables(false);
    return force;
}

std::string toXml(const LPSForce& force) {
    std::stringstream stream;
    XmlSerializer::serialize<OpenMM::Force>(&force, "Force", stream);
    return stream.str();
}

std::unique_ptr<LPSForce> fromXml(const std::string& xml) {
    std::stringstream stream(xml);
    OpenMM::Force* force = XmlSerializer::deserialize<OpenMM::Force>(stream);
    return std::unique_ptr<LPSForce>(&dynamic_cast<LPSForce&>(*force));
}

std::string replace(std::string text, const std::string& from, const std::string& to) {
    const std::size_t position = text.find(from);
    EXPECT_NE(position, std::string::npos) << from;
    return text.replace(position, from.size(), to);
}

void expectSame(const LPSForce& a, const LPSForce& b) {
    EXPECT_EQ(a.getForceGroup(), b.getForceGroup());
    EXPECT_EQ(a.getName(), b.getName());
    EXPECT_EQ(a.usesPeriodicBoundaryConditions(), b.usesPeriodicBoundaryConditions());
    EXPECT_EQ(a.getPrecision(), b.getPrecision());
    EXPECT_EQ(a.getUseTables(), b.getUseTables());
    EXPECT_EQ(a.getEnergyScaleParameter(), b.getEnergyScaleParameter());
    EXPECT_EQ(a.getComputesScaleDerivative(), b.getComputesScaleDerivative());
    EXPECT_EQ(a.getModel().getHash(), b.getModel().getHash());
    EXPECT_TRUE(a.getModel().getBytes() == b.getModel().getBytes());
    ASSERT_EQ(a.getNumCommitteeModels(), b.getNumCommitteeModels());
    for (int i = 0; i < a.getNumCommitteeModels(); i++)
        EXPECT_EQ(a.getCommitteeModel(i).getHash(), b.getCommitteeModel(i).getHash());
    ASSERT_EQ(a.getNumParticles(), b.getNumParticles());
    for (int i = 0; i < a.getNumParticles(); i++) {
        int particle[2], type[2];
        a.getParticleParameters(i, particle[0], type[0]);
        b.getParticleParameters(i, particle[1], type[1]);
        EXPECT_EQ(particle[0], particle[1]);
        EXPECT_EQ(type[0], type[1]);
    }
}

TEST(Serialization, roundTripOfAForce) {
    const LPSForce force = makeForce();
    expectSame(force, *fromXml(toXml(force)));
}

TEST(Serialization, roundTripOfDefaults) {
    const LPSForce force(makeModel());
    expectSame(force, *fromXml(toXml(force)));
}

TEST(Serialization, roundTripOfASystem) {
    OpenMM::System system;
    for (int i = 0; i < 5; i++)
        system.addParticle(1.0 + i);
    system.addForce(new LPSForce(makeForce()));
    std::stringstream stream;
    XmlSerializer::serialize<OpenMM::System>(&system, "System", stream);
    const std::unique_ptr<OpenMM::System> copy(XmlSerializer::deserialize<OpenMM::System>(stream));
    ASSERT_EQ(copy->getNumForces(), 1);
    expectSame(makeForce(), dynamic_cast<const LPSForce&>(copy->getForce(0)));
}

TEST(Serialization, roundTripOfACommittee) {
    LPSForce force = makeForce();
    lps::testing::RandomModelOptions options;
    for (unsigned seed : {5, 6}) {
        options.seed = seed;
        force.addCommitteeModel(
            LPSModel::fromBytes(lps::writeModel(lps::DeepPotential(lps::testing::makeRandomModelData(options)))));
    }
    EXPECT_NE(toXml(force).find("version=\"2\""), std::string::npos);
    expectSame(force, *fromXml(toXml(force)));
}

TEST(Serialization, roundTripOfAScale) {
    LPSForce force = makeForce();
    force.setEnergyScaleParameter("lambda");
    force.setComputesScaleDerivative(true);
    EXPECT_NE(toXml(force).find("version=\"3\""), std::string::npos);
    expectSame(force, *fromXml(toXml(force)));
}

TEST(Serialization, forceWithoutCommitteeIsReadableByTheFirstRelease) {
    EXPECT_NE(toXml(makeForce()).find("version=\"1\""), std::string::npos);
}

TEST(Serialization, newerVersionIsRefused) {
    EXPECT_EQ(messageOf([] { fromXml(replace(toXml(makeForce()), "version=\"1\"", "version=\"4\"")); }),
              "LPSForce XML: version 4 is not among those that this openmm-lps reads (1 to 3); update openmm-lps to "
              "read it.");
    EXPECT_NE(messageOf([] { fromXml(replace(toXml(makeForce()), "version=\"1\"", "version=\"0\"")); }), "");
}

TEST(Serialization, damagedModelIsRefused) {
    const std::string hash = makeModel().getHash();
    const std::string wrong = std::string(64, '0');
    EXPECT_EQ(messageOf([&] { fromXml(replace(toXml(makeForce()), hash, wrong)); }),
              "LPSForce XML: the embedded model has SHA-256 " + hash + ", but the XML says '" + wrong +
                  "'; the XML was damaged or edited, write it again from the original System.");
    const std::string xml = toXml(makeForce());
    const std::size_t start = xml.find("base64=\"") + 8;
    std::string flipped = xml;
    flipped[start + 1000] = flipped[start + 1000] == 'A' ? 'B' : 'A';
    EXPECT_NE(messageOf([&] { fromXml(flipped); }).find("the XML was damaged or edited"), std::string::npos);
    std::string notBase64 = xml;
    notBase64[start + 1000] = '!';
    EXPECT_EQ(
        messageOf([&] { fromXml(notBase64); }),
        "LPSForce XML: the embedded model is not valid base64; the XML was damaged or edited, write it again from the "
        "original System.");
}

TEST(Serialization, missingModelIsRefused) {
    EXPECT_NE(messageOf([] { fromXml(replace(toXml(makeForce()), "<Model", "<Mode1")); }), "");
}

TEST(Model, keepsItsBytes) {
    const std::string bytes = makeModel().getBytes();
    const std::string path = ::testing::TempDir() + "openmm-lps-model.safetensors";
    std::ofstream(path, std::ios::binary) << bytes;
    const LPSModel model(path);
    EXPECT_TRUE(model.getBytes() == bytes);
    EXPECT_EQ(model.getHash(), sha256(bytes));
    EXPECT_EQ(model.getTypeNames(), (std::vector<std::string>{"Li", "P", "S"}));
    EXPECT_EQ(model.getTypeIndex("P"), 1);
    EXPECT_DOUBLE_EQ(model.getCutoff(), 0.4);
    EXPECT_EQ(model.getPrecision(), "double");
    EXPECT_GT(model.getNumParameters(), 0);
    EXPECT_EQ(model.getMetadata(), "{\"format\": \"openmm-lps\", \"format_version\": \"1\", \"sha256\": \"" +
                                       model.getHash() + "\", \"provenance\": {}}");
    EXPECT_EQ(std::remove(path.c_str()), 0);
}

TEST(Model, copiesShareTheWeights) {
    const LPSModel model = makeModel();
    const LPSModel copy = model;
    EXPECT_EQ(copy.getDeepPotential(), model.getDeepPotential());
    EXPECT_EQ(LPSForce(model).getModel().getDeepPotential(), model.getDeepPotential());
}

/** Test vectors of FIPS 180-4 and its examples. */
TEST(Sha256, knownDigests) {
    EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(sha256(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, lengthsAroundABlock) {
    // Digests of n times the byte 'x' from another implementation (coreutils).
    EXPECT_EQ(sha256(std::string(55, 'x')), "d5e285683cd4efc02d021a5c62014694958901005d6f71e89e0989fac77e4072");
    EXPECT_EQ(sha256(std::string(56, 'x')), "04c26261370ee7541549d16dee320c723e3fd14671e66a099afe0a377c16888e");
    EXPECT_EQ(sha256(std::string(64, 'x')), "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c");
}

/** Test vectors of RFC 4648. */
TEST(Base64, knownTexts) {
    const std::pair<std::string, std::string> pairs[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
    for (const auto& [bytes, text] : pairs) {
        EXPECT_EQ(encodeBase64(bytes), text);
        EXPECT_EQ(decodeBase64(text), bytes);
    }
    EXPECT_EQ(decodeBase64(" Zm9v\n Ym\tFy\r\n"), "foobar");
}

TEST(Base64, everyByteSurvives) {
    for (int length = 256; length < 260; length++) {
        std::string bytes;
        for (int i = 0; i < length; i++)
            bytes.push_back(static_cast<char>(i * 7));
        EXPECT_EQ(decodeBase64(encodeBase64(bytes)), bytes);
    }
}

TEST(Base64, otherTextIsRefused) {
    for (const char* text :
         {"Z", "Zg", "Zg=", "Zm9", "=", "====", "Zg==Zg==", "Zm9v!", "Zg=a", "Z===", "Zm9v=", "\xff\xfe\xfd\xfc"})
        EXPECT_EQ(decodeBase64(text), std::nullopt) << text;
}

}  // namespace
