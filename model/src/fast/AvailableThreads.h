// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <string>

namespace lps {

/**
 * Threads that a process should start when nobody says how many: the environment variable OPENMM_CPU_THREADS if it is
 * set and not 0, else the processors that the affinity mask and the control groups of the process leave it.
 * @return at least 1
 * @throws Error if the variable holds something else than a number
 */
int getAvailableThreads();

/**
 * The smallest quota of processor time of a control group (version 2) and those around it.
 * @param root   where the hierarchy is mounted
 * @param groups what /proc/self/cgroup says
 * @return processors, rounded up; 0: no quota
 */
int readCpuQuota(const std::string& root, const std::string& groups);

}  // namespace lps
