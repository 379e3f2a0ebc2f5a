// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "fast/AvailableThreads.h"

#ifdef __linux__
#include <sched.h>
#endif

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <thread>

#include "lps/Error.h"

namespace lps {

namespace {

/** @return 0 if the variable is not set, empty or 0 */
int readThreadsVariable() {
    const char* text = std::getenv("OPENMM_CPU_THREADS");
    if (!text || !*text)
        return 0;
    char* end = nullptr;
    errno = 0;
    const long number = std::strtol(text, &end, 10);
    if (*end || errno || number < 0 || number > std::numeric_limits<int>::max())
        throw Error("ThreadExecutor: the environment variable OPENMM_CPU_THREADS is '" + std::string(text) +
                    "'; give a number of threads, or unset it.");
    return static_cast<int>(number);
}

int countProcessors() {
#ifdef __linux__
    // More than 1024 processors need a larger set than cpu_set_t.
    for (int size = CPU_SETSIZE; size <= 1 << 20; size *= 2) {
        cpu_set_t* set = CPU_ALLOC(size);
        if (!set)
            break;
        const std::size_t bytes = CPU_ALLOC_SIZE(size);
        const int error = sched_getaffinity(0, bytes, set) == 0 ? 0 : errno;
        const int count = error ? 0 : CPU_COUNT_S(bytes, set);
        CPU_FREE(set);
        if (!error)
            return count;
        if (error != EINVAL)
            break;
    }
#endif
    return static_cast<int>(std::thread::hardware_concurrency());
}

}  // namespace

int readCpuQuota(const std::string& root, const std::string& groups) {
    std::istringstream lines(groups);
    std::string line, group;
    bool found = false;
    while (std::getline(lines, line))
        if (line.rfind("0::", 0) == 0) {
            group = line.substr(3);
            found = true;
        }
    if (!found)
        return 0;
    double smallest = 0.0;
    for (group = group == "/" ? "" : group;; group.resize(group.rfind('/'))) {
        std::ifstream file(root + group + "/cpu.max");
        double quota = 0.0, period = 0.0;  // "max" instead of a quota is no number, and no limit
        if (file >> quota >> period && quota > 0.0 && period > 0.0)
            smallest = smallest > 0.0 ? std::min(smallest, quota / period) : quota / period;
        if (group.find('/') == std::string::npos)
            break;
    }
    return static_cast<int>(std::ceil(std::min(smallest, 1e6)));
}

int getAvailableThreads() {
    if (const int number = readThreadsVariable())
        return number;
    int number = std::max(1, countProcessors());
    std::ifstream file("/proc/self/cgroup");
    std::ostringstream groups;
    if (file >> groups.rdbuf())
        if (const int quota = readCpuQuota("/sys/fs/cgroup", groups.str()))
            number = std::min(number, quota);
    return number;
}

}  // namespace lps
