// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// Speed of whole OpenMM steps with an LPSForce on one platform; for GPU platforms also time per kernel, launches per
// step and memory. `lps_platform_benchmark --help` explains the arguments.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "ExtendedXyz.h"
#include "Operations.h"
#include "Program.h"
#include "lps/FastEvaluator.h"
#include "lps/ModelFile.h"
#include "lps/Units.h"
#include "openmm/Context.h"
#include "openmm/Platform.h"
#include "openmm/System.h"
#include "openmm/VerletIntegrator.h"
#include "openmmlps/LPSForce.h"

namespace {

using namespace lps;
using benchmark::Clock;
using benchmark::since;
using OpenMM::Context;
using OpenMM::State;
using OpenMM::Vec3;

constexpr const char* help =
    "lps_platform_benchmark MODEL.safetensors CELL.extxyz PLATFORM PRECISION [options]\n"
    "  PLATFORM          CPU, OpenCL, CUDA, HIP; PRECISION single, mixed, double\n"
    "  --repeat A B C    supercell (default 1 1 1)\n"
    "  --widen           twice the width of the fitting networks, same energies\n"
    "  --seconds X       rough length of the timed run (default 3)\n"
    "  --peak X          GFLOP/s of the device, to print a fraction\n"
    "  --kernels         time per kernel, in a second run that waits after each\n"
    "  --reference       also compare forces with the Reference platform\n"
    "  --property K V    of the Context, such as DeviceIndex 0,1; may be repeated\n"
    "OPENMM_PLUGIN_DIR names the folder of OpenMM's plugins and this project's, where it is not OpenMM's own.\n";

struct Options {
    std::string model, cell, platform, precision;
    int repeats[3] = {1, 1, 1};
    bool widen = false, kernels = false, reference = false;
    double seconds = 3.0, peak = 0.0;
    std::map<std::string, std::string> properties;
};

Options readOptions(benchmark::Arguments& arguments) {
    Options options;
    options.model = arguments.getFixed(0);
    options.cell = arguments.getFixed(1);
    options.platform = arguments.getFixed(2);
    options.precision = arguments.getFixed(3);
    while (arguments.next()) {
        const std::string& name = arguments.getName();
        if (name == "--repeat")
            for (int& repeat : options.repeats)
                repeat = arguments.takeInteger();
        else if (name == "--widen")
            options.widen = true;
        else if (name == "--kernels")
            options.kernels = true;
        else if (name == "--reference")
            options.reference = true;
        else if (name == "--seconds")
            options.seconds = arguments.takeNumber();
        else if (name == "--peak")
            options.peak = arguments.takeNumber();
        else if (name == "--property") {
            const std::string key = arguments.takeText();
            options.properties[key] = arguments.takeText();
        } else
            arguments.refuse();
    }
    if (options.platform != "CPU" && options.platform != "Reference")
        options.properties["Precision"] = options.precision;
    return options;
}

/** Operations per atom and neighbors per atom, from one cell. */
std::pair<double, double> countPerAtom(std::shared_ptr<const DeepPotential> model, const Configuration& cell) {
    NeighborList list(model->getCutoff(), 0.0, model->getNumTypes());
    ThreadExecutor executor(1);
    const int n = static_cast<int>(cell.positions.size());
    list.update(cell.positions.data(), cell.types.data(), n, &*cell.box, executor);
    const double pairs = benchmark::countPairs(list);
    return {benchmark::countOperations(*model, cell, pairs) / n, pairs / n};
}

/** A System of atoms of 20 amu, and a Context for it. */
class Simulation {
public:
    Simulation(const LPSPlugin::LPSModel& model, const Configuration& structure, const std::string& platform,
               const std::string& precision, const std::map<std::string, std::string>& properties)
        : integrator(0.001) {
        auto* force = new LPSPlugin::LPSForce(model);
        force->setPrecision(precision == "double" ? LPSPlugin::LPSForce::Double : LPSPlugin::LPSForce::Single);
        std::vector<Vec3> positions;
        for (std::size_t i = 0; i < structure.positions.size(); i++) {
            system.addParticle(20.0);
            force->addParticle(static_cast<int>(i), structure.types[i]);
            const Vector3& x = structure.positions[i];
            positions.push_back(Vec3(x[0], x[1], x[2]) * nanometersPerAngstrom);
        }
        system.addForce(force);
        Vec3 box[3];
        for (int k = 0; k < 3; k++) {
            const Vector3& row = structure.box->getVectors()[k];
            box[k] = Vec3(row[0], row[1], row[2]) * nanometersPerAngstrom;
        }
        system.setDefaultPeriodicBoxVectors(box[0], box[1], box[2]);
        context =
            std::make_unique<Context>(system, integrator, OpenMM::Platform::getPlatformByName(platform), properties);
        context->setPositions(positions);
    }

    Context& getContext() { return *context; }

