// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// Kernels of a model as OpenMM hands them to CUDA's compiler, and what a count of their work has to know of it. For
// benchmarks/kernel_counts.py.

#include <cstdio>
#include <fstream>

#include <nlohmann/json.hpp>

#include "Program.h"
#include "lps/ModelFile.h"
#include "lps/PreparedModel.h"
#include "support/DevicePrograms.h"

namespace {

using namespace LPSPlugin;
using namespace LPSPlugin::testing;
using nlohmann::json;

constexpr const char* help =
    "lps_kernel_sources MODEL.safetensors LIBRARY_OF_OPENMM_CUDA FOLDER\n"
    "Writes FOLDER/PRECISION.KIND.PROGRAM.cu, and FOLDER/model.json.\n";

ModelShape getShape(const lps::DeepPotential& model) {
    return {model.getNumTypes(),       model.getEmbeddingWidth(), model.getData().axisWidth,
            model.getEmbeddingWidth(), model.isCompressed(),      true};
}

/** Intervals in each cell of the radial table of each pair of types. */
json describeTables(const std::shared_ptr<const lps::DeepPotential>& model, lps::Precision precision) {
    const lps::PreparedModel prepared(model, precision, lps::TableDegree::Quintic, true);
    json tables = json::array();
    for (int center = 0; center < model->getNumTypes(); center++)
        for (int neighbor = 0; neighbor < model->getNumTypes(); neighbor++)
            tables.push_back(prepared.planTable(center, neighbor).grid.intervals);
    return tables;
}

void write(lps::benchmark::Arguments& arguments) {
    if (arguments.next())
        arguments.refuse();
    const std::string path = arguments.getFixed(0);
    const auto model = std::make_shared<const lps::DeepPotential>(lps::parseModel(lps::readFileBytes(path), path));
    const OpenMMSources sources(arguments.getFixed(1), "CudaKernelSources");
    const std::string folder = arguments.getFixed(2) + "/";
    const ModelShape shape = getShape(*model);
    json description = {{"types", model->getData().typeNames},
                        {"cutoff", model->getCutoff()},
                        {"width", shape.embeddingWidth},
                        {"axis", shape.axisWidth},
                        {"inputs", shape.countInputs()}};
    for (const Precision precision : {Precision::Single, Precision::Double}) {
        const bool isDouble = precision == Precision::Double;
        description["tables"][getName(precision)] =
            describeTables(model, isDouble ? lps::Precision::Float64 : lps::Precision::Float32);
        for (const char* kind : {"gpu-small", "gpu-large"}) {
            const DeviceSettings settings = getDeviceSettings(kind, isDouble);
            const std::string label = std::string(getName(precision)) + "." + kind;
            description["settings"][label] = settings.getDefines();
            description["settings"][label]["tileRows"] = std::to_string(settings.tileRows);
            for (const auto& [name, program] : listPrograms(settings, shape, precision))
                if (name.find(' ') == std::string::npos || name == "list box")
                    std::ofstream(folder + label + "." + name.substr(0, name.find(' ')) + ".cu")
                        << sources.assemble(program, precision);
        }
    }
    std::ofstream(folder + "model.json") << description.dump(1) << "\n";
}

}  // namespace

int main(int argc, char** argv) {
    return lps::benchmark::runProgram(argc, argv, 3, help, write);
}
