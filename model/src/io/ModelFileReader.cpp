// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "lps/ModelFile.h"

#include <fstream>
#include <limits>
#include <set>
#include <sstream>

#include "io/BoundedJson.h"
#include "io/HyperparameterReader.h"
#include "io/ModelFileNames.h"
#include "io/SafetensorsReader.h"
#include "lps/Error.h"

namespace lps {

namespace {

using Json = nlohmann::json;

/** Turns a parsed container into model data. */
class ModelReader {
public:
    ModelReader(const std::string& bytes, const std::string& fileOrigin)
        : origin(fileOrigin), file(bytes, fileOrigin) {}

    DeepPotentialData read() {
        checkFormat();
        const Json hyperparameters = parseBoundedJson(file.getMetadata("model"), origin + ": metadata 'model'");
        readHyperparameters(hyperparameters);
        readTensors();
        data.provenance = file.getMetadata("provenance");
        if (!isJsonObject(data.provenance, origin + ": metadata 'provenance'"))
            throw Error(origin + ": metadata 'provenance' is not a JSON object; convert the original model again.");
        return std::move(data);
    }

private:
    struct LayerPlan {
        int width;
        Activation activation;
        Residual residual;
        bool timestep;
    };

    void checkFormat() const {
        const std::string& format = file.getMetadata("format");
        if (format != formatName)
            throw Error(origin + ": the format is '" + format.substr(0, 64) + "', not '" + formatName +
                        "'; convert a DeePMD-kit model with 'openmm-lps convert IN OUT'.");
        const std::string& version = file.getMetadata("format_version");
        if (version != formatVersion)
            throw Error(origin + ": the format version is '" + version.substr(0, 64) +
                        "', but this version of openmm-lps reads '" + formatVersion +
                        "'; update openmm-lps, or convert the model again.");
    }

    std::vector<LayerPlan> readLayers(const Json& network, const std::string& what) {
        HyperparameterReader reader(network, origin + ": " + what);
        std::vector<LayerPlan> layers;
        for (const Json& entry : reader.getList("layers")) {
            HyperparameterReader layer(entry, origin + ": " + what + ", layer " + std::to_string(layers.size()) + ":");
            LayerPlan plan{};
            plan.width = layer.getInteger("width");
            if (plan.width < 1)
                layer.fail("'width' must be positive");
            try {
                plan.activation = Activation::fromName(layer.getString("activation"));
            } catch (const Error& error) {
                layer.fail(error.what());
            }
            const std::string residual = layer.getString("residual");
            bool known = false;
            for (const NamedResidual& named : namedResiduals)
                if (residual == named.name) {
                    plan.residual = named.residual;
                    known = true;
                }
            if (!known)
                layer.fail("'residual' must be 'none', 'identity' or 'doubling'");
            plan.timestep = layer.getBoolean("timestep");
            layer.refuseUnknownKeys();
            layers.push_back(plan);
        }
        if (layers.empty())
            reader.fail("needs at least one layer");
        reader.refuseUnknownKeys();
        return layers;
    }

