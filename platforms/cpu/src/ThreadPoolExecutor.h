// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include "lps/Executor.h"
#include "openmm/internal/ThreadPool.h"

namespace LPSPlugin {

/** The threads of OpenMM's CPU platform, as the model core wants them. */
class ThreadPoolExecutor : public lps::Executor {
public:
    explicit ThreadPoolExecutor(OpenMM::ThreadPool& threadPool) : threads(threadPool) {}

    int getNumThreads() const override { return threads.getNumThreads(); }

    void run(const std::function<void(int)>& task) override {
        threads.execute([&](OpenMM::ThreadPool&, int thread) { task(thread); });
        threads.waitForThreads();
    }

private:
    OpenMM::ThreadPool& threads;
};

}  // namespace LPSPlugin
