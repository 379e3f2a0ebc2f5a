// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "ExtendedXyz.h"

#include <fstream>
#include <sstream>

#include "lps/Error.h"

namespace lps::benchmark {

Configuration readExtendedXyz(const std::string& path, const DeepPotential& model) {
    std::ifstream file(path);
    std::string line, comment;
    int count = -1;
    if (std::getline(file, line))
        std::istringstream(line) >> count;
    if (count < 0 || !std::getline(file, comment))
        throw Error("benchmark: '" + path +
                    "' is not an extended XYZ file; give one with a number of atoms in its first line");
    Configuration result;
    const std::size_t lattice = comment.find("Lattice=\"");
    if (lattice != std::string::npos) {
        std::istringstream numbers(comment.substr(lattice + 9));
        Matrix3 vectors{};
        for (Vector3& vector : vectors)
            for (double& component : vector)
                numbers >> component;
        result.box = Box(vectors);
    }
    for (int i = 0; i < count; i++) {
        std::string symbol;
        Vector3 position{};
        if (!std::getline(file, line) ||
            !(std::istringstream(line) >> symbol >> position[0] >> position[1] >> position[2]))
            throw Error("benchmark: '" + path + "' ends or cannot be read at atom " + std::to_string(i) +
                        "; give a symbol and three coordinates per line");
        result.types.push_back(model.getTypeIndex(symbol));
        result.positions.push_back(position);
    }
    return result;
}

Configuration makeSupercell(const Configuration& cell, const int repeats[3]) {
    Configuration result;
    Matrix3 vectors = cell.box->getVectors();
    for (int a = 0; a < repeats[0]; a++)
        for (int b = 0; b < repeats[1]; b++)
            for (int c = 0; c < repeats[2]; c++)
                for (std::size_t i = 0; i < cell.positions.size(); i++) {
                    Vector3 x = cell.positions[i];
                    for (int d = 0; d < 3; d++)
                        x[d] += a * vectors[0][d] + b * vectors[1][d] + c * vectors[2][d];
                    result.positions.push_back(x);
                    result.types.push_back(cell.types[i]);
                }
    for (int k = 0; k < 3; k++)
        for (double& component : vectors[k])
            component *= repeats[k];
    result.box = Box(vectors);
    return result;
}

}  // namespace lps::benchmark
