// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "support/DevicePrograms.h"

#include <dlfcn.h>

#include <cctype>
#include <stdexcept>

namespace LPSPlugin::testing {

using std::string;
using std::to_string;
using std::vector;

const char* getName(Precision precision) {
    const char* names[] = {"single", "mixed", "double"};
    return names[static_cast<int>(precision)];
}

vector<LabelledProgram> listPrograms(const DeviceSettings& settings, const ModelShape& shape, Precision precision) {
    const bool isMixed = precision == Precision::Mixed;
    vector<LabelledProgram> programs;
    for (bool periodic : {true, false})
        for (bool oneGroup : {false, true}) {
            if (oneGroup && settings.sortedInOneGroup == 0)
                continue;
            const string name = string("list ") + (periodic ? "box" : "nobox") + (oneGroup ? " one group" : "");
            programs.push_back({name, makeNeighborListProgram(settings, shape.numTypes, shape.numTypes, 1, periodic,
                                                              isMixed, oneGroup)});
            programs.push_back(
                {name + " parallel",
                 makeNeighborListProgram(settings, shape.numTypes, 2 * shape.numTypes, 2, periodic, false, oneGroup)});
        }
    for (bool compressed : {false, true}) {
        ModelShape variant = shape;
        variant.isCompressed = compressed;
        programs.push_back({compressed ? "descriptor grids" : "descriptor", makeDescriptorProgram(settings, variant)});
    }
    if (settings.lanes > 1 && settings.sortedInOneGroup > 0)
        for (bool compressed : {false, true}) {
            ModelShape variant = shape;
            variant.isCompressed = compressed;
            programs.push_back(
                {compressed ? "few rows grids" : "few rows", makeFewRowsProgram(settings, variant, 1, true)});
        }
    programs.push_back({"fitting", makeFittingProgram(settings, shape)});
    programs.push_back({"forces", makeForceProgram(settings, shape, false)});
    programs.push_back({"virials", makeForceProgram(settings, shape, true)});
    return programs;
}

OpenMMSources::OpenMMSources(const string& library, const string& className)
    : handle(dlopen(library.c_str(), RTLD_LAZY)),
      scope("_ZN6OpenMM" + to_string(className.size()) + className),
      isHip(className == "HipKernelSources") {
    if (handle == nullptr)
        throw std::runtime_error(dlerror());
    for (const char* name : {"common", "vectorOps"})
        find(name);
}

const string& OpenMMSources::find(const string& name) const {
    const string symbol = scope + to_string(name.size()) + name + "B5cxx11E";
    const auto* text = static_cast<const string*>(dlsym(handle, symbol.c_str()));
    if (text == nullptr)
        throw std::runtime_error("there is no " + symbol + " in the library; is it OpenMM 8.6?");
    return *text;
}

string OpenMMSources::assemble(const KernelProgram& program, Precision precision) const {
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
        define(upper, isHip && !isDouble && upper == "EXP" ? "__expf" : string(name) + (isDouble ? "" : "f"));
    }
    if (isHip) {
        define("USE_HIP", "1");
    } else {
        define("RECIP", isDouble ? "1.0/" : "1.0f/");
        define("SYNC_WARPS", "__syncwarp();");
    }
    for (const char* kind : {"real", "mixed"}) {
        const bool wide = isDouble || (string(kind) == "mixed" && precision == Precision::Mixed);
        for (const char* width : {"", "2", "3", "4"})
            text += string("typedef ") + (wide ? "double" : "float") + width + " " + kind + width + ";\n";
    }
    text += "typedef unsigned int tileflags;\n" + find("common") + "\n";
    for (const auto& [name, value] : program.defines)
        define(name, value);
    if (isHip)
        text += find("intrinsics") + "\n";
    return text + find("vectorOps") + program.source;
}

}  // namespace LPSPlugin::testing
