// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

namespace lps {

/**
 * The model core works in angstrom and electronvolt, OpenMM in nanometre and kJ/mol. These are the only factors between
 * them.
 */
constexpr double kilojoulesPerMolePerElectronvolt = 96.48533212331002;  // CODATA 2018, e N_A / 1000
constexpr double nanometersPerAngstrom = 0.1;
constexpr double angstromsPerNanometer = 10.0;

}  // namespace lps
