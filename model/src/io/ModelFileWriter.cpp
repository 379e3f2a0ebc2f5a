// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include <nlohmann/json.hpp>

#include "io/ModelFileNames.h"
#include "io/SafetensorsWriter.h"
#include "lps/ModelFile.h"

namespace lps {

namespace {

using Json = nlohmann::json;

std::string nameOf(Precision precision) {
    return precision == Precision::Float32 ? "float32" : "float64";
}

std::string nameOf(Residual residual) {
    for (const NamedResidual& named : namedResiduals)
        if (named.residual == residual)
            return named.name;
    return "none";
}

/** Layers of the first network that exists; all networks of one kind have the same layers. */
Json describeLayers(const std::vector<Network>& networks) {
    for (const Network& network : networks) {
        if (network.empty())
            continue;
        Json layers = Json::array();
        for (const Layer& layer : network.layers)
            layers.push_back({{"width", layer.outputs},
                              {"activation", layer.activation.getName()},
                              {"residual", nameOf(layer.residual)},
                              {"timestep", !layer.timestep.empty()}});
        return {{"layers", layers}};
    }
    return nullptr;
}

Json describeHyperparameters(const DeepPotential& model) {
    const DeepPotentialData& data = model.getData();
    Json table = nullptr;
    for (const EmbeddingTable& candidate : data.tables)
        if (!candidate.empty())
            table = {{"extrapolation",
                      candidate.extrapolation == EmbeddingTable::Extrapolation::Linear ? "linear" : "constant"}};
    return {{"type_map", data.typeNames},
            {"rcut", data.cutoff},
            {"rcut_smth", data.switchStart},
            {"cutoff_precision", nameOf(data.cutoffPrecision)},
            {"sel", data.slots},
            {"normalizer", data.normalizer},
            {"axis_neuron", data.axisWidth},
            {"type_one_side", data.typeOneSide},
            {"env_protection", data.environmentProtection},
            {"precision", nameOf(data.precision)},
            {"exclude_types", data.descriptorExclusions},
            {"excluded_padding", data.excludedPaddingKept ? "kept" : "none"},
            {"pair_exclude_types", data.pairExclusions},
            {"atom_exclude_types", data.atomExclusions},
            {"vacuum_types", data.vacuumTypes},
            {"neighbor_overflow", data.refuseNeighborOverflow ? "refuse" : "count"},
            {"embedding", describeLayers(data.embeddings)},
            {"fitting", describeLayers(data.fittings)},
            {"table", table}};
}

void addNetwork(SafetensorsWriter& writer, const std::string& name, const Network& network, Precision precision) {
    for (std::size_t k = 0; k < network.layers.size(); k++) {
        const Layer& layer = network.layers[k];
        const std::string prefix = name + ".layer." + std::to_string(k);
        writer.add(prefix + ".weight", {layer.inputs, layer.outputs}, layer.weight, precision);
        writer.add(prefix + ".bias", {layer.outputs}, layer.bias, precision);
        if (!layer.timestep.empty())
            writer.add(prefix + ".timestep", {layer.outputs}, layer.timestep, precision);
    }
}

std::vector<double> flatten(const std::vector<std::array<double, 4>>& rows) {
    std::vector<double> values;
    for (const auto& row : rows)
        values.insert(values.end(), row.begin(), row.end());
    return values;
}

}  // namespace

std::string writeModel(const DeepPotential& model) {
    const DeepPotentialData& data = model.getData();
    const long long numTypes = model.getNumTypes();
    SafetensorsWriter writer;
    writer.setMetadata("format", formatName);
    writer.setMetadata("format_version", formatVersion);
    writer.setMetadata("model", describeHyperparameters(model).dump());
    writer.setMetadata("provenance", data.provenance);
    writer.add("statistics.mean", {numTypes, 4}, flatten(data.mean), Precision::Float64);
    writer.add("statistics.stddev", {numTypes, 4}, flatten(data.stddev), Precision::Float64);
    writer.add("energy.bias", {numTypes}, data.energyBias, Precision::Float64);
    for (std::size_t i = 0; i < data.embeddings.size(); i++) {
        addNetwork(writer, "embedding." + embeddingName(data, i), data.embeddings[i], data.precision);
        const EmbeddingTable& table = data.tables[i];
        if (table.empty())
            continue;
        const std::string name = "table." + embeddingName(data, i);
        writer.add(name + ".coefficients", {table.rows, table.channels, 6}, table.coefficients, data.precision);
        writer.add(name + ".grid", {5}, {table.lower, table.upper, table.maximum, table.fineStep, table.coarseStep},
                   Precision::Float64);
    }
    for (std::size_t type = 0; type < data.fittings.size(); type++)
        addNetwork(writer, "fitting." + std::to_string(type), data.fittings[type], data.precision);
    for (std::size_t type = 0; type < data.uncertainties.size(); type++) {
        const FeatureStatistics& statistics = data.uncertainties[type];
        if (statistics.factor.empty())
            continue;
        const std::string name = "uncertainty." + std::to_string(type);
        const long long size = statistics.width + 1LL;
        writer.add(name + ".factor", {size, size}, statistics.factor, Precision::Float64);
        writer.add(name + ".calibration", {3}, {statistics.floor, statistics.slope, statistics.limit},
                   Precision::Float64);
    }
    return writer.finish();
}

}  // namespace lps
