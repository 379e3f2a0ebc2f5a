// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/** @file TestKernelPrograms.cpp  What the text of the kernels tells without a device: signatures, and their checks. */

#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "KernelSignature.h"
#include "support/Compare.h"
#include "support/DevicePrograms.h"

using namespace LPSPlugin;
using namespace LPSPlugin::testing;
using std::string;
using std::vector;

namespace {

constexpr ModelShape shape = {3, 100, 16, 100, false, true};

/** Every distinct program text of both kinds of sorting. */
std::set<string> listSources() {
    std::set<string> sources;
    for (const auto& [label, program] : listPrograms(getDeviceSettings("gpu-small", false), shape, Precision::Mixed))
        sources.insert(program.source);
    return sources;
}

vector<string> listMatches(const string& text, const char* pattern) {
    vector<string> matches;
    const std::regex expression(pattern);
    for (std::sregex_iterator match(text.begin(), text.end(), expression), end; match != end; ++match)
        matches.push_back((*match)[1]);
    return matches;
}

TEST(KernelPrograms, everySignatureIsUnderstood) {
    const std::set<string> types = {"int", "int2", "int4", "real", "real2", "real4", "mixed", "mixed4", "mm_ulong"};
    int kernels = 0;
    for (const string& source : listSources())
        for (const string& name : listMatches(source, "(?:KERNEL void|LPS_STAGE|LPS_\\w+_KERNEL) (\\w+)\\(")) {
            kernels++;
            for (const KernelArgument& parameter : parseSignature(source, name)) {
                EXPECT_EQ(types.count(parameter.type), 1u) << name << ": " << parameter.type;
                EXPECT_FALSE(parameter.name.empty()) << name;
            }
        }
    EXPECT_GE(kernels, 16);
}

TEST(KernelPrograms, memoryOfAWorkGroupIsNotRestrict) {
    // Threads write it for each other, which RESTRICT denies: compilers may then move reads across barriers.

    for (const string& source : listSources()) {
        EXPECT_EQ(listMatches(source, "(LOCAL_ARG[^,()]*RESTRICT)"), vector<string>{});
        const vector<string> all = listMatches(source, "KERNEL void sortParticles\\(([^)]*)\\)");
        for (const string written : {"reference", "counters", "gridCounts", "gridVectors", "cells", "counts", "starts",
                                     "unsorted", "sorted", "positions"})
            for (const string& parameters : all)
                EXPECT_FALSE(std::regex_search(parameters, std::regex("RESTRICT\\s+" + written + "\\b"))) << written;
        for (const string& parameters : listMatches(source, "LPS_FORCE_KERNEL contractFewRows\\(([^)]*)\\)"))
            for (const string written : {"neighbors", "numNeighbors", "pairRows", "pairTableRows", "pairPositions",
                                         "pairEntries", "pairCounts", "counters"})
                EXPECT_FALSE(std::regex_search(parameters, std::regex("RESTRICT\\s+" + written + "\\b"))) << written;
    }
}

TEST(KernelPrograms, tilesGiveAllMultiprocessorsEquallyManyBlocks) {
    const DeviceSettings settings = getDeviceSettings("gpu-large", false);
    EXPECT_EQ(fitTileRows(settings, 132), 132 * 128);
    EXPECT_EQ(fitTileRows(settings, 108), 108 * 128);
    EXPECT_EQ(fitTileRows(settings, 20), 6 * 20 * 128);
    EXPECT_EQ(fitTileRows(settings, 0), 16384);
}

TEST(KernelPrograms, wrongArgumentsAreNamed) {
    const string source =
        "KERNEL void move(int first, real scale, real4 cutoffs, mixed limit,\n"
        "    GLOBAL const real4* RESTRICT rows, GLOBAL mm_ulong* sums) {}";
    const KernelArgument integer = {"", "int", false, 0}, real = {"", "real", false, 0},
                         real4 = {"", "real4", false, 0}, mixed = {"", "mixed", false, 0};
    const auto array = [](int bytes) { return KernelArgument{"", "", true, bytes}; };
    const auto check = [&](const vector<KernelArgument>& given) {
        return messageOf([&] { checkArguments("move", parseSignature(source, "move"), given, {4, 8}); });
    };
    EXPECT_EQ(check({integer, real, real4, mixed, array(16), array(8)}), "");
    EXPECT_EQ(check({integer, real, real4, mixed, array(16)}),
              "LPSForce: the number of arguments of kernel 'move' must be 6, but 5 was given; this is a fault of the "
              "plugin, please report it.");
    EXPECT_EQ(check({integer, mixed, real4, mixed, array(16), array(8)}),
              "LPSForce: argument 2 (scale) of kernel 'move' must be real, but mixed was given; this is a fault of the "
              "plugin, please report it.");
    EXPECT_EQ(check({integer, real, real4, mixed, array(32), array(8)}),
              "LPSForce: argument 5 (rows) of kernel 'move' must be an array of 16-byte elements (real4), but an array "
              "of 32-byte elements was given; this is a fault of the plugin, please report it.");
    EXPECT_NE(check({integer, real, real4, mixed, array(16), integer}).find("argument 6 (sums)"), string::npos);
    EXPECT_NE(check({array(4), real, real4, mixed, array(16), array(8)}).find("argument 1 (first)"), string::npos);
    EXPECT_EQ(messageOf([&] { parseSignature(source, "stay"); }),
              "LPSForce: there is no kernel 'stay' in the program; this is a fault of the plugin, please report it.");
}

}  // namespace
