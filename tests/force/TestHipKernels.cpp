// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/**
 * @file TestHipKernels.cpp
 * Compiles every program of the HIP platform with clang for one architecture, prints registers and judges spills. Needs
 * no GPU, no driver and no ROCm but HIP's headers. ROCm's own compiler is newer, so its registers may differ.
 *
 * With ROCm's device libraries functions are inlined as on a GPU. Without them each is a call, which takes a stack, all
 * registers and spills of its own.
 *
 * Usage: TestHipKernels LIBRARY_OF_OPENMM_HIP COMPILER INCLUDE_FOLDER ARCHITECTURE [FOLDER_OF_DEVICE_LIBRARIES], with
 * an architecture such as gfx90a
 */

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include "support/DevicePrograms.h"

using namespace LPSPlugin;
using namespace LPSPlugin::testing;
using std::string;

namespace {

/** The options of HipContext::createModule() of OpenMM 8.6, and what ROCm's run-time compiler includes by itself. */
string makeCommand(const string& compiler, const string& headers, const string& architecture, const string& libraries,
                   const string& source) {
    return "'" + compiler + "' -x hip --cuda-device-only --offload-arch=" + architecture +
           (libraries.empty() ? " -nogpulib" : " --rocm-device-lib-path='" + libraries + "'") +
           " -nogpuinc -D__HIP_PLATFORM_AMD__ -idirafter '" + headers +
           "' -include __clang_hip_runtime_wrapper.h -include hip/hip_runtime.h -O3 -ffast-math -munsafe-fp-atomics "
           "--gpu-max-threads-per-block=256 -w -S -o '" +
           source + ".s' '" + source + "'";
}

/**
 * Registers that a kernel may spill. In double precision the forces are short of some; RDNA (gfx10 to gfx12) takes 16
 * times longer for doubles than for floats anyway.
 */
int allowSpill(const string& architecture, Precision precision, bool hasLibraries) {
    if (!hasLibraries)
        return 15;
    if (precision != Precision::Double)
        return 0;
    return architecture.rfind("gfx1", 0) == 0 ? 64 : 15;
}

/** Prints a line for each kernel of a program. @return whether there are any, and none spills more than that */
bool checkKernels(const string& label, const string& file, int allowedSpill) {
    std::ifstream stream(file);
    const string text{std::istreambuf_iterator<char>(stream), {}};
    int kernels = 0;
    bool good = true;
    const std::size_t metadata = text.find("amdhsa.kernels:");
    if (metadata == string::npos)
        return false;
    // Arguments have names too, with more indentation than the kernel's own.
    const std::regex ownName(
        "\n    \\.name: +(\\w+)[^]*?\n    \\.vgpr_count: +(\\d+)\n    \\.vgpr_spill_count: +(\\d+)");
    for (std::sregex_iterator match(text.begin() + metadata, text.end(), ownName), end; match != end; ++match) {
        std::printf("%-44s %-20s %4s registers %5s spilled\n", label.c_str(), (*match)[1].str().c_str(),
                    (*match)[2].str().c_str(), (*match)[3].str().c_str());
        kernels++;
        good = good && std::stoi((*match)[3].str()) <= allowedSpill;
    }
    return good && kernels > 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5 && argc != 6) {
        std::fprintf(stderr, "usage: %s LIBRARY_OF_OPENMM_HIP COMPILER INCLUDE_FOLDER ARCHITECTURE [FOLDER]\n",
                     argv[0]);
        return 2;
    }
    const OpenMMSources sources(argv[1], "HipKernelSources");
    const string file =
        (std::filesystem::temp_directory_path() / ("lps-hip-" + std::to_string(getpid()) + ".hip")).string();
    const string libraries = argc == 6 ? argv[5] : "";
    const string command = makeCommand(argv[2], argv[3], argv[4], libraries, file);
    const ModelShape shape = {3, 100, 16, 100, false, true};
    int failures = 0, programs = 0;
    // Mixed differs from single in positions only, which OpenCL and CUDA compile.
    for (Precision precision : {Precision::Single, Precision::Double})
        for (const char* kind : {"gpu-small", "gpu-large"}) {
            const int allowed = allowSpill(argv[4], precision, !libraries.empty());
            const DeviceSettings settings = getDeviceSettings(kind, precision == Precision::Double);
            for (const auto& [label, program] : listPrograms(settings, shape, precision)) {
                const string full = string(argv[4]) + " " + getName(precision) + " " + kind + " " + label;
                std::ofstream(file) << sources.assemble(program, precision);
                programs++;
                if (std::system(command.c_str()) != 0 || !checkKernels(full, file + ".s", allowed)) {
                    std::printf("%s: does not compile, or spills more than %d registers\n", full.c_str(), allowed);
                    failures++;
                }
                std::filesystem::remove(file + ".s");
            }
        }
    std::filesystem::remove(file);
    std::printf("%d of %d programs do not compile or spill registers\n", failures, programs);
    return failures == 0 && programs > 0 ? 0 : 1;
}