    void readHyperparameters(const Json& hyperparameters) {
        HyperparameterReader reader(hyperparameters, origin + ": the hyperparameters:");
        for (const Json& name : reader.getList("type_map")) {
            if (!name.is_string())
                reader.fail("'type_map' must hold strings");
            data.typeNames.push_back(name.get<std::string>());
        }
        if (data.typeNames.empty() || data.typeNames.size() > 128)
            reader.fail("'type_map' must hold 1 to 128 types");
        data.cutoff = reader.getNumber("rcut");
        data.switchStart = reader.getNumber("rcut_smth");
        data.cutoffPrecision =
            reader.getChoice("cutoff_precision", "float64", "float32") ? Precision::Float32 : Precision::Float64;
        data.slots = reader.getIntegers("sel");
        data.normalizer = reader.getNumber("normalizer");
        data.axisWidth = reader.getInteger("axis_neuron");
        data.typeOneSide = reader.getBoolean("type_one_side");
        data.environmentProtection = reader.getNumber("env_protection");
        data.precision = reader.getChoice("precision", "float64", "float32") ? Precision::Float32 : Precision::Float64;
        data.descriptorExclusions = reader.getPairs("exclude_types");
        data.excludedPaddingKept = reader.getChoice("excluded_padding", "none", "kept");
        data.pairExclusions = reader.getPairs("pair_exclude_types");
        data.atomExclusions = reader.getIntegers("atom_exclude_types");
        data.vacuumTypes = reader.getIntegers("vacuum_types");
        data.refuseNeighborOverflow = reader.getChoice("neighbor_overflow", "count", "refuse");
        const Json& embedding = reader.get("embedding");
        if (!embedding.is_null())
            embeddingLayers = readLayers(embedding, "the embedding network");
        fittingLayers = readLayers(reader.get("fitting"), "the fitting network");
        const Json& table = reader.get("table");
        if (table.is_null() == embedding.is_null())
            reader.fail("need exactly one of 'embedding' and 'table'");
        if (!table.is_null()) {
            HyperparameterReader tableReader(table, origin + ": the table:");
            extrapolation = tableReader.getChoice("extrapolation", "constant", "linear")
                                ? EmbeddingTable::Extrapolation::Linear
                                : EmbeddingTable::Extrapolation::Constant;
            tableReader.refuseUnknownKeys();
        }
        reader.refuseUnknownKeys();
    }

    std::vector<double> readTensor(const std::string& name, const std::vector<long long>& shape) {
        if (file.getShape(name) != shape) {
            std::ostringstream text;
            text << origin << ": tensor '" << name << "' has shape [";
            for (std::size_t i = 0; i < file.getShape(name).size(); i++)
                text << (i ? ", " : "") << file.getShape(name)[i];
            text << "] instead of [";
            for (std::size_t i = 0; i < shape.size(); i++)
                text << (i ? ", " : "") << shape[i];
            text << "]; convert the original model again.";
            throw Error(text.str());
        }
        usedTensors.insert(name);
        return file.read(name);
    }

    std::vector<std::array<double, 4>> readStatistics(const std::string& name) {
        const long long numTypes = data.typeNames.size();
        const std::vector<double> values = readTensor(name, {numTypes, 4});
        std::vector<std::array<double, 4>> rows(numTypes);
        for (long long type = 0; type < numTypes; type++)
            for (int c = 0; c < 4; c++)
                rows[type][c] = values[4 * type + c];
        return rows;
    }

    /** @return an empty network if the file has none under this name */
    Network readNetwork(const std::string& name, const std::vector<LayerPlan>& plans, long long inputs) {
        Network network;
        if (!file.hasTensor(name + ".layer.0.weight"))
            return network;
        for (std::size_t k = 0; k < plans.size(); k++) {
            const std::string prefix = name + ".layer." + std::to_string(k);
            Layer layer;
            layer.inputs = static_cast<int>(inputs);
            layer.outputs = plans[k].width;
            layer.activation = plans[k].activation;
            layer.residual = plans[k].residual;
            layer.weight = readTensor(prefix + ".weight", {inputs, plans[k].width});
            layer.bias = readTensor(prefix + ".bias", {plans[k].width});
            if (plans[k].timestep)
                layer.timestep = readTensor(prefix + ".timestep", {plans[k].width});
            network.layers.push_back(std::move(layer));
            inputs = plans[k].width;
        }
        return network;
    }

