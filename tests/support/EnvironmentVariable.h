// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <cstdlib>
#include <string>

namespace LPSPlugin::testing {

/** Sets an environment variable while it lives. */
class EnvironmentVariable {
public:
    EnvironmentVariable(const char* variable, const char* value) : name(variable) { setenv(variable, value, 1); }
    ~EnvironmentVariable() { unsetenv(name.c_str()); }
    EnvironmentVariable(const EnvironmentVariable&) = delete;
    EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

private:
    const std::string name;
};

}  // namespace LPSPlugin::testing
