// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/**
 * @file TestCudaKernels.cpp
 * Compiles every program of the CUDA platform with NVRTC for several architectures and prints registers and spills.
 * Needs no GPU and no driver: OpenMM's own part of the source is read from libOpenMMCUDA, which loads lazily with an
 * empty library in the place of the driver's.
 *
 * Usage: TestCudaKernels LIBRARY_OF_OPENMM_CUDA [ARCHITECTURE...], such as sm_90
 */

#include <dlfcn.h>
#include <nvrtc.h>

#include <cstdio>
#include <regex>
#include <string>
#include <vector>

#include "KernelPrograms.h"

using namespace LPSPlugin;
using std::string;
using std::vector;

namespace {

enum class Precision { Single, Mixed, Double };

/** What OpenMM's CUDA platform puts before a kernel's source: CudaContext::createModule() and compileProgram() of
 * OpenMM 8.6. */
string assemble(const KernelProgram& program, Precision precision, const string& common, const string& vectorOps) {
    const bool isDouble = precision == Precision::Double;
    string text;
    const auto define = [&](const string& name, const string& value) {
        text += "#define " + name + " " + value + "\n";
    };
    for (const char* width : {"2", "3", "4"}) {
        define(string("make_real") + width, (isDouble ? "make_double" : "make_float") + string(width));
        define(string("make_mixed") + width,
               (precision != Precision::Single ? "make_double" : "make_float") + string(width));
    }
    if (isDouble)
        define("USE_DOUBLE_PRECISION", "1");
    if (precision == Precision::Mixed)
        define("USE_MIXED_PRECISION", "1");
    for (const char* name : {"sqrt", "rsqrt", "exp", "log", "pow", "cos", "sin", "tan", "acos", "asin", "atan", "erf",
                             "erfc", "fma", "fabs"}) {
        string upper = name;
        for (char& c : upper)
            c = static_cast<char>(std::toupper(c));
        define(upper, string(name) + (isDouble ? "" : "f"));
    }
    define("RECIP", isDouble ? "1.0/" : "1.0f/");
    define("SYNC_WARPS", "__syncwarp();");
    for (const char* kind : {"real", "mixed"}) {
        const bool wide = isDouble || (string(kind) == "mixed" && precision == Precision::Mixed);
        for (const char* width : {"", "2", "3", "4"})
            text += string("typedef ") + (wide ? "double" : "float") + width + " " + kind + width + ";\n";
    }
    text += "typedef unsigned int tileflags;\n" + common + "\n";
    for (const auto& [name, value] : program.defines)
        define(name, value);
    return text + vectorOps + program.source;
}

/** Bytes of registers that a kernel may spill: one number in the virial of double precision, which few ask for. */
constexpr int allowedSpill = 16;

/**
 * Prints a line for each kernel.
 *
 * @return whether it compiled and, if that is asked for, no kernel spills more than a number or two
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
        "spill "
        "loads[^]*?Used (\\d+) registers");
    int kernels = 0;
    bool spills = false;
    for (std::sregex_iterator match(log.begin(), log.end(), kernelLine), end; match != end; ++match, kernels++) {
        spills = spills || std::stoi((*match)[3].str()) > allowedSpill;
        std::printf("%-40s %-7s %-20s %4s registers %6s bytes stack %6s spilled\n", label.c_str(), architecture.c_str(),
                    (*match)[1].str().c_str(), (*match)[5].str().c_str(), (*match)[2].str().c_str(),
                    (*match)[3].str().c_str());
    }
    if (kernels == 0)
        std::printf("%s %s: no kernel found in the compiler's report\n%s\n", label.c_str(), architecture.c_str(),
                    log.c_str());
    return kernels > 0 && !(spills && refuseSpills);
}

const string* findText(void* library, const char* name) {
    return static_cast<const string*>(dlsym(library, name));
}

struct LabelledProgram {
    string label;
    KernelProgram program;
};

/** Every program that the host code can ask for, for one shape of model and one kind of device. */
vector<LabelledProgram> listPrograms(const DeviceSettings& settings, const ModelShape& shape, bool isMixed) {
    vector<LabelledProgram> programs;
    for (bool periodic : {true, false}) {
        const string box = periodic ? "box" : "nobox";
        for (bool oneGroup : {false, true}) {
            const string name = "list " + box + (oneGroup ? " one group" : "");
            programs.push_back(
                {name, makeNeighborListProgram(settings, shape.numTypes, 1, periodic, isMixed, oneGroup)});
            programs.push_back(
                {name + " parallel", makeNeighborListProgram(settings, shape.numTypes, 2, periodic, false, oneGroup)});
        }
    }
    for (bool compressed : {false, true}) {
        ModelShape variant = shape;
        variant.isCompressed = compressed;
        programs.push_back({compressed ? "descriptor grids" : "descriptor", makeDescriptorProgram(settings, variant)});
    }
    programs.push_back({"fitting", makeFittingProgram(settings, shape)});
    programs.push_back({"forces", makeForceProgram(settings, shape, false)});
    programs.push_back({"virial", makeForceProgram(settings, shape, true)});
    return programs;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: %s LIBRARY_OF_OPENMM_CUDA [ARCHITECTURE...]\n", argv[0]);
        return 2;
    }
    void* library = dlopen(argv[1], RTLD_LAZY);
    if (library == nullptr) {
        std::printf("%s\n", dlerror());
        return 1;
    }
    const string* common = findText(library, "_ZN6OpenMM17CudaKernelSources6commonB5cxx11E");
    const string* vectorOps = findText(library, "_ZN6OpenMM17CudaKernelSources9vectorOpsB5cxx11E");
    if (common == nullptr || vectorOps == nullptr) {
        std::printf("%s has no kernel sources; is it OpenMM 8.6?\n", argv[1]);
        return 1;
    }
    vector<string> architectures(argv + 2, argv + argc);
    if (architectures.empty())
        architectures = {"sm_80", "sm_90", "sm_120"};
    const vector<string> kinds = {"gpu-small", "gpu-large", "cpu"};
    const ModelShape shapes[] = {{3, 100, 16, 100, false}, {1, 17, 3, 40, false}};
    int failures = 0;
    for (const string& architecture : architectures)
        for (Precision precision : {Precision::Single, Precision::Mixed, Precision::Double})
            for (const string& kind : kinds)
                for (const ModelShape& shape : shapes) {
                    const bool usual = shape.embeddingWidth == 100 && kind != "cpu";
                    const DeviceSettings settings = getDeviceSettings(kind, precision == Precision::Double);
                    for (const auto& [label, program] : listPrograms(settings, shape, precision == Precision::Mixed)) {
                        // The odd shape is there for its remainders, the kind for processors because it can be forced:
                        // one architecture shows both.
                        if (!usual && architecture != "sm_80")
                            continue;
                        const char* names[] = {"single", "mixed", "double"};
                        const string full = string(names[static_cast<int>(precision)]) + " " + kind + " " +
                                            (shape.embeddingWidth == 100 ? "" : "odd ") + label;
                        if (!compile(full, assemble(program, precision, *common, *vectorOps), architecture, usual))
                            failures++;
                    }
                }
    std::printf("%d programs do not compile or spill registers\n", failures);
    return failures == 0 ? 0 : 1;
}
