// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// Speed, stage profile and accuracy of the fast evaluator without OpenMM. `lps_benchmark --help` explains the
// arguments.

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <map>
#include <random>

#include "ExtendedXyz.h"
#include "Operations.h"
#include "Program.h"
#include "lps/FastEvaluator.h"
#include "lps/ModelFile.h"

namespace {

using namespace lps;
using benchmark::Clock;
using benchmark::since;

constexpr const char* help =
    "lps_benchmark MODEL.safetensors CELL.extxyz [options]\n"
    "  --repeat A B C    supercell (default 1 1 1)\n"
    "  --double          float64 networks (default float32)\n"
    "  --threads N       (default 1)\n"
    "  --steps N         timed steps (default 20)\n"
    "  --move X          random displacement per step and coordinate in angstrom, so that lists are rebuilt (default "
    "0.01)\n"
    "  --skin X          of the neighbor list, in angstrom\n"
    "  --target NAME     instruction set\n"
    "  --networks        no tables\n"
    "  --reference       also compare with the reference evaluator\n";

double peakMemory() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss * 1024.0;
}

void runBenchmark(benchmark::Arguments& arguments) {
    int repeats[3] = {1, 1, 1}, threads = 1, steps = 20;
    double move = 0.01;
    bool compare = false;
    FastOptions options;
    while (arguments.next()) {
        const std::string& name = arguments.getName();
        if (name == "--repeat")
            for (int& repeat : repeats)
                repeat = arguments.takeInteger();
        else if (name == "--double")
            options.precision = Precision::Float64;
        else if (name == "--threads")
            threads = arguments.takeInteger();
        else if (name == "--steps")
            steps = arguments.takeInteger();
        else if (name == "--move")
            move = arguments.takeNumber();
        else if (name == "--skin")
            options.skin = arguments.takeNumber();
        else if (name == "--target")
            options.target = arguments.takeText();
        else if (name == "--networks")
            options.useTables = false;
        else if (name == "--reference")
            compare = true;
        else
            arguments.refuse();
    }

    const std::string modelFile = arguments.getFixed(0);
    auto begin = Clock::now();
    const auto model = std::make_shared<const DeepPotential>(parseModel(readFileBytes(modelFile), modelFile));
    const double readTime = since(begin);
    Configuration structure =
        benchmark::makeSupercell(benchmark::readExtendedXyz(arguments.getFixed(1), *model), repeats);
    const int n = static_cast<int>(structure.positions.size());
    const double memoryBefore = peakMemory() - n * (sizeof(Vector3) + sizeof(int));

    begin = Clock::now();
    FastEvaluator evaluator(model, options);
    ThreadExecutor executor(threads);
    Evaluation result;
    const auto evaluate = [&](bool virial) {
        evaluator.evaluate(structure.positions.data(), structure.types.data(), n, &*structure.box, executor,
                           {true, virial}, result);
    };
    evaluate(false);
    const double firstTime = since(begin);

    // Forces at slightly displaced positions, every step; a fixed seed makes runs comparable.

    std::mt19937 generator(1);
    std::uniform_real_distribution<double> displacement(-move, move);
    const std::vector<Vector3> origin = structure.positions;
    std::vector<double> times;
    evaluator.setProfiling(true);
    const long long buildsBefore = evaluator.getNeighborList().getNumBuilds();
    double processorTime = 0.0;
    for (int step = 0; step < steps; step++) {
        for (Vector3& x : structure.positions)
            for (double& c : x)
                c += displacement(generator);
        const std::clock_t clockBegin = std::clock();
        begin = Clock::now();
        evaluate(false);
        times.push_back(since(begin));
        processorTime += static_cast<double>(std::clock() - clockBegin) / CLOCKS_PER_SEC;
    }
    const auto profile = evaluator.getProfile();
    double total = 0.0;
    for (double time : times)
        total += time;
    std::vector<double> sorted = times;
    std::sort(sorted.begin(), sorted.end());
    const double median = sorted[sorted.size() / 2], mean = total / steps;
    const double pairs = benchmark::countPairs(evaluator.getNeighborList());
    const double operations = benchmark::countOperations(*model, structure, pairs);
    const double peak = FastEvaluator::measurePeak(options.precision, options.target);

    std::printf(
        "target %s, %s, %d thread(s), %d atoms, %.1f neighbors, model read %.3f s, tables and first step %.3f s\n",
        evaluator.getTarget().c_str(), options.precision == Precision::Float32 ? "float32" : "float64", threads, n,
        pairs / n, readTime, firstTime);
    std::printf(
        "speed %.0f atom*step/s (median; mean %.0f), %.2f us/atom/thread (%.2f of processor time), %lld list builds in "
        "%d steps\n",
        n / median, n / mean, 1e6 * median * threads / n, 1e6 * processorTime / steps / n,
        evaluator.getNeighborList().getNumBuilds() - buildsBefore, steps);
    std::printf("%.3f MFLOP/atom, %.1f GFLOP/s, peak %.1f GFLOP/s per thread, fraction %.3f\n", 1e-6 * operations / n,
                1e-9 * operations / median, 1e-9 * peak, operations / median / (peak * threads));
    for (int k = 0; k < numStages; k++)
        std::printf("  %-15s %7.3f us/atom\n", getStageName(static_cast<Stage>(k)), 1e6 * profile[k] / steps / n);
    std::printf("memory: evaluator %.0f B/atom, process above start %.0f B/atom, peak %.1f MB\n",
                static_cast<double>(evaluator.getMemory()) / n, (peakMemory() - memoryBefore) / n, 1e-6 * peakMemory());
    for (const TableReport& report : evaluator.getTableReports())
        std::printf("  table %d-%d: %d intervals, error %.1e value, %.1e derivative\n", report.centerType,
                    report.neighborType, report.intervals, report.valueError, report.derivativeError);

    if (compare) {
        evaluate(true);
        const Evaluation exact = ReferenceEvaluator(model).evaluate(structure);
        double worst = 0.0, squares = 0.0, energy = 0.0, scale = 0.0;
        for (int i = 0; i < n; i++) {
            energy = std::max(energy, std::fabs(result.atomEnergies[i] - exact.atomEnergies[i]));
            for (int d = 0; d < 3; d++) {
                const double difference = std::fabs(result.forces[i][d] - exact.forces[i][d]);
                worst = std::max(worst, difference);
                squares += difference * difference;
                scale += exact.forces[i][d] * exact.forces[i][d];
            }
        }
        std::printf(
            "against reference: max|dF| %.2e, rms dF %.2e, rms F %.2e eV/A, max|dE_i| %.2e, |dE| %.2e eV/atom\n", worst,
            std::sqrt(squares / (3 * n)), std::sqrt(scale / (3 * n)), energy,
            std::fabs(result.energy - exact.energy) / n);
    }
}

}  // namespace

int main(int argc, char** argv) {
    return lps::benchmark::runProgram(argc, argv, 2, help, runBenchmark);
}
