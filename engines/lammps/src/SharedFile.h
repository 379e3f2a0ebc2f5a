// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <mpi.h>

#include <cstdint>
#include <string>

namespace lps::lammps {

/**
 * Bytes of a file, read by rank 0 and sent to all.
 * @throws Error on every rank if rank 0 cannot read it
 */
std::string readSharedFile(const std::string& path, MPI_Comm world);

/** Send bytes from rank 0 to all. */
void broadcast(std::string& bytes, MPI_Comm world);

/** FNV-1a of bytes: tells whether a file is the one of before, not who wrote it. */
std::uint64_t hashBytes(const std::string& bytes);

}  // namespace lps::lammps
