// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/**
 * @file TestCudaKernels.cpp
 * Compiles every program of the CUDA platform with NVRTC for several architectures and prints registers and spills.
 * Needs no GPU and no driver.
 *
 * Usage: TestCudaKernels LIBRARY_OF_OPENMM_CUDA [ARCHITECTURE...], such as sm_90
 */

#include <nvrtc.h>

#include <cstdio>
#include <regex>
#include <string>
#include <vector>

#include "support/DevicePrograms.h"

using namespace LPSPlugin;
using namespace LPSPlugin::testing;
using std::string;
using std::vector;

namespace {

/** Bytes of local memory of a work group that every OpenCL device has. */
constexpr int allowedLocalMemory = 32768;

/**
 * Prints a line for each kernel.
 *
 * @return whether it compiled and, if that is asked for, no kernel spills registers; false too where one takes more
 * local memory than devices have
 */
bool compile(const string& label, const string& source, const string& architecture, bool refuseSpills) {
    nvrtcProgram program;
    if (nvrtcCreateProgram(&program, source.c_str(), nullptr, 0, nullptr, nullptr) != NVRTC_SUCCESS)
        return false;
    const string arch = "-arch=" + architecture;
    const char* options[] = {arch.c_str(), "--use_fast_math", "--ptxas-options=-v"};
    const bool good = nvrtcCompileProgram(program, 3, options) == NVRTC_SUCCESS;
    size_t size = 0;
    nvrtcGetProgramLogSize(program, &size);
    string log(size, '\0');
    nvrtcGetProgramLog(program, log.data());
    nvrtcDestroyProgram(&program);
    if (!good) {
        std::printf("%s %s: does not compile\n%s\n", label.c_str(), architecture.c_str(), log.c_str());
        return false;
    }
    const std::regex kernelLine(
        "entry function '(\\w+)' for '\\w+'[^]*?(\\d+) bytes stack frame, (\\d+) bytes spill stores, (\\d+) bytes "
        "spill loads[^]*?Used (\\d+) registers([^\n]*)");
    const std::regex localMemory("(\\d+) bytes smem");
    int kernels = 0;
    bool spills = false;
    for (std::sregex_iterator match(log.begin(), log.end(), kernelLine), end; match != end; ++match, kernels++) {
        spills = spills || std::stoi((*match)[3].str()) > 0;
        const string rest = (*match)[6].str();
        std::smatch shared;
        if (std::regex_search(rest, shared, localMemory) && std::stoi(shared[1].str()) > allowedLocalMemory) {
            std::printf("%s %s: %s has %s bytes of local memory\n", label.c_str(), architecture.c_str(),
                        (*match)[1].str().c_str(), shared[1].str().c_str());
            return false;
        }
        std::printf("%-40s %-7s %-20s %4s registers %6s bytes stack %6s spilled\n", label.c_str(), architecture.c_str(),
                    (*match)[1].str().c_str(), (*match)[5].str().c_str(), (*match)[2].str().c_str(),
                    (*match)[3].str().c_str());
    }
    if (kernels == 0)
        std::printf("%s %s: no kernel found in the compiler's report\n%s\n", label.c_str(), architecture.c_str(),
                    log.c_str());
    return kernels > 0 && !(spills && refuseSpills);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: %s LIBRARY_OF_OPENMM_CUDA [ARCHITECTURE...]\n", argv[0]);
        return 2;
    }
    const OpenMMSources sources(argv[1], "CudaKernelSources");
    vector<string> architectures(argv + 2, argv + argc);
    if (architectures.empty())
        architectures = {"sm_80", "sm_90", "sm_120"};
    const vector<string> kinds = {"gpu-small", "gpu-large", "cpu"};
    const ModelShape shapes[] = {{3, 100, 16, 100, false, true}, {1, 17, 3, 40, false, false}};
    int failures = 0;
    for (const string& architecture : architectures)
        for (Precision precision : {Precision::Single, Precision::Mixed, Precision::Double})
            for (const string& kind : kinds)
                for (const ModelShape& shape : shapes) {
                    const bool usual = shape.embeddingWidth == 100 && kind != "cpu";
                    // The odd shape is there for its remainders, the kind for processors because it can be forced: one
                    // architecture shows both, in the precision that has the types of the others.
                    if (!usual && (architecture != "sm_80" || precision != Precision::Mixed))
                        continue;
                    // Mixed differs from single in positions only, which all kinds handle alike.
                    if (usual && precision == Precision::Mixed && kind != "gpu-small")
                        continue;
                    const DeviceSettings settings = getDeviceSettings(kind, precision == Precision::Double);
                    for (const auto& [label, program] : listPrograms(settings, shape, precision)) {
                        const string full = string(getName(precision)) + " " + kind + " " +
                                            (shape.embeddingWidth == 100 ? "" : "odd ") + label;
                        if (!compile(full, sources.assemble(program, precision), architecture, usual))
                            failures++;
                    }
                }
    std::printf("%d programs do not compile or spill registers\n", failures);
    return failures == 0 ? 0 : 1;
}
