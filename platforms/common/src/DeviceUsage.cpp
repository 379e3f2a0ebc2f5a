// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "DeviceUsage.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "openmm/OpenMMException.h"

namespace LPSPlugin {

DeviceUsage::DeviceUsage() {
    const char* name = std::getenv("OPENMM_LPS_PROFILE");
    if (name == nullptr || name[0] == '\0')
        return;
    if (!std::ofstream(name, std::ios::app))
        throw OpenMM::OpenMMException("OPENMM_LPS_PROFILE: the file '" + std::string(name) +
                                      "' cannot be written; name one in a folder that exists, or unset the variable.");
    file = name;
}

DeviceUsage::~DeviceUsage() {
    if (!isTimed())
        return;
    std::size_t total = 0;
    for (const auto& entry : bytes)
        total += entry.second;
    std::ostringstream line;
    line << "{\"evaluations\": " << evaluations << ", \"bytes\": " << total << ", \"kernels\": {";
    const char* separator = "";
    for (const auto& [name, kernel] : kernels) {
        line << separator << "\"" << name << "\": {\"launches\": " << kernel.launches << ", \"timed\": " << kernel.timed
             << ", \"seconds\": " << kernel.seconds << "}";
        separator = ", ";
    }
    line << "}}\n";
    std::ofstream(file, std::ios::app) << line.str();
}

}  // namespace LPSPlugin
