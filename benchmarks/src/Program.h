// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace lps::benchmark {

using Clock = std::chrono::steady_clock;

/** Seconds from a moment until now. */
double since(Clock::time_point begin);

/** Arguments of a program: some that always stand there, then options, each with its values. */
class Arguments {
public:
    Arguments(int argc, char** argv, int numFixed);

    /** One of the arguments that always stand there, from 0. */
    std::string getFixed(int index) const { return argv[1 + index]; }

    /** Go to the next option. @return whether there is one */
    bool next();

    /** Name of the present option, such as "--steps". */
    const std::string& getName() const { return name; }

    /** The next value of the present option. @throws Error naming the option that lacks it */
    std::string takeText();
    int takeInteger();
    double takeNumber();

    /** @throws Error: the present option is none. */
    [[noreturn]] void refuse() const;

private:
    int argc;
    char** argv;
    int at;
    std::string name;
};

/**
 * The main function of a program: prints the help if asked for, or if there are fewer than numFixed arguments, and
 * errors.
 * @return exit status: 0, 1 after an error, 2 if arguments are missing
 */
int runProgram(int argc, char** argv, int numFixed, const char* help, const std::function<void(Arguments&)>& run);

}  // namespace lps::benchmark
