// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <utility>

#include "lps/Error.h"
#include "openmm/OpenMMException.h"

namespace LPSPlugin {

/**
 * Call a function of the model core; its errors leave as OpenMMException. The one place where lps::Error is translated:
 * every call from the OpenMM side into the core that may fail goes through here.
 */
template <class Function>
auto translateErrors(Function&& function) -> decltype(std::forward<Function>(function)()) {
    try {
        return std::forward<Function>(function)();
    } catch (const lps::Error& error) {
        throw OpenMM::OpenMMException(error.what());
    }
}

}  // namespace LPSPlugin
