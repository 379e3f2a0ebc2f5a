// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <vector>

#include "TextTable.h"
#include "lps/Uncertainty.h"

namespace lps::lammps {

/**
 * @file UncertaintyFile.h
 * How far a single model trusts itself along a run. Columns: step; maximum and mean over atoms of the uncertainty of
 * the force, in the units of LAMMPS; largest extrapolation grade, the ID of its atom, and the number of atoms beyond 1.
 */
class UncertaintyFile {
public:
    /** @param mayContinue as for TextTable */
    UncertaintyFile(const std::string& path, bool mayContinue, MPI_Comm world);

    /**
     * Add a line, on all ranks; rank 0 writes.
     * @param found      of the atoms of the model on this rank
     * @param ids        of the same atoms; 0: they have none
     * @param energyUnit one electronvolt in units of LAMMPS
     * @throws Error on rank 0 if the line cannot be written
     */
    void write(std::int64_t step, const AtomUncertainties& found, const std::vector<std::int64_t>& ids,
               double energyUnit);

    std::int64_t getLastStep() const { return table.getLastStep(); }

private:
    TextTable table;
};

}  // namespace lps::lammps
