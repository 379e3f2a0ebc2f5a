// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "CommonCalcLPSForceKernel.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <sstream>

#include "lps/Units.h"
#include "openmm/OpenMMException.h"
#include "openmm/common/ContextSelector.h"
#include "openmmlps/internal/TranslateErrors.h"

namespace LPSPlugin {

using OpenMM::ContextImpl;
using OpenMM::ContextSelector;
using OpenMM::OpenMMException;
using OpenMM::Vec3;
using std::vector;

namespace {

constexpr int maximumAttempts = 20;

/**
 * At these steps the neighbor list is rebuilt in any case. Sums over neighbors depend in their last bits on when it
 * was built; so a checkpoint of such a step, which is loaded without a list, continues as if nothing had happened.
 */
constexpr int stepsOfFreshLists = 100;

/**
 * A power of two that turns kJ/mol into integers, so that sums are exact and in any order the same: as fine as 2^-40
 * kJ/mol, and coarse enough for 10^5 kJ/mol per particle.
 */
double chooseSumScale(int numParticles) {
    const int bits = 62 - static_cast<int>(std::ceil(std::log2(1e5 * std::max(1, numParticles))));
    return std::ldexp(1.0, std::min(40, bits));
}

}  // namespace

CommonCalcLPSForceKernel::~CommonCalcLPSForceKernel() {
    ContextSelector selector(cc);
    deleteStages();
}

void CommonCalcLPSForceKernel::deleteStages() {
    forces.reset();
    fitting.reset();
    descriptor.reset();
    list.reset();
    model.reset();
    counters.reset();
    device.reset();
}

void CommonCalcLPSForceKernel::initialize(const OpenMM::System&, const LPSForce& force) {
    ContextSelector selector(cc);
    periodic = force.usesPeriodicBoundaryConditions();
    sumScale = chooseSumScale(force.getNumParticles());
    buildStages(force);
    readParticles(force);
    readScale(force);
    if (wantsScaleDerivative)
        cc.addEnergyParameterDerivative(scaleParameter);
    info = new LPSForceInfo(particles.types, periodic);
    cc.addForce(info);
}

void CommonCalcLPSForceKernel::buildStages(const LPSForce& force) {
    const auto potential = force.getModel().getDeepPotential();
    vector<bool> present(potential->getNumTypes(), false);
    for (int i = 0; i < force.getNumParticles(); i++) {
        int particle, type;
        force.getParticleParameters(i, particle, type);
        present[type] = true;
    }
    deleteStages();
    device = std::make_unique<Device>(cc, chooseDeviceSettings(cc, force.getNumParticles() / cc.getNumContexts()));
    counters = std::make_unique<Counters>(*device, potential->getNumTypes());
    device->reserve(atomEnergies, cc.getNumAtoms(), device->getRealSize(), "lpsAtomEnergies");
    translateErrors([&] { model = std::make_unique<DeviceModel>(*device, potential, present, force.getUseTables()); });
    list = std::make_unique<DeviceNeighborList>(*device, potential->getCutoff() * lps::nanometersPerAngstrom, periodic,
                                                potential->getNumTypes());
    descriptor = std::make_unique<DeviceDescriptor>(*device, *model);
    fitting = std::make_unique<DeviceFitting>(*device, *model);
    forces = std::make_unique<DeviceForces>(*device, *model);
}

void CommonCalcLPSForceKernel::readParticles(const LPSForce& force) {
    const int numTypes = model->getPotential().getNumTypes();
    vector<bool> isCenter(numTypes);
    for (int type = 0; type < numTypes; type++)
        isCenter[type] = model->isCenter(type);
    particles = makeParticleSet(force, cc.getNumAtoms(), isCenter, model->getPresent(), device->settings.blockRows,
                                cc.getContextIndex(), cc.getNumContexts());
    entries.resize(force.getNumParticles());
    entryTypes.resize(force.getNumParticles());
    for (int i = 0; i < force.getNumParticles(); i++)
        force.getParticleParameters(i, entries[i], entryTypes[i]);
    constantEnergy = 0.0;
    for (int type = 0; type < numTypes; type++)
        if (isCenter[type])
            constantEnergy += particles.ownedCounts[type] * fitting->getConstantEnergy(type);
    constantEnergy *= lps::kilojoulesPerMolePerElectronvolt;
    list->setParticles(particles);
    arrangeTiles();
}

void CommonCalcLPSForceKernel::arrangeTiles() {
    descriptor->arrange(*list);
    fitting->reserveRows(descriptor->getTileRows());
    counters->setNumTiles(static_cast<int>(descriptor->getTiles().size()));
}

void CommonCalcLPSForceKernel::copyParametersToContext(ContextImpl&, const LPSForce& force) {
    ContextSelector selector(cc);
    const vector<bool> before = model->getPresent();
    for (int i = 0; i < force.getNumParticles(); i++) {
        int particle, type;
        force.getParticleParameters(i, particle, type);
        if (!before[type]) {
            buildStages(force);
            break;
        }
    }
    readParticles(force);
    cc.invalidateMolecules(info, true, !periodic);
}

bool CommonCalcLPSForceKernel::evaluate(const Purpose& purpose) {
    featureRows.clear();
    if (purpose.virials) {
        device->reserve(virials, 9 * static_cast<std::size_t>(cc.getPaddedNumAtoms()), sizeof(long long), "lpsVirials");
        cc.clearBuffer(virials);
    }
    if (particles.blocks.empty())
        return true;
    device->usage.countEvaluation();
    const std::vector<RowTile>& tiles = descriptor->getTiles();
    list->update(*counters);
    const bool fewRows = descriptor->hasFewRows(*list);
    if (fewRows)
        descriptor->contractFewRows(*list, *counters);
    else
        list->build(model->sections, *counters);
    for (const RowTile& tile : tiles) {
        if (!fewRows)
            descriptor->computeEnvironment(*list, *counters, tile);
        if (tile.index + 1 == static_cast<int>(tiles.size())) {
            // What the host has to know is on its way while the device does the rest.

            counters->startDownload();
        }
        if (!fewRows)
            descriptor->contract(*list, *counters, tile);
        fitting->forward(*list, tile, descriptor->contracted);
        if (purpose.energy)
            fitting->sumEnergies(*list, tile, sumScale, atomEnergies, counters->sums);
        if (purpose.features)
            fitting->appendFeatures(tile, featureRows);
        if (!purpose.forces && !purpose.virials)
            continue;
        fitting->backward(*list, tile);
        descriptor->project(tile, fitting->getGradient());
        if (purpose.forces)
            forces->addForces(*list, *descriptor, tile, forceScale);
        if (purpose.virials)
            forces->addVirials(*list, *descriptor, tile, sumScale, virials);
    }
    counters->finishDownload();
    return acceptCounters();
}

bool CommonCalcLPSForceKernel::acceptCounters() {
    try {
        throwIfInvalid();
    } catch (const OpenMMException&) {
        list->invalidate();  // displacements from a position that is not finite demand nothing
        throw;
    }
    if (list->grow(*counters)) {
        arrangeTiles();
        return false;
    }
    return !descriptor->grow(*counters, *list);
}

std::string CommonCalcLPSForceKernel::describeLostAtom(int index) {
    vector<OpenMM::mm_double4> positions;
    cc.getPosq().download(positions, true);
    const auto& order = cc.getAtomIndex();
    const std::size_t stored = std::find(order.begin(), order.end(), index) - order.begin();
    const OpenMM::mm_double4 x = positions.at(stored);
    std::ostringstream message;
    message << "LPSForce: the position of atom " << index << " is (" << x.x << ", " << x.y << ", " << x.z
            << ") nm; the simulation has probably become unstable, check the starting structure and the time step.";
    return message.str();
}

void CommonCalcLPSForceKernel::throwIfInvalid() {
    const auto& data = model->getPotential().getData();
    const int numTypes = model->getPotential().getNumTypes();
    if (counters->get(Counter::LostAtom) > 0)
        throw OpenMMException(describeLostAtom(std::numeric_limits<int>::max() - counters->get(Counter::LostAtom)));
    if (counters->get(Counter::Coincidences) > 0) {
        vector<OpenMM::mm_int4> sorted;
        list->sorted.download(sorted);
        const int first = cc.getAtomIndex()[sorted[counters->get(Counter::Coincident, 0)].x];
        const int second = cc.getAtomIndex()[sorted[counters->get(Counter::Coincident, 1)].x];
        throw OpenMMException("LPSForce: atoms " + std::to_string(std::min(first, second)) + " and " +
                              std::to_string(std::max(first, second)) +
                              " are at the same position; the forces between them are not defined, "
                              "separate them.");
    }
    if (counters->get(Counter::Excess) > 0) {
        const int pair = counters->get(Counter::Excess) - 1;
        throw OpenMMException("LPSForce: a particle of type " + data.typeNames[pair / numTypes] +
                              " has more neighbors of type " + data.typeNames[pair % numTypes] + " than the " +
                              std::to_string(data.slots[pair % numTypes]) +
                              " slots that the model has for them, and the model is marked to refuse more; check the "
                              "density, or set neighbor_overflow to 'count'.");
    }
}

void CommonCalcLPSForceKernel::evaluateUntilValid(const Purpose& purpose) {
    for (int attempt = 0; attempt < maximumAttempts; attempt++)
        if (evaluate(purpose))
            return;
    throw OpenMMException("LPSForce: the neighbor list still does not fit after " + std::to_string(maximumAttempts) +
                          " attempts; check that the positions are finite.");
}

double CommonCalcLPSForceKernel::getEnergy() {
    if (particles.blocks.empty())
        return constantEnergy;
    vector<long long> values;
    counters->sums.download(values);
    return constantEnergy + std::accumulate(values.begin(), values.end(), 0LL) / sumScale;
}

double CommonCalcLPSForceKernel::execute(ContextImpl& context, bool includeForces, bool includeEnergy) {
    ContextSelector selector(cc);
    const long long step = context.getStepCount();
    if (step != lastStep && step % stepsOfFreshLists == 0)
        list->invalidate();
    lastStep = step;
    forceScale = getScale(context);
    const bool needsEnergy = includeEnergy || wantsScaleDerivative;
    if (!evaluate({includeForces, needsEnergy, false})) {
        cc.setForcesValid(false);
        return 0.0;
    }
    if (!needsEnergy)
        return 0.0;
    const double energy = getEnergy();
    if (wantsScaleDerivative)
        cc.getEnergyParamDerivWorkspace()[scaleParameter] += energy;
    return includeEnergy ? forceScale * energy : 0.0;
}

vector<double> CommonCalcLPSForceKernel::computeParticleEnergies(ContextImpl&) {
    ContextSelector selector(cc);
    evaluateUntilValid({false, true, false});
    return downloadEnergies();
}

vector<double> CommonCalcLPSForceKernel::downloadEnergies() {
    vector<double> values(cc.getNumAtoms());
    atomEnergies.download(values, true);
    const long long numEntries = static_cast<long long>(entries.size());
    const long long first = numEntries * cc.getContextIndex() / cc.getNumContexts();
    const long long end = numEntries * (cc.getContextIndex() + 1) / cc.getNumContexts();
    vector<double> energies(entries.size(), 0.0);
    for (long long i = first; i < end; i++)
        if (model->isCenter(entryTypes[i]))
            energies[i] =
                values[entries[i]] + fitting->getConstantEnergy(entryTypes[i]) * lps::kilojoulesPerMolePerElectronvolt;
    return energies;
}

CalcLPSForceKernel::ParticleResults CommonCalcLPSForceKernel::computeParticleResults(ContextImpl&) {
    ContextSelector selector(cc);
    evaluateUntilValid({false, true, true});
    const std::size_t stride = cc.getPaddedNumAtoms();
    vector<long long> values;
    virials.download(values);
    vector<std::size_t> places(cc.getNumAtoms());
    for (std::size_t place = 0; place < places.size(); place++)
        places[cc.getAtomIndex()[place]] = place;
    ParticleResults results = {downloadEnergies(), vector<std::array<Vec3, 3>>(entries.size())};
    for (std::size_t i = 0; i < entries.size(); i++)
        for (int k = 0; k < 9; k++)
            results.virials[i][k / 3][k % 3] = values[k * stride + places[entries[i]]] / sumScale;
    return results;
}

vector<double> CommonCalcLPSForceKernel::computeFeatures(ContextImpl&) {
    ContextSelector selector(cc);
    evaluateUntilValid({false, false, false, true});
    const std::size_t width = model->getPotential().getFeatureWidth();
    vector<OpenMM::mm_int4> sorted;
    list->sorted.download(sorted);
    vector<std::size_t> rowOfParticle(cc.getNumAtoms(), featureRows.size());
    for (std::size_t block = 0; block < particles.blocks.size(); block++)
        for (int row = 0; row < particles.blocks[block].z; row++)
            rowOfParticle[cc.getAtomIndex()[sorted[particles.blocks[block].y + row].x]] =
                block * device->settings.blockRows + row;
    vector<double> features(entries.size() * width, 0.0);
    for (std::size_t i = 0; i < entries.size(); i++)
        if (rowOfParticle[entries[i]] < featureRows.size())
            std::copy_n(featureRows.data() + rowOfParticle[entries[i]] * width, width, features.data() + i * width);
    return features;
}

vector<Vec3> CommonCalcLPSForceKernel::computeVirial(ContextImpl&) {
    ContextSelector selector(cc);
    evaluateUntilValid({false, false, true});
    vector<long long> values;
    virials.download(values);
    const std::size_t stride = cc.getPaddedNumAtoms();
    double w[3][3];
    for (std::size_t k = 0; k < 9; k++)
        w[k / 3][k % 3] =
            std::accumulate(values.begin() + k * stride, values.begin() + (k + 1) * stride, 0LL) / sumScale;
    vector<Vec3> rows(3);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            rows[i][j] = 0.5 * (w[i][j] + w[j][i]);
    return rows;
}

}  // namespace LPSPlugin
