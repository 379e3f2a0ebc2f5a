// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <mpi.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "lps/Evaluator.h"

namespace lps::lammps {

/**
 * @file DeviationFile.h
 * model_devi.out: how far the models of a committee disagree, in the format that DP-GEN reads. Columns: step; maximum,
 * minimum and mean over the nine components of the standard deviation of the virial per atom (the mean is the root of
 * the mean square); maximum, minimum and mean over atoms of sqrt(<|F - <F>|^2>). In the units of LAMMPS, as by
 * DeePMD-kit.
 */
class DeviationFile {
public:
    /** @param mayContinue lines are added to a file that is there, instead of replacing it */
    DeviationFile(std::string path, bool mayContinue, MPI_Comm world);
    ~DeviationFile();
    DeviationFile(const DeviationFile&) = delete;
    DeviationFile& operator=(const DeviationFile&) = delete;

    /**
     * Add a line, on all ranks; rank 0 writes.
     * @param models what each model says of the atoms of this rank, with the forces of ghosts added to their owners
     * @param isCounted [local atoms] whether an atom belongs to the models
     * @param energyUnit one electronvolt in units of LAMMPS
     * @throws Error on rank 0 if the line cannot be written
     */
    void write(std::int64_t step, const std::vector<const Evaluation*>& models, const std::vector<bool>& isCounted,
               double energyUnit);

    std::int64_t getLastStep() const { return lastStep; }

private:
    void open();

    std::string path;
    bool mayContinue;
    MPI_Comm world;
    int rank = 0;
    std::FILE* file = nullptr;
    std::int64_t lastStep = -1;
};

}  // namespace lps::lammps
