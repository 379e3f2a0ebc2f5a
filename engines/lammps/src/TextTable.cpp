// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "TextTable.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "lps/Error.h"

namespace lps::lammps {

TextTable::TextTable(std::string name, std::string firstLine, bool isContinued, MPI_Comm communicator)
    : path(std::move(name)), header(std::move(firstLine)), mayContinue(isContinued), world(communicator) {
    MPI_Comm_rank(world, &rank);
}

TextTable::~TextTable() {
    if (file)
        std::fclose(file);
}

void TextTable::add(std::int64_t step, const std::string& line) {
    lastStep = step;
    if (rank != 0)
        return;
    if (!file) {
        file = std::fopen(path.c_str(), mayContinue ? "a" : "w");
        if (!file)
            throw Error("pair_style lps: '" + path + "' cannot be written: " + std::strerror(errno) +
                        "; give another file");
        std::fseek(file, 0, SEEK_END);
        if (std::ftell(file) == 0)
            std::fprintf(file, "%s\n", header.c_str());
    }
    std::fprintf(file, "%s\n", line.c_str());
    if (std::fflush(file) != 0)
        throw Error("pair_style lps: '" + path + "' cannot be written: " + std::strerror(errno) + "; make room for it");
}

}  // namespace lps::lammps