    /** @return an empty table if the file has none under this name */
    EmbeddingTable readTable(const std::string& name) {
        EmbeddingTable table;
        if (!file.hasTensor(name + ".coefficients"))
            return table;
        const std::vector<long long> shape = file.getShape(name + ".coefficients");
        if (shape.size() != 3 || shape[0] > std::numeric_limits<int>::max() ||
            shape[1] > std::numeric_limits<int>::max())
            throw Error(origin + ": tensor '" + name +
                        ".coefficients' must have shape [rows, channels, 6]; convert the original model again.");
        const std::vector<double> grid = readTensor(name + ".grid", {5});
        table.lower = grid[0];
        table.upper = grid[1];
        table.maximum = grid[2];
        table.fineStep = grid[3];
        table.coarseStep = grid[4];
        table.rows = static_cast<int>(shape[0]);
        table.channels = static_cast<int>(shape[1]);
        table.coefficients = readTensor(name + ".coefficients", {shape[0], shape[1], 6});
        table.extrapolation = extrapolation;
        return table;
    }

    /** @return empty if the file has none for this type */
    FeatureStatistics readUncertainty(int type) {
        FeatureStatistics statistics;
        const std::string name = "uncertainty." + std::to_string(type);
        if (!file.hasTensor(name + ".factor"))
            return statistics;
        if (data.fittings[type].layers.size() < 2)
            throw Error(origin + ": tensor '" + name +
                        ".factor' belongs to a fitting network without hidden layers; calibrate the model again.");
        statistics.width = data.fittings[type].layers.back().inputs;
        const long long size = statistics.width + 1LL;
        statistics.factor = readTensor(name + ".factor", {size, size});
        const std::vector<double> calibration = readTensor(name + ".calibration", {3});
        statistics.floor = calibration[0];
        statistics.slope = calibration[1];
        statistics.limit = calibration[2];
        return statistics;
    }

    void readTensors() {
        const std::size_t numTypes = data.typeNames.size();
        data.mean = readStatistics("statistics.mean");
        data.stddev = readStatistics("statistics.stddev");
        data.energyBias = readTensor("energy.bias", {static_cast<long long>(numTypes)});

        long long width = embeddingLayers.empty() ? 0 : embeddingLayers.back().width;
        for (std::size_t i = 0; i < (data.typeOneSide ? numTypes : numTypes * numTypes); i++) {
            data.embeddings.push_back(embeddingLayers.empty()
                                          ? Network{}
                                          : readNetwork("embedding." + embeddingName(data, i), embeddingLayers, 1));
            data.tables.push_back(embeddingLayers.empty() ? readTable("table." + embeddingName(data, i))
                                                          : EmbeddingTable{});
            if (width == 0)
                width = data.tables.back().channels;
        }
        for (std::size_t type = 0; type < numTypes; type++)
            data.fittings.push_back(
                readNetwork("fitting." + std::to_string(type), fittingLayers, width * data.axisWidth));

        for (std::size_t type = 0; type < numTypes; type++)
            data.uncertainties.push_back(readUncertainty(static_cast<int>(type)));

        for (const std::string& name : file.getTensorNames())
            if (!usedTensors.count(name))
                throw Error(origin + ": tensor '" + name.substr(0, 64) +
                            "' does not belong to this model; convert the original model again.");
    }

    std::string origin;
    SafetensorsReader file;
    DeepPotentialData data;
    std::vector<LayerPlan> embeddingLayers;
    std::vector<LayerPlan> fittingLayers;
    EmbeddingTable::Extrapolation extrapolation = EmbeddingTable::Extrapolation::Constant;
    std::set<std::string> usedTensors;
};

}  // namespace

std::string readFileBytes(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    std::ostringstream buffer;
    if (stream)
        buffer << stream.rdbuf();
    if (!stream || !buffer)
        throw Error("model file '" + path + "' cannot be read; check that it exists and is a readable file.");
    return buffer.str();
}

DeepPotential parseModel(const std::string& bytes, const std::string& origin) {
    DeepPotentialData data = ModelReader(bytes, origin).read();
    try {
        return DeepPotential(std::move(data));
    } catch (const Error& error) {
        throw Error(origin + ": " + error.what());
    }
}

}  // namespace lps
