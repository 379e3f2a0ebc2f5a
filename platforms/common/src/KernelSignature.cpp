// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "KernelSignature.h"

#include <cctype>
#include <sstream>

#include "openmm/OpenMMException.h"

namespace LPSPlugin {

using std::string;
using std::to_string;
using std::vector;

namespace {

/** Such as `GLOBAL const real4* RESTRICT posq` or `unsigned int flags`. */
KernelArgument parseParameter(string text) {
    KernelArgument parameter;
    const std::size_t star = text.find('*');
    parameter.isArray = star != string::npos;
    if (parameter.isArray)
        text[star] = ' ';
    std::istringstream words(text);
    vector<string> kept;
    for (string word; words >> word;)
        if (word != "GLOBAL" && word != "const" && word != "unsigned" && word.find("RESTRICT") == string::npos)
            kept.push_back(word);
    if (kept.size() == 2) {
        parameter.type = kept[0];
        parameter.name = kept[1];
    }
    return parameter;
}

int getSize(const string& type, const NumberSizes& sizes) {
    const bool isVector = std::isdigit(static_cast<unsigned char>(type.back())) != 0;
    const string scalar = isVector ? type.substr(0, type.size() - 1) : type;
    const int size = scalar == "real"                              ? sizes.real
                     : scalar == "mixed"                           ? sizes.mixed
                     : scalar == "mm_long" || scalar == "mm_ulong" ? 8
                                                                   : 4;
    return size * (isVector ? type.back() - '0' : 1);
}

string describeArray(int elementSize) {
    return "an array of " + to_string(elementSize) + "-byte elements";
}

}  // namespace

vector<KernelArgument> parseSignature(const string& source, const string& kernel) {
    std::size_t begin = string::npos;
    for (const char* keyword :
         {"KERNEL void ", "LPS_STAGE ", "LPS_LAYER_KERNEL ", "LPS_PAIR_KERNEL ", "LPS_FORCE_KERNEL "}) {
        const string head = keyword + kernel + "(";
        if (begin == string::npos && source.find(head) != string::npos)
            begin = source.find(head) + head.size();
    }
    const std::size_t end = begin == string::npos ? begin : source.find(')', begin);
    if (end == string::npos)
        throw OpenMM::OpenMMException("LPSForce: there is no kernel '" + kernel +
                                      "' in the program; this is a fault of the plugin, please report it.");
    vector<KernelArgument> signature;
    std::istringstream parameters(source.substr(begin, end - begin));
    for (string text; std::getline(parameters, text, ',');)
        signature.push_back(parseParameter(text));
    return signature;
}

void checkArguments(const string& kernel, const vector<KernelArgument>& signature, const vector<KernelArgument>& given,
                    const NumberSizes& sizes) {
    const auto fail = [&](const string& argument, const string& expected, const string& actual) {
        throw OpenMM::OpenMMException("LPSForce: " + argument + " of kernel '" + kernel + "' must be " + expected +
                                      ", but " + actual +
                                      " was given; this is a fault of the plugin, please report it.");
    };
    if (signature.size() != given.size())
        fail("the number of arguments", to_string(signature.size()), to_string(given.size()));
    for (std::size_t i = 0; i < given.size(); i++) {
        const KernelArgument &wanted = signature[i], &actual = given[i];
        const int size = wanted.type.empty() ? 0 : getSize(wanted.type, sizes);
        const bool agrees = wanted.isArray == actual.isArray &&
                            (wanted.isArray ? size == actual.elementSize : wanted.type == actual.type);
        if (!agrees)
            fail("argument " + to_string(i + 1) + " (" + wanted.name + ")",
                 wanted.isArray ? describeArray(size) + " (" + wanted.type + ")" : wanted.type,
                 actual.isArray ? describeArray(actual.elementSize) : actual.type);
    }
}

}  // namespace LPSPlugin
