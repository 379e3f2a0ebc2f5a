// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <mpi.h>

#include <cstdint>
#include <cstdio>
#include <string>

namespace lps::lammps {

/** A text file with a line for each of some steps, written by rank 0. */
class TextTable {
public:
    /** @param mayContinue lines are added to a file that is there, instead of replacing it */
    TextTable(std::string path, std::string header, bool mayContinue, MPI_Comm world);
    ~TextTable();
    TextTable(const TextTable&) = delete;
    TextTable& operator=(const TextTable&) = delete;

    /**
     * On all ranks; what the others give is not used.
     * @throws Error on rank 0 if the line cannot be written
     */
    void add(std::int64_t step, const std::string& line);

    /** -1: no line yet. A second line of the same step, such as that of `run 0`, is not wanted. */
    std::int64_t getLastStep() const { return lastStep; }

    MPI_Comm getWorld() const { return world; }

private:
    std::string path, header;
    bool mayContinue;
    MPI_Comm world;
    int rank = 0;
    std::FILE* file = nullptr;
    std::int64_t lastStep = -1;
};

}  // namespace lps::lammps
