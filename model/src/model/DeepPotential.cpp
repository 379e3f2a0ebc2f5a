// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "lps/DeepPotential.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

#include "lps/Error.h"

namespace lps {

namespace {

constexpr int maximumTypes = 128;
constexpr int maximumLayers = 64;
constexpr int maximumWidth = 65536;

bool allFinite(const std::vector<double>& values) {
    return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

/**
 * The nearest float32. Through memory, because GCC 12 at -O2 vectorizes two neighboring pairs of conversions and then
 * drops them, as if rounding to float32 and back did nothing (golden fixture cutoff-rounding-tf).
 */
double roundToFloat32(double value) {
    const volatile float rounded = static_cast<float>(value);
    return rounded;
}

/** Finds everything that is wrong with the data of a model. */
class Validator {
public:
    explicit Validator(const DeepPotentialData& modelData) : data(modelData), numTypes(modelData.typeNames.size()) {}

    /** @throws Error naming every fault */
    void run() {
        checkTypes();
        checkEnvironment();
        checkExclusions();
        throwIfFaulty();  // what follows indexes by type
        checkRadialFunctions();
        checkFittings();
        checkUncertainties();
        throwIfFaulty();
    }

    /** Same, after sections are known: which networks may be missing depends on them. */
    void checkPresence(const DeepPotential& model) {
        for (int center = 0; center < numTypes; center++) {
            if (model.isAtomExcluded(center))
                continue;
            if (data.fittings[center].empty())
                fault("the fitting network of type " + nameOf(center) + " is missing");
            for (int neighbor = 0; neighbor < numTypes; neighbor++) {
                const auto& section = model.getSection(center, neighbor);
                const bool padded = section.slots > 0 && data.mean[center][0] != 0.0;
                const int index = model.getEmbeddingIndex(center, neighbor);
                const bool present =
                    model.isCompressed() ? !data.tables[index].empty() : !data.embeddings[index].empty();
                if ((section.hasNeighbors || padded) && !present)
                    fault("the embedding of center " + nameOf(center) + " and neighbor " + nameOf(neighbor) +
                          " is missing");
            }
        }
        throwIfFaulty();
    }

private:
    void fault(const std::string& text) {
        if (faults.size() < 20)
            faults.push_back(text);
    }

    void throwIfFaulty() const {
        if (faults.empty())
            return;
        std::string message = "Deep Potential: ";
        for (std::size_t i = 0; i < faults.size(); i++)
            message += (i ? "; " : "") + faults[i];
        throw Error(message + ". Convert the original model again.");
    }

    std::string nameOf(int type) const { return std::to_string(type) + " (" + data.typeNames[type] + ")"; }

    void requireSize(const char* what, std::size_t size, std::size_t expected) {
        if (size != expected)
            fault(std::string(what) + " has " + std::to_string(size) + " entries instead of " +
                  std::to_string(expected));
    }

    template <class Number>
    void require(bool condition, const char* what, Number value, const char* expectation) {
        if (condition)
            return;
        std::ostringstream text;
        text << what << " is " << value << ", but must be " << expectation;
        fault(text.str());
    }

    void checkTypes() {
        require(numTypes >= 1 && numTypes <= maximumTypes, "the number of types", numTypes, "between 1 and 128");
        std::set<std::string> seen;
        for (const std::string& name : data.typeNames) {
            if (name.empty() || name.size() > 64)
                fault("a type name is empty or longer than 64 characters");
            else if (!seen.insert(name).second)
                fault("type '" + name + "' occurs twice");
        }
        const std::size_t expected = data.typeNames.size();
        requireSize("sel", data.slots.size(), expected);
        requireSize("the mean of the environment", data.mean.size(), expected);
        requireSize("the standard deviation of the environment", data.stddev.size(), expected);
        requireSize("the energy bias", data.energyBias.size(), expected);
        requireSize("the list of fitting networks", data.fittings.size(), expected);
        const std::size_t numEmbeddings = data.typeOneSide ? expected : expected * expected;
        if (!data.uncertainties.empty())
            requireSize("the list of uncertainties", data.uncertainties.size(), expected);
        requireSize("the list of embedding networks", data.embeddings.size(), numEmbeddings);
        requireSize("the list of embedding tables", data.tables.size(), numEmbeddings);
    }

    void checkEnvironment() {
        require(std::isfinite(data.cutoff) && data.cutoff > 0.0 && data.cutoff <= 1000.0, "rcut", data.cutoff,
                "above 0 and at most 1000 angstrom");
        require(data.switchStart >= 0.0 && data.switchStart < data.cutoff, "rcut_smth", data.switchStart,
                "at least 0 and below rcut");
        require(static_cast<float>(data.switchStart) < static_cast<float>(data.cutoff) ||
                    data.cutoffPrecision == Precision::Float64,
                "rcut_smth", data.switchStart, "below rcut in float32");
        require(std::isfinite(data.normalizer) && data.normalizer > 0.0, "normalizer", data.normalizer, "positive");
        require(std::isfinite(data.environmentProtection) && data.environmentProtection >= 0.0, "env_protection",
                data.environmentProtection, "at least 0");
        for (int slots : data.slots)
            require(slots >= 0 && slots <= 1000000, "an entry of sel", slots, "between 0 and 1000000");
        for (const auto& row : data.mean)
            for (double value : row)
                require(std::isfinite(value), "a mean of the environment", value, "finite");
        for (const auto& row : data.stddev)
            for (double value : row)
                require(std::isfinite(value) && value > 0.0, "a standard deviation of the environment", value,
                        "positive");
        for (double value : data.energyBias)
            require(std::isfinite(value), "an energy bias", value, "finite");
        for (const auto& row : data.mean)
            require(row[1] == 0.0 && row[2] == 0.0 && row[3] == 0.0, "a mean of a directional component",
                    row[1] != 0.0 ? row[1] : (row[2] != 0.0 ? row[2] : row[3]),
                    "0, or the energy would not be rotationally invariant");
        for (const auto& row : data.stddev)
            require(row[1] == row[2] && row[1] == row[3], "a standard deviation of a directional component", row[2],
                    "equal for x, y and z, or the energy would not be rotationally invariant");
    }

    void checkTypeIndex(const char* what, int type) {
        require(type >= 0 && type < numTypes, what, type, "the index of a type");
    }

    void checkExclusions() {
        for (const auto& pair : data.descriptorExclusions) {
            checkTypeIndex("an entry of exclude_types", pair.first);
            checkTypeIndex("an entry of exclude_types", pair.second);
        }
        for (const auto& pair : data.pairExclusions) {
            checkTypeIndex("an entry of pair_exclude_types", pair.first);
            checkTypeIndex("an entry of pair_exclude_types", pair.second);
        }
        for (int type : data.atomExclusions)
            checkTypeIndex("an entry of atom_exclude_types", type);
        for (int type : data.vacuumTypes)
            checkTypeIndex("an entry of vacuum_types", type);
    }

    void checkNetwork(const Network& network, const std::string& what, int inputs, int outputs) {
        if (network.layers.size() > static_cast<std::size_t>(maximumLayers)) {
            fault(what + " has more than " + std::to_string(maximumLayers) + " layers");
            return;
        }
        for (std::size_t k = 0; k < network.layers.size(); k++) {
            const Layer& layer = network.layers[k];
            const std::string where = what + ", layer " + std::to_string(k);
            if (layer.inputs != inputs || layer.outputs < 1 || layer.outputs > maximumWidth) {
                fault(where + ": maps " + std::to_string(layer.inputs) + " to " + std::to_string(layer.outputs) +
                      " numbers, but its input has " + std::to_string(inputs));
                return;
            }
            const std::size_t numOutputs = layer.outputs;
            if (layer.weight.size() != numOutputs * inputs || layer.bias.size() != numOutputs ||
                (!layer.timestep.empty() && layer.timestep.size() != numOutputs))
                fault(where + ": the sizes of weight, bias and time step do not fit its widths");
            if (!allFinite(layer.weight) || !allFinite(layer.bias) || !allFinite(layer.timestep))
                fault(where + ": a weight is not finite");
            if (layer.residual == Residual::Identity && layer.outputs != layer.inputs)
                fault(where + ": an identity residual needs equal widths");
            if (layer.residual == Residual::Doubling && layer.outputs != 2 * layer.inputs)
                fault(where + ": a doubling residual needs twice the input width");
            inputs = layer.outputs;
        }
        if (inputs != outputs)
            fault(what + ": gives " + std::to_string(inputs) + " numbers instead of " + std::to_string(outputs));
    }

    void checkTable(const EmbeddingTable& table, const std::string& what) {
        const bool ordered = std::isfinite(table.lower) && std::isfinite(table.maximum) && table.lower < table.upper &&
                             table.upper <= table.maximum && table.fineStep > 0.0 && table.coarseStep > 0.0;
        if (!ordered || table.rows < 1 || table.channels != width ||
            table.coefficients.size() != static_cast<std::size_t>(table.rows) * table.channels * 6) {
            fault(what + ": the grid or the size of the table is inconsistent");
            return;
        }
        const double fineRows = (table.upper - table.lower) / table.fineStep;
        const double allRows = fineRows + (table.maximum - table.upper) / table.coarseStep;
        if (!(std::fabs(allRows - table.rows) <= 2.0))
            fault(what + ": the grid needs " + std::to_string(allRows) + " intervals, but the table has " +
                  std::to_string(table.rows));
        if (!allFinite(table.coefficients))
            fault(what + ": a coefficient is not finite");
    }

    /** Width M1 and consistency of all embeddings or tables. */
    void checkRadialFunctions() {
        for (const Network& network : data.embeddings)
            if (!network.empty())
                width = network.layers.back().outputs;
        bool anyTable = false;
        for (const EmbeddingTable& table : data.tables)
            if (!table.empty()) {
                anyTable = true;
                if (width == 0)
                    width = table.channels;
            }
        if (anyTable && std::any_of(data.embeddings.begin(), data.embeddings.end(),
                                    [](const Network& network) { return !network.empty(); }))
            fault("the model has embedding networks and tables, but must have one of them");
        for (std::size_t i = 0; i < data.embeddings.size(); i++) {
            const std::string what = "embedding " + std::to_string(i);
            if (!data.embeddings[i].empty())
                checkNetwork(data.embeddings[i], what, 1, width);
            if (!data.tables[i].empty())
                checkTable(data.tables[i], what);
        }
        require(width >= 1 && width <= maximumWidth, "the width of the embedding", width, "between 1 and 65536");
        require(data.axisWidth >= 1 && data.axisWidth <= width, "axis_neuron", data.axisWidth,
                "between 1 and the width of the embedding");
        require(static_cast<long long>(width) * data.axisWidth <= 1 << 24, "the length of the descriptor",
                static_cast<long long>(width) * data.axisWidth, "at most 16777216");
    }

    void checkFittings() {
        for (int type = 0; type < numTypes; type++)
            if (!data.fittings[type].empty())
                checkNetwork(data.fittings[type], "the fitting network of type " + nameOf(type), width * data.axisWidth,
                             1);
    }

    void checkUncertainties() {
        for (std::size_t type = 0; type < data.uncertainties.size() && type < data.fittings.size(); type++) {
            const FeatureStatistics& statistics = data.uncertainties[type];
            if (statistics.factor.empty())
                continue;
            const std::string what = "the uncertainty of type " + nameOf(static_cast<int>(type));
            const std::vector<Layer>& layers = data.fittings[type].layers;
            const std::size_t size = static_cast<std::size_t>(statistics.width) + 1;
            if (layers.size() < 2 || layers.back().inputs != statistics.width ||
                statistics.factor.size() != size * size)
                fault(what + " does not fit its fitting network");
            const auto isFinite = [](double value) { return std::isfinite(value); };
            if (!std::all_of(statistics.factor.begin(), statistics.factor.end(), isFinite) ||
                !(statistics.floor >= 0.0) || !(statistics.slope >= 0.0) || !(statistics.limit > 0.0) ||
                !std::isfinite(statistics.floor + statistics.slope + statistics.limit))
                fault(what + " has numbers that are negative or not finite");
        }
    }

    const DeepPotentialData& data;
    const int numTypes;
    int width = 0;
    std::vector<std::string> faults;
};

}  // namespace

DeepPotential::DeepPotential(DeepPotentialData modelData) : data(std::move(modelData)) {
    Validator validator(data);
    validator.run();

    const int numTypes = getNumTypes();
    data.uncertainties.resize(numTypes);
    const auto firstUsed = std::find_if(data.embeddings.begin(), data.embeddings.end(),
                                        [](const Network& network) { return !network.empty(); });
    compressed = firstUsed == data.embeddings.end();
    if (compressed)
        embeddingWidth = std::find_if(data.tables.begin(), data.tables.end(), [](const EmbeddingTable& table) {
                             return !table.empty();
                         })->channels;
    else
        embeddingWidth = firstUsed->getNumOutputs();

    cutoff = data.cutoff;
    switchStart = data.switchStart;
    switchWidth = cutoff - switchStart;
    if (data.cutoffPrecision == Precision::Float32) {
        cutoff = roundToFloat32(data.cutoff);
        switchStart = roundToFloat32(data.switchStart);
        switchWidth = roundToFloat32(cutoff - switchStart);
    }

    // Exclusions become sections; a pair exclusion only hides neighbors, whatever the descriptor does.

    sections.resize(numTypes * numTypes);
    for (int center = 0; center < numTypes; center++)
        for (int neighbor = 0; neighbor < numTypes; neighbor++) {
            const bool visible = data.slots[neighbor] > 0;
            sections[center * numTypes + neighbor] = {visible, visible, data.slots[neighbor]};
        }
    auto forBothOrders = [&](const DeepPotentialData::TypePair& pair, auto change) {
        change(sections[pair.first * numTypes + pair.second]);
        change(sections[pair.second * numTypes + pair.first]);
    };
    for (const auto& pair : data.descriptorExclusions)
        forBothOrders(pair, [&](Section& section) {
            section.hasNeighbors = false;
            if (!data.excludedPaddingKept)
                section = {false, false, 0};
        });
    for (const auto& pair : data.pairExclusions)
        forBothOrders(pair, [](Section& section) { section.hasNeighbors = section.countsSlots = false; });

    atomExcluded.assign(numTypes, false);
    for (int type : data.atomExclusions)
        atomExcluded[type] = true;
    vacuumSubtracted.assign(numTypes, false);
    for (int type : data.vacuumTypes)
        vacuumSubtracted[type] = true;

    validator.checkPresence(*this);
}

int DeepPotential::getTypeIndex(const std::string& name) const {
    const auto found = std::find(data.typeNames.begin(), data.typeNames.end(), name);
    if (found == data.typeNames.end())
        throw Error("Deep Potential: type '" + name + "' is not in the model, which knows types " + describeTypes() +
                    "; use one of these or another model");
    return static_cast<int>(found - data.typeNames.begin());
}

std::string DeepPotential::describeTypes() const {
    std::string text;
    for (std::size_t i = 0; i < data.typeNames.size(); i++)
        text += (i ? ", " : "") + std::to_string(i) + " (" + data.typeNames[i] + ")";
    return text;
}

bool DeepPotential::hasUncertainties() const {
    return std::any_of(data.uncertainties.begin(), data.uncertainties.end(),
                       [](const FeatureStatistics& statistics) { return !statistics.factor.empty(); });
}

int DeepPotential::getFeatureWidth() const {
    int width = 0;
    for (const Network& network : data.fittings) {
        if (network.layers.size() == 1)
            return 0;
        if (!network.empty())
            width = std::max(width, network.layers.back().inputs);
    }
    return width;
}

long long DeepPotential::getNumParameters() const {
    long long count = 0;
    for (const auto* networks : {&data.embeddings, &data.fittings})
        for (const Network& network : *networks)
            for (const Layer& layer : network.layers)
                count += layer.weight.size() + layer.bias.size() + layer.timestep.size();
    for (const EmbeddingTable& table : data.tables)
        count += table.coefficients.size();
    return count;
}

}  // namespace lps
