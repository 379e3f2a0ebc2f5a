// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <array>
#include <chrono>

#include "lps/EvaluationReport.h"

namespace lps::fast {

/** Adds up the time between calls by stage. */
class StageClock {
public:
    bool enabled = false;
    std::array<double, numStages> seconds{};

    void start() {
        if (enabled)
            last = std::chrono::steady_clock::now();
    }
    void stop(Stage stage) {
        if (!enabled)
            return;
        const auto now = std::chrono::steady_clock::now();
        seconds[static_cast<int>(stage)] += std::chrono::duration<double>(now - last).count();
        last = now;
    }

private:
    std::chrono::steady_clock::time_point last;
};

}  // namespace lps::fast
