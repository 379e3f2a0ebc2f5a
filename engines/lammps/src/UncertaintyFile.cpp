// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "UncertaintyFile.h"

#include <algorithm>
#include <cinttypes>
#include <limits>

namespace lps::lammps {

UncertaintyFile::UncertaintyFile(const std::string& path, bool mayContinue, MPI_Comm world)
    : table(path, "#       step     max_unc_f     avg_unc_f     max_grade         atom beyond", mayContinue, world) {}

void UncertaintyFile::write(std::int64_t step, const AtomUncertainties& found, const std::vector<std::int64_t>& ids,
                            double energyUnit) {
    double sums[3] = {static_cast<double>(found.forces.size()), 0.0, 0.0};  // atoms, uncertainties, atoms beyond 1
    double largest[2] = {0.0, -1.0};                                        // uncertainty, grade
    std::int64_t worst = std::numeric_limits<std::int64_t>::max();
    for (std::size_t i = 0; i < found.forces.size(); i++) {
        sums[1] += found.forces[i];
        sums[2] += found.grades[i] > 1.0;
        largest[0] = std::max(largest[0], found.forces[i]);
        if (found.grades[i] > largest[1]) {
            largest[1] = found.grades[i];
            worst = ids[i];
        }
    }
    const double grade = largest[1];
    MPI_Allreduce(MPI_IN_PLACE, sums, 3, MPI_DOUBLE, MPI_SUM, table.getWorld());
    MPI_Allreduce(MPI_IN_PLACE, largest, 2, MPI_DOUBLE, MPI_MAX, table.getWorld());
    if (grade != largest[1])
        worst = std::numeric_limits<std::int64_t>::max();
    MPI_Allreduce(MPI_IN_PLACE, &worst, 1, MPI_INT64_T, MPI_MIN, table.getWorld());
    if (sums[0] == 0.0)
        return;
    char line[128];
    std::snprintf(line, sizeof line, "%12" PRId64 " %13.6e %13.6e %13.6e %12" PRId64 " %6.0f", step,
                  energyUnit * largest[0], energyUnit * sums[1] / sums[0], largest[1], worst, sums[2]);
    table.add(step, line);
}

}  // namespace lps::lammps
