// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <functional>
#include <memory>

namespace lps {

/**
 * @file Executor.h
 * Where parallel work runs. The model core never creates threads on its own: whoever calls it hands an executor over,
 * such as an adapter of the thread pool that the host program already has.
 */
class Executor {
public:
    virtual ~Executor() = default;

    /** Number of threads that run() uses, at least 1; the same in every call. */
    virtual int getNumThreads() const = 0;

    /**
     * Call task(0) .. task(getNumThreads() - 1), each once, and return when all have returned. Which thread makes a
     * call, and whether calls overlap, is up to the executor.
     * @param task must not throw
     */
    virtual void run(const std::function<void(int)>& task) = 0;

    /**
     * As run(), but the task may throw: all calls are made, then the exception of the lowest index is thrown again.
     */
    void runGuarded(const std::function<void(int)>& task);
};

/** Runs everything in the calling thread. */
class SerialExecutor : public Executor {
public:
    int getNumThreads() const override { return 1; }
    void run(const std::function<void(int)>& task) override { task(0); }
};

/**
 * A pool of standard threads; the calling thread takes index 0. Not for use from several threads at once. In a process
 * forked from the one that made it, where its threads do not exist, it starts new ones at the next run().
 */
class ThreadExecutor : public Executor {
public:
    /**
     * @param numThreads 0: what OPENMM_CPU_THREADS says if it is set, else as many as the affinity mask and the control
     * groups of the process allow
     * @throws Error if negative, if the threads cannot be started, or if OPENMM_CPU_THREADS is needed and no number
     */
    explicit ThreadExecutor(int numThreads = 0);
    ~ThreadExecutor() override;
    ThreadExecutor(const ThreadExecutor&) = delete;
    ThreadExecutor& operator=(const ThreadExecutor&) = delete;

    /** As Executor::getNumThreads(); the same in a forked process. */
    int getNumThreads() const override;

    /** As Executor::run(). @throws Error in a forked process, if new threads cannot be started there */
    void run(const std::function<void(int)>& task) override;

private:
    struct Pool;
    std::unique_ptr<Pool> pool;
};

}  // namespace lps
