// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <vector>

#include "TextTable.h"
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
    /** @param mayContinue as for TextTable */
    DeviationFile(const std::string& path, bool mayContinue, MPI_Comm world);

    /**
     * Add a line, on all ranks; rank 0 writes.
     * @param models what each model says of the atoms of this rank, with the forces of ghosts added to their owners
     * @param isCounted [local atoms] whether an atom belongs to the models
     * @param energyUnit one electronvolt in units of LAMMPS
     * @throws Error on rank 0 if the line cannot be written
     */
    void write(std::int64_t step, const std::vector<const Evaluation*>& models, const std::vector<bool>& isCounted,
               double energyUnit);

    std::int64_t getLastStep() const { return table.getLastStep(); }

private:
    TextTable table;
};

}  // namespace lps::lammps
