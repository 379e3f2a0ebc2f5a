// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace LPSPlugin {

/**
 * What one LPSForce costs on a device: memory, launches and, where it is asked for, time per kernel.
 *
 * The environment variable OPENMM_LPS_PROFILE names a file. If it is set, the host waits for the device before and
 * after every kernel, which makes small systems slower, and a line of JSON is appended to the file when the Context is
 * deleted:
 *
 *     {"evaluations": 10, "bytes": 1048576,
 *      "kernels": {"forwardLayer": {"launches": 40, "timed": 39, "seconds": 0.5}}}
 */
class DeviceUsage {
public:
    struct Kernel {
        long long launches = 0;
        long long timed = 0;  ///< launches whose time is in seconds: all but the first, in which OpenCL compiles
        double seconds = 0.0;
    };

    /** @throws OpenMMException if OPENMM_LPS_PROFILE names a file that cannot be written */
    DeviceUsage();
    ~DeviceUsage();
    DeviceUsage(const DeviceUsage&) = delete;
    DeviceUsage& operator=(const DeviceUsage&) = delete;

    bool isTimed() const { return !file.empty(); }

    void countEvaluation() { evaluations++; }

    /** @return where to count the launches of a kernel; kernels of the same name share it */
    Kernel& getKernel(const std::string& name) { return kernels[name]; }

    /** Note the size of an array; the last note for it counts. */
    void setBytes(const void* array, std::size_t size) { bytes[array] = size; }

private:
    std::string file;
    long long evaluations = 0;
    std::map<std::string, Kernel> kernels;
    std::map<const void*, std::size_t> bytes;
};

}  // namespace LPSPlugin
