// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lps/DeepPotential.h"

namespace lps::lammps {

/**
 * @file PairSettings.h
 * What follows `pair_style lps` and `pair_coeff` in an input script, and the same as bytes of a restart file.
 */
struct PairSettings {
    std::vector<std::string> models;    ///< files; the first one moves the atoms, the others are its committee
    std::vector<std::uint64_t> hashes;  ///< [models] of their bytes, as far as they have been read
    std::vector<std::string> elements;  ///< of atom types 1, 2, ...; "NULL": left to other pair styles
    Precision precision = Precision::Float32;
    int threads = 0;  ///< 0: as many as LAMMPS has for OpenMP
    std::string deviationFile = "model_devi.out";
    std::string uncertaintyFile;  ///< empty: none
    int outputInterval = 100;     ///< of both files

    /**
     * @param arguments what follows the name of the style
     * @throws Error that names the argument at fault
     */
    static PairSettings parse(const std::vector<std::string>& arguments);

    /** The bytes of a restart file; parseRestart() reads them. */
    std::string toRestart() const;

    /** @throws Error if the bytes are not those of a version that this program knows */
    static PairSettings fromRestart(const std::string& bytes);
};

}  // namespace lps::lammps
