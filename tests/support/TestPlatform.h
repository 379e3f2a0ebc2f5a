// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <map>
#include <string>

#include "openmm/Platform.h"
#include "openmmlps/LPSForce.h"

namespace LPSPlugin::testing {

/**
 * @file TestPlatform.h
 * The same test programs serve every platform: `TestDerivatives CPU single`. The platform is found at run time; a
 * program exits with 77, which CTest counts as skipped, where it is absent.
 */

/** How far a platform may be from the reference evaluation, in kJ/mol and nm; from the numerical contract of the
 * project. */
struct Tolerance {
    double energyPerAtom;     ///< kJ/mol
    double force;             ///< kJ/mol/nm
    double virial;            ///< kJ/mol
    double differenceStep;    ///< nm, step for finite differences of the energy
    double differenceFactor;  ///< relative error allowed in a finite difference
};

/** @throws std::invalid_argument for a precision that no platform has */
Tolerance getTolerance(const std::string& platform, const std::string& precision);

/**
 * Load OpenMM's platforms, then this build's libraries: from where they were built, or from the one folder that the
 * environment variable LPS_TEST_PLUGINS names, on a machine to which the tests were copied.
 */
void loadPlugins();

/** The platform that the command line names. */
class TestPlatform {
public:
    TestPlatform(const std::string& name, const std::string& precision);

    /** The one that main() made. */
    static const TestPlatform& get();
    static void set(const TestPlatform& platform);

    /** Whether OpenMM has the platform and LPSForce a kernel for it. */
    bool isPresent() const;

    const std::string& getName() const { return name; }
    const std::string& getPrecision() const { return precision; }
    bool isDouble() const { return precision == "double"; }
    OpenMM::Platform& getPlatform() const { return OpenMM::Platform::getPlatformByName(name); }

    /**
     * Whether this is OpenCL on PoCL. With PoCL 3.1, OpenMM 8.6 ends in a segmentation fault in its own kernels, also
     * without this plugin, for Systems of one particle and in its minimizer (getScale).
     */
    bool isPocl() const;

    /** Context properties: GPU platforms take their precision from there. */
    std::map<std::string, std::string> getProperties() const;

    /** Precision for LPSForce::setPrecision(), which the CPU platform follows. */
    LPSForce::Precision getForcePrecision() const;

    Tolerance getTolerance() const { return testing::getTolerance(name, precision); }

private:
    std::string name;
    std::string precision;
};

}  // namespace LPSPlugin::testing
