// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "fast/Targets.h"

#include <cstdlib>

#include "lps/Error.h"

namespace lps::fast {

namespace {

/** Whether this machine can run what Highway compiles for an instruction set. */
bool isSupported(const std::string& name) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
    const bool sse4 =
        __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("aes");
    if (name == "SSE4")
        return sse4;
    const bool avx2 = sse4 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c");
    if (name == "AVX2")
        return avx2;
    if (name == "AVX512")
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512cd");
#endif
    return name == "NEON" || name == "SCALAR";
}

}  // namespace

std::vector<std::string> getSupportedTargets() {
    std::vector<std::string> names;
    for (const auto& target : getCompiledTargets<float>())
        if (isSupported(target.name))
            names.push_back(target.name);
    return names;
}

template <typename T>
const Kernels<T>& getKernels(const std::string& requested) {
    std::string name = requested;
    const char* variable = std::getenv("LPS_SIMD");
    if (name.empty() && variable)
        name = variable;
    for (const auto& target : getCompiledTargets<T>())
        if (isSupported(target.name) && (name.empty() || name == target.name))
            return *target.kernels;
    std::string list;
    for (const std::string& supported : getSupportedTargets())
        list += (list.empty() ? "" : ", ") + supported;
    throw Error("fast evaluator: the instruction set '" + name + "' is not available on this machine; use one of " +
                list + ", or leave LPS_SIMD unset");
}

template const Kernels<float>& getKernels<float>(const std::string&);
template const Kernels<double>& getKernels<double>(const std::string&);

}  // namespace lps::fast
