// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "fast/AvailableThreads.h"
#include "lps/Error.h"
#include "lps/Executor.h"

namespace lps::testing {
namespace {

/** Whether the task returns true in a forked process within a few seconds; a child that hangs is killed. */
template <typename Task>
bool succeedsInChild(Task&& task) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(5);
        _exit(task() ? 0 : 1);
    }
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/** Sets OPENMM_CPU_THREADS, and puts back what was there. */
class ThreadsVariable {
public:
    explicit ThreadsVariable(const char* value) {
        const char* before = std::getenv(name);
        hadValue = before != nullptr;
        old = before ? before : "";
        if (value)
            setenv(name, value, 1);
        else
            unsetenv(name);
    }
    ~ThreadsVariable() {
        if (hadValue)
            setenv(name, old.c_str(), 1);
        else
            unsetenv(name);
    }

private:
    static constexpr const char* name = "OPENMM_CPU_THREADS";
    bool hadValue;
    std::string old;
};

bool runsEveryIndex(Executor& executor) {
    std::vector<std::atomic<int>> calls(executor.getNumThreads());
    executor.run([&](int index) { calls[index]++; });
    for (const auto& count : calls)
        if (count != 1)
            return false;
    return true;
}

TEST(Executor, RunsEveryIndexOnceEveryTime) {
    for (int threads : {1, 2, 5}) {
        ThreadExecutor executor(threads);
        ASSERT_EQ(executor.getNumThreads(), threads);
        std::vector<std::atomic<int>> calls(threads);
        for (int round = 1; round <= 200; round++) {
            executor.run([&](int index) { calls[index]++; });
            for (const auto& count : calls)
                ASSERT_EQ(count, round);
        }
    }
}

#ifndef __SANITIZE_THREAD__  // it ends a forked process that starts threads

TEST(Executor, WorksInAForkedProcess) {
    auto executor = std::make_unique<ThreadExecutor>(3);
    EXPECT_TRUE(runsEveryIndex(*executor));
    EXPECT_TRUE(succeedsInChild([&] { return runsEveryIndex(*executor) && runsEveryIndex(*executor); }));
    EXPECT_TRUE(succeedsInChild([&] {
        executor.reset();
        return true;
    })) << "dropping the executor";
    EXPECT_TRUE(succeedsInChild([&] { return succeedsInChild([&] { return runsEveryIndex(*executor); }); }));
    EXPECT_TRUE(runsEveryIndex(*executor)) << "the parent keeps its threads";
}

TEST(Executor, WorksInAProcessForkedWhileItsThreadsWork) {
    ThreadExecutor executor(3);
    std::atomic<bool> done{false}, succeeded{false};
    std::thread forker([&] {
        succeeded = succeedsInChild([&] { return runsEveryIndex(executor); });
        done = true;
    });
    while (!done)
        executor.run([](int) {});
    forker.join();
    EXPECT_TRUE(succeeded);
}

#endif

TEST(Executor, TakesByDefaultWhatTheProcessMayUse) {
    const ThreadsVariable unset(nullptr);
    cpu_set_t before, one;
    ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
    EXPECT_LE(ThreadExecutor().getNumThreads(), CPU_COUNT(&before));
    CPU_ZERO(&one);
    for (int cpu = 0; CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &before))
            CPU_SET(cpu, &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    EXPECT_EQ(ThreadExecutor().getNumThreads(), 1);
    ASSERT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
}

TEST(Executor, ObeysTheVariableOfOpenMM) {
    {
        const ThreadsVariable seven("7");
        EXPECT_EQ(ThreadExecutor().getNumThreads(), 7);
        EXPECT_EQ(ThreadExecutor(2).getNumThreads(), 2);
    }
    for (const char* none : {"", "0"}) {
        const ThreadsVariable unset(none);
        EXPECT_GE(ThreadExecutor().getNumThreads(), 1);
    }
    for (const char* wrong : {"many", "-2", "3.5", "99999999999999999999"}) {
        const ThreadsVariable variable(wrong);
        try {
            ThreadExecutor executor;
            FAIL() << "no error for " << wrong;
        } catch (const Error& error) {
            EXPECT_THAT(error.what(), ::testing::HasSubstr("OPENMM_CPU_THREADS is '" + std::string(wrong) + "'"));
        }
    }
}

TEST(Executor, ReadsTheQuotaOfControlGroups) {
    const std::string folder = ::testing::TempDir() + "lps-cgroup";
    ASSERT_EQ(std::system(("rm -rf '" + folder + "' && mkdir -p '" + folder + "/outer/inner'").c_str()), 0);
    EXPECT_EQ(readCpuQuota(folder, "0::/outer/inner\n"), 0);
    std::ofstream(folder + "/outer/inner/cpu.max") << "max 100000\n";
    EXPECT_EQ(readCpuQuota(folder, "0::/outer/inner\n"), 0);
    std::ofstream(folder + "/outer/cpu.max") << "250000 100000\n";
    EXPECT_EQ(readCpuQuota(folder, "1:cpu:/x\n0::/outer/inner\n"), 3);
    std::ofstream(folder + "/cpu.max") << "50000 100000\n";
    EXPECT_EQ(readCpuQuota(folder, "0::/outer/inner\n"), 1);
    EXPECT_EQ(readCpuQuota(folder, "0::/../elsewhere\n"), 1);
    EXPECT_EQ(readCpuQuota(folder, ""), 0);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they need more address space than is left here

TEST(Executor, SaysSoWhenThreadsCannotBeMade) {
    EXPECT_TRUE(succeedsInChild([] {
        rlimit limit{};
        getrlimit(RLIMIT_AS, &limit);
        limit.rlim_cur = 1 << 30;
        setrlimit(RLIMIT_AS, &limit);
        try {
            ThreadExecutor executor(4000);
        } catch (const Error& error) {
            return std::string(error.what()).find("cannot start 4000 threads") != std::string::npos;
        }
        return false;
    }));
}

#endif

TEST(Executor, PassesTheFirstExceptionOnAfterAllCalls) {
    ThreadExecutor executor(4);
    std::atomic<int> finished{0};
    for (int round = 0; round < 20; round++) {
        finished = 0;
        try {
            executor.runGuarded([&](int index) {
                finished++;
                if (index >= 2)
                    throw Error("index " + std::to_string(index));
            });
            FAIL() << "no error";
        } catch (const Error& error) {
            EXPECT_STREQ(error.what(), "index 2");
        }
        EXPECT_EQ(finished, 4);
    }
}

TEST(Executor, RefusesANegativeNumberOfThreads) {
    try {
        ThreadExecutor executor(-3);
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), ::testing::HasSubstr("the number of threads is -3; give a positive number"));
    }
}

}  // namespace
}  // namespace lps::testing
