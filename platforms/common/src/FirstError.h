// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <atomic>
#include <exception>
#include <string>

#include "openmm/OpenMMException.h"

namespace LPSPlugin {

/**
 * The error of an evaluation that several threads work on. OpenMM's threads hand on an OpenMMException, anything else
 * would end the process; and of several errors OpenMM would throw one now and the next in a later evaluation, so only
 * the first one leaves.
 */
class FirstError {
public:
    /**
     * Do a thread's part of the work.
     *
     * @throws OpenMMException for whatever the work throws first, on any thread
     */
    template <class Work>
    void guard(const Work& work) {
        try {
            work();
        } catch (const std::exception& error) {
            report(error.what());
        } catch (...) {
            report("an error without a message");
        }
    }

private:
    void report(const std::string& message) {
        if (seen.exchange(true))
            return;
        const bool isOurs = message.rfind("LPSForce", 0) == 0;
        throw OpenMM::OpenMMException(isOurs ? message : "LPSForce, on one of several devices: " + message);
    }

    std::atomic<bool> seen{false};
};

}  // namespace LPSPlugin
