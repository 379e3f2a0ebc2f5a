// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "support/TestPlatform.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <vector>

#include "lps/Units.h"
#include "openmm/Context.h"
#include "openmm/System.h"
#include "openmm/VerletIntegrator.h"
#include "openmmlps/LPSKernels.h"

namespace LPSPlugin::testing {

namespace {

constexpr double energyUnit = lps::kilojoulesPerMolePerElectronvolt;
constexpr double forceUnit = energyUnit * lps::angstromsPerNanometer;

std::optional<TestPlatform> current;

/** OpenMM's own loader would also take a plugin of ours that is installed there. */
void loadFolder(const std::string& folder, bool ours) {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string file = entry.path().filename().string();
        const bool isOurs = file.find("OpenMMLPS") != std::string::npos;
        if (file.rfind("lib", 0) == 0 && isOurs == ours)
            files.push_back(entry.path().string());
    }
    // Platforms before what extends them: libOpenMMCPU has a shorter name than libOpenMMRPMDReference, which adds
    // kernels to it.
    std::sort(files.begin(), files.end(),
              [](const std::string& a, const std::string& b) { return a.size() < b.size(); });
    for (const std::string& file : files) {
        try {
            OpenMM::Platform::loadPluginLibrary(file);
        } catch (const std::exception&) {
            // A platform without its hardware or driver does not load; its tests are skipped.
        }
    }
}

}  // namespace

Tolerance getTolerance(const std::string& platform, const std::string& precision) {
    if (platform == "Reference")
        return {1e-10 * energyUnit, 1e-9 * forceUnit, 1e-8 * energyUnit, 1e-5, 1e-6};
    if (precision == "double")
        return {1e-8 * energyUnit, 1e-8 * forceUnit, 1e-6 * energyUnit, 1e-5, 1e-5};
    if (precision == "single" || precision == "mixed")
        return {1e-6 * energyUnit, 1e-4 * forceUnit, 1e-3 * energyUnit, 1e-3, 5e-3};
    throw std::invalid_argument("TestPlatform: precision '" + precision + "' is unknown; use single, mixed or double.");
}

void loadPlugins() {
    const char* moved = std::getenv("LPS_TEST_PLUGINS");
    loadFolder(moved != nullptr ? moved : OPENMM_PLUGIN_FOLDER, false);
    loadFolder(moved != nullptr ? moved : LPS_PLUGIN_FOLDER, true);
}

TestPlatform::TestPlatform(const std::string& platformName, const std::string& precisionName)
    : name(platformName), precision(precisionName) {
    testing::getTolerance(name, precision);
}

const TestPlatform& TestPlatform::get() {
    return current.value();
}

void TestPlatform::set(const TestPlatform& platform) {
    current = platform;
}

bool TestPlatform::isPresent() const {
    for (int i = 0; i < OpenMM::Platform::getNumPlatforms(); i++) {
        const OpenMM::Platform& platform = OpenMM::Platform::getPlatform(i);
        if (platform.getName() == name)
            return platform.supportsKernels({CalcLPSForceKernel::Name()});
    }
    return false;
}

bool TestPlatform::isPocl() const {
    if (name != "OpenCL")
        return false;
    OpenMM::System system;
    system.addParticle(1.0);
    system.addParticle(1.0);
    OpenMM::VerletIntegrator integrator(0.001);
    OpenMM::Context context(system, integrator, getPlatform(), getProperties());
    return getPlatform().getPropertyValue(context, "OpenCLPlatformName") == "Portable Computing Language";
}

std::map<std::string, std::string> TestPlatform::getProperties() const {
    if (name == "Reference" || name == "CPU")
        return {};
    return {{"Precision", precision}};
}

LPSForce::Precision TestPlatform::getForcePrecision() const {
    return isDouble() ? LPSForce::Double : LPSForce::Single;
}

}  // namespace LPSPlugin::testing
