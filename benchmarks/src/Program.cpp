// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "Program.h"

#include <cstdio>
#include <cstdlib>

#include "lps/Error.h"

namespace lps::benchmark {

double since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

Arguments::Arguments(int count, char** values, int numFixed) : argc(count), argv(values), at(1 + numFixed) {}

bool Arguments::next() {
    if (at >= argc)
        return false;
    name = argv[at++];
    return true;
}

std::string Arguments::takeText() {
    if (at >= argc)
        throw Error("benchmark: " + name + " needs a value; see --help");
    return argv[at++];
}

int Arguments::takeInteger() {
    return std::atoi(takeText().c_str());
}

double Arguments::takeNumber() {
    return std::atof(takeText().c_str());
}

void Arguments::refuse() const {
    throw Error("benchmark: unknown option '" + name + "'; see --help");
}

int runProgram(int argc, char** argv, int numFixed, const char* help, const std::function<void(Arguments&)>& run) {
    const bool asked = argc == 2 && std::string(argv[1]) == "--help";
    if (asked || argc <= numFixed) {
        std::fputs(help, asked ? stdout : stderr);
        return asked ? 0 : 2;
    }
    try {
        Arguments arguments(argc, argv, numFixed);
        run(arguments);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}

}  // namespace lps::benchmark
