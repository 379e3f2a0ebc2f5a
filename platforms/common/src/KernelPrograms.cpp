// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "KernelPrograms.h"

#include <algorithm>
#include <sstream>

#include "CommonLPSKernelSources.h"
#include "CounterFields.h"
#include "lps/Units.h"

namespace LPSPlugin {

using std::string;
using std::to_string;
using Sources = CommonLPSKernelSources;

namespace {

/** Inputs of the fitting networks that fit into local memory in double precision, beside what else is there. */
constexpr int mostLocalInputs = 2048;

string formatNumber(double value) {
    std::ostringstream stream;
    stream.imbue(std::locale::classic());
    stream.precision(17);
    stream << value;
    return stream.str();
}

/** Adds the number of each counter, and what depends on the number of types only. */
void defineCounters(std::map<string, string>& defines, int numTypes) {
    const auto define = [&](const char* name, Counter counter, int offset = 0) {
        defines[name] = to_string(static_cast<int>(counter) + offset);
    };
    define("LPS_REBUILD", Counter::Rebuild);
    define("LPS_LOST_ATOM", Counter::LostAtom);
    define("LPS_EXCESS", Counter::Excess);
    define("LPS_COINCIDENCES", Counter::Coincidences);
    define("LPS_COINCIDENT", Counter::Coincident);
    define("LPS_DIRECT_WANTED", Counter::DirectWanted);
    define("LPS_NEIGHBORS", Counter::Neighbors);
    define("LPS_DIRECT_PAIRS", Counter::Neighbors, numTypes);
    defines["LPS_NUM_SUMS"] = to_string(numSums);
    defines["LPS_NUM_TYPES"] = to_string(numTypes);
}

std::map<string, string> getDefines(const DeviceSettings& settings, const ModelShape& shape) {
    std::map<string, string> defines = settings.getDefines();
    defineCounters(defines, shape.numTypes);
    defines["LPS_WIDTH"] = to_string(shape.embeddingWidth);
    defines["LPS_AXIS"] = to_string(shape.axisWidth);
    defines["LPS_INPUT_PITCH"] = to_string(settings.getPitch(shape.countInputs()));
    defines["LPS_QUADS"] = to_string(shape.countQuads());
    defines["LPS_PROJECT_PARTS"] = to_string(std::max(1, settings.getPairThreads() / shape.axisWidth));
    if (settings.getPitch(shape.countInputs()) <= mostLocalInputs)
        defines["LPS_LOCAL_GRADIENT"] = "1";
    if (shape.isFolded)
        defines["LPS_FOLDED"] = "1";
    defines["LPS_ENERGY_UNIT"] = formatNumber(lps::kilojoulesPerMolePerElectronvolt);
    defines["LPS_FORCE_UNIT"] = formatNumber(lps::kilojoulesPerMolePerElectronvolt * lps::angstromsPerNanometer);
    return defines;
}

}  // namespace

int ModelShape::countQuads() const {
    return (embeddingWidth + 3) / 4;
}

int ModelShape::countInputs() const {
    return embeddingWidth * axisWidth - (isFolded ? axisWidth * (axisWidth - 1) / 2 : 0);
}

int ModelShape::getInput(int i, int j) const {
    if (!isFolded)
        return i * axisWidth + j;
    if (i >= axisWidth)
        return axisWidth * (axisWidth + 1) / 2 + (i - axisWidth) * axisWidth + j;
    const int larger = std::max(i, j), smaller = std::min(i, j);
    if (larger < (axisWidth + 1) / 2)
        return larger * (axisWidth + 1) + smaller;
    const int line = axisWidth - 1 - larger;
    return line * (axisWidth + 1) + smaller + line + 1;
}

KernelProgram makeNeighborListProgram(const DeviceSettings& settings, int numTypes, int numClasses, int classesPerType,
                                      bool periodic, bool usesCorrection, bool oneGroup) {
    KernelProgram program = {Sources::math + Sources::grid + Sources::sorting + Sources::neighborList,
                             settings.getDefines()};
    defineCounters(program.defines, numTypes);
    program.defines["LPS_NUM_CLASSES"] = to_string(numClasses);
    program.defines["LPS_CLASSES_PER_TYPE"] = to_string(classesPerType);
    if (periodic)
        program.defines["LPS_PERIODIC"] = "1";
    if (usesCorrection)
        program.defines["LPS_USE_CORRECTION"] = "1";
    if (oneGroup)
        program.defines["LPS_ONE_GROUP"] = "1";
    return program;
}

KernelProgram makeDescriptorProgram(const DeviceSettings& settings, const ModelShape& shape) {
    KernelProgram program = {Sources::math + Sources::environment + Sources::embedding + Sources::descriptor,
                             getDefines(settings, shape)};
    program.defines["LPS_MAX_WIDTH"] = to_string(shape.maximumWidth);
    program.defines[shape.isCompressed ? "LPS_HAS_GRIDS" : "LPS_HAS_NETWORKS"] = "1";
    return program;
}

KernelProgram makeFewRowsProgram(const DeviceSettings& settings, const ModelShape& shape, int classesPerType,
                                 bool periodic) {
    KernelProgram program = {
        Sources::math + Sources::neighborList + Sources::environment + Sources::descriptor + Sources::fewRows,
        getDefines(settings, shape)};
    program.defines["LPS_FUNCTIONS_ONLY"] = "1";
    program.defines["LPS_CLASSES_PER_TYPE"] = to_string(classesPerType);
    if (periodic)
        program.defines["LPS_PERIODIC"] = "1";
    if (shape.isCompressed)
        program.defines["LPS_HAS_GRIDS"] = "1";
    return program;
}

KernelProgram makeFittingProgram(const DeviceSettings& settings, const ModelShape& shape) {
    return {Sources::math + Sources::fitting, getDefines(settings, shape)};
}

KernelProgram makeForceProgram(const DeviceSettings& settings, const ModelShape& shape, bool virials) {
    KernelProgram program = {Sources::math + Sources::environment + Sources::descriptor + Sources::forces,
                             getDefines(settings, shape)};
    program.defines["LPS_FUNCTIONS_ONLY"] = "1";
    if (virials)
        program.defines["LPS_VIRIALS"] = "1";
    return program;
}

}  // namespace LPSPlugin
