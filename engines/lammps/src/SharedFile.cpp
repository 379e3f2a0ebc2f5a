// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "SharedFile.h"

#include <algorithm>

#include "lps/Error.h"
#include "lps/ModelFile.h"

namespace lps::lammps {

void broadcast(std::string& bytes, MPI_Comm world) {
    unsigned long long size = bytes.size();
    MPI_Bcast(&size, 1, MPI_UNSIGNED_LONG_LONG, 0, world);
    bytes.resize(size);
    constexpr std::size_t most = 1 << 30;  // counts of MPI are int
    for (std::size_t begin = 0; begin < bytes.size(); begin += most)
        MPI_Bcast(bytes.data() + begin, static_cast<int>(std::min(most, bytes.size() - begin)), MPI_BYTE, 0, world);
}

std::string readSharedFile(const std::string& path, MPI_Comm world) {
    int rank = 0;
    MPI_Comm_rank(world, &rank);
    std::string bytes, problem;
    if (rank == 0) {
        try {
            bytes = readFileBytes(path);
        } catch (const Error& error) {
            problem = error.what();
        }
    }
    broadcast(problem, world);
    if (!problem.empty())
        throw Error(problem);
    broadcast(bytes, world);
    return bytes;
}

std::uint64_t hashBytes(const std::string& bytes) {
    std::uint64_t hash = 14695981039346656037ULL;
    for (unsigned char byte : bytes)
        hash = (hash ^ byte) * 1099511628211ULL;
    return hash;
}

}  // namespace lps::lammps
