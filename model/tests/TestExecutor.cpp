// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "lps/Error.h"
#include "lps/Executor.h"

namespace lps::testing {
namespace {

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

TEST(Executor, TakesAllThreadsOfTheMachineByDefault) {
    EXPECT_GE(ThreadExecutor().getNumThreads(), 1);
}

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
