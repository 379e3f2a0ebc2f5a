// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "lps/Executor.h"

#include <unistd.h>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "fast/AvailableThreads.h"
#include "lps/Error.h"

namespace lps {

void Executor::runGuarded(const std::function<void(int)>& task) {
    std::vector<std::exception_ptr> failures(getNumThreads());
    run([&](int thread) {
        try {
            task(thread);
        } catch (...) {
            failures[thread] = std::current_exception();
        }
    });
    for (const std::exception_ptr& failure : failures)
        if (failure)
            std::rethrow_exception(failure);
}

struct ThreadExecutor::Pool {
    explicit Pool(int numThreads) {
        try {
            for (int index = 1; index < numThreads; index++)
                threads.emplace_back([this, index] { work(index); });
        } catch (const std::system_error& error) {
            stop();
            throw Error("ThreadExecutor: cannot start " + std::to_string(numThreads) + " threads (" + error.what() +
                        "); ask for fewer.");
        } catch (...) {
            stop();
            throw;
        }
    }

    ~Pool() { stop(); }

    void stop() {
        {
            std::lock_guard<std::mutex> guard(lock);
            stopping = true;
        }
        started.notify_all();
        for (std::thread& thread : threads)
            thread.join();
    }

    bool isOfThisProcess() const { return process == getpid(); }

    void work(int index) {
        unsigned long seen = 0;
        while (true) {
            const std::function<void(int)>* current;
            {
                std::unique_lock<std::mutex> guard(lock);
                started.wait(guard, [&] { return stopping || round != seen; });
                if (stopping)
                    return;
                seen = round;
                current = task;
            }
            (*current)(index);
            {
                std::lock_guard<std::mutex> guard(lock);
                running--;
            }
            finished.notify_one();
        }
    }

    void run(const std::function<void(int)>& newTask) {
        {
            std::lock_guard<std::mutex> guard(lock);
            task = &newTask;
            running = static_cast<int>(threads.size());
            round++;
        }
        started.notify_all();
        newTask(0);
        std::unique_lock<std::mutex> guard(lock);
        finished.wait(guard, [&] { return running == 0; });
    }

    const pid_t process = getpid();
    std::vector<std::thread> threads;
    std::mutex lock;
    std::condition_variable started, finished;
    const std::function<void(int)>* task = nullptr;
    unsigned long round = 0;
    int running = 0;
    bool stopping = false;
};

ThreadExecutor::ThreadExecutor(int numThreads) {
    if (numThreads < 0)
        throw Error("ThreadExecutor: the number of threads is " + std::to_string(numThreads) +
                    "; give a positive number, or 0 for all that the process may use.");
    pool = std::make_unique<Pool>(numThreads > 0 ? numThreads : getAvailableThreads());
}

// The pool of another process is left alone, not destroyed: its threads cannot be joined here, and its lock may be
// taken.

ThreadExecutor::~ThreadExecutor() {
    if (!pool->isOfThisProcess())
        static_cast<void>(pool.release());
}

int ThreadExecutor::getNumThreads() const {
    return static_cast<int>(pool->threads.size()) + 1;
}

void ThreadExecutor::run(const std::function<void(int)>& task) {
    if (!pool->isOfThisProcess()) {
        auto newPool = std::make_unique<Pool>(getNumThreads());
        static_cast<void>(pool.release());
        pool = std::move(newPool);
    }
    pool->run(task);
}

}  // namespace lps