    /** Seconds of this many whole steps, the last one's end included. */
    double timeSteps(int steps) {
        const auto begin = Clock::now();
        integrator.step(steps);
        context->getState(State::Positions);
        return since(begin);
    }

private:
    OpenMM::System system;
    OpenMM::VerletIntegrator integrator;
    std::unique_ptr<Context> context;
};

/** What DeviceUsage wrote about a second run of a few steps. */
nlohmann::json profile(const LPSPlugin::LPSModel& model, const Configuration& structure, const Options& options) {
    const std::filesystem::path file = std::filesystem::temp_directory_path() /
                                       ("lps-profile-" + std::to_string(Clock::now().time_since_epoch().count()));
    setenv("OPENMM_LPS_PROFILE", file.c_str(), 1);
    {
        Simulation simulation(model, structure, options.platform, options.precision, options.properties);
        simulation.getContext().setVelocitiesToTemperature(300.0, 1);
        simulation.timeSteps(20);
    }
    unsetenv("OPENMM_LPS_PROFILE");
    std::ifstream stream(file);
    std::string line;
    nlohmann::json total;
    while (std::getline(stream, line)) {
        const nlohmann::json device = nlohmann::json::parse(line);
        if (total.is_null())
            total = device;
    }
    stream.close();
    std::filesystem::remove(file);
    return total;
}

void printProfile(const nlohmann::json& usage, double numAtoms, bool kernels) {
    if (usage.is_null())
        return;
    const double evaluations = usage["evaluations"];
    double launches = 0.0, seconds = 0.0;
    std::vector<std::pair<double, std::string>> rows;
    for (const auto& [name, kernel] : usage["kernels"].items()) {
        const double each = kernel["timed"] > 0 ? kernel["seconds"].get<double>() / kernel["timed"].get<double>() : 0.0;
        rows.emplace_back(each * kernel["launches"].get<double>() / evaluations, name);
        launches += kernel["launches"].get<double>();
        seconds += rows.back().first;
    }
    std::printf("launches per evaluation %.1f, memory of LPSForce on the first device %.0f B/atom (%.1f MB)\n",
                launches / evaluations, usage["bytes"].get<double>() / numAtoms, 1e-6 * usage["bytes"].get<double>());
    std::sort(rows.rbegin(), rows.rend());
    for (const auto& [time, name] : rows)
        if (kernels)
            std::printf("  %-20s %9.4f us/atom %5.1f %%  %5.1f launches\n", name.c_str(), 1e6 * time / numAtoms,
                        100.0 * time / seconds, usage["kernels"][name]["launches"].get<double>() / evaluations);
}

void compareWithReference(Context& context, const LPSPlugin::LPSModel& model, const Configuration& structure) {
    Simulation exact(model, structure, "Reference", "double", {});
    exact.getContext().setPositions(context.getState(State::Positions).getPositions());
    const State ours = context.getState(State::Forces | State::Energy);
    const State theirs = exact.getContext().getState(State::Forces | State::Energy);
    constexpr double forceUnit = kilojoulesPerMolePerElectronvolt * angstromsPerNanometer;
    double worst = 0.0, scale = 0.0;
    const std::size_t n = ours.getForces().size();
    for (std::size_t i = 0; i < n; i++)
        for (int d = 0; d < 3; d++) {
            worst = std::max(worst, std::fabs(ours.getForces()[i][d] - theirs.getForces()[i][d]) / forceUnit);
            scale += std::pow(theirs.getForces()[i][d] / forceUnit, 2);
        }
    std::printf(
        "against Reference: max|dF| %.2e, rms F %.2e eV/A, |dE| %.2e eV/atom\n", worst, std::sqrt(scale / (3.0 * n)),
        std::fabs(ours.getPotentialEnergy() - theirs.getPotentialEnergy()) / kilojoulesPerMolePerElectronvolt / n);
}

void runBenchmark(benchmark::Arguments& arguments) {
    const Options options = readOptions(arguments);
    OpenMM::Platform::loadPluginsFromDirectory(OpenMM::Platform::getDefaultPluginsDirectory());
    DeepPotentialData data = parseModel(readFileBytes(options.model), options.model).getData();
    if (options.widen)
        data = benchmark::widenFitting(std::move(data));
    const auto potential = std::make_shared<const DeepPotential>(std::move(data));
    const LPSPlugin::LPSModel model = LPSPlugin::LPSModel::fromBytes(writeModel(*potential));
    const Configuration cell = benchmark::readExtendedXyz(options.cell, *potential);
    const Configuration structure = benchmark::makeSupercell(cell, options.repeats);
    const double n = static_cast<double>(structure.positions.size());
    const auto [operations, neighbors] = countPerAtom(potential, cell);

    const auto begin = Clock::now();
    auto simulation =
        std::make_unique<Simulation>(model, structure, options.platform, options.precision, options.properties);
    Context& context = simulation->getContext();
    context.setVelocitiesToTemperature(300.0, 1);
    simulation->timeSteps(1);
    const double firstTime = since(begin);
    const double estimate = simulation->timeSteps(5) / 5;
    const int steps = std::clamp(static_cast<int>(options.seconds / 5 / estimate), 2, 100000);
    std::vector<double> times;
    for (int part = 0; part < 5; part++)
        times.push_back(simulation->timeSteps(steps) / steps);
    std::sort(times.begin(), times.end());
    const double step = times[2];

    std::string device;
    for (const std::string& name : context.getPlatform().getPropertyNames())
        if (name == "DeviceName")
            device = " on " + context.getPlatform().getPropertyValue(context, name);
    std::printf("%s%s, %s, %.0f atoms, %.1f neighbors, fitting width %d\n", options.platform.c_str(), device.c_str(),
                options.precision.c_str(), n, neighbors, potential->getData().fittings[0].layers[0].outputs);
    std::printf("speed %.0f atom*step/s (median of 5; best %.0f), %.1f us/step, first step after %.2f s\n", n / step,
                n / times[0], 1e6 * step, firstTime);
    std::printf("%.3f MFLOP/atom, %.1f GFLOP/s", 1e-6 * operations, 1e-9 * operations * n / step);
    if (options.peak > 0.0)
        std::printf(", fraction of peak %.3f", 1e-9 * operations * n / step / options.peak);
    std::printf("\n");
    if (options.reference)
        compareWithReference(context, model, structure);
    simulation.reset();
    printProfile(profile(model, structure, options), n, options.kernels);
}

}  // namespace

int main(int argc, char** argv) {
    return lps::benchmark::runProgram(argc, argv, 4, help, runBenchmark);
}
