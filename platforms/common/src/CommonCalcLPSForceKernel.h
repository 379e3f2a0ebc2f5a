// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <memory>
#include <vector>

#include "Counters.h"
#include "DeviceDescriptor.h"
#include "DeviceFitting.h"
#include "DeviceForces.h"
#include "DeviceModel.h"
#include "DeviceNeighborList.h"
#include "LPSForceInfo.h"
#include "openmmlps/LPSKernels.h"

namespace LPSPlugin {

/**
 * LPSForce on one device of the CUDA, OpenCL or HIP platform. Each stage has its own class; this one calls them in
 * order. Nothing is copied to the host in a step but a few integers that say whether the neighbor list fitted, and the
 * energy when it is asked for.
 */
class CommonCalcLPSForceKernel : public CalcLPSForceKernel {
public:
    CommonCalcLPSForceKernel(const std::string& kernelName, const OpenMM::Platform& kernelPlatform,
                             OpenMM::ComputeContext& context)
        : CalcLPSForceKernel(kernelName, kernelPlatform), cc(context) {}
    ~CommonCalcLPSForceKernel() override;

    void initialize(const OpenMM::System& system, const LPSForce& force) override;
    double execute(OpenMM::ContextImpl& context, bool includeForces, bool includeEnergy) override;
    void copyParametersToContext(OpenMM::ContextImpl& context, const LPSForce& force) override;
    std::vector<double> computeParticleEnergies(OpenMM::ContextImpl& context) override;
    std::vector<OpenMM::Vec3> computeVirial(OpenMM::ContextImpl& context) override;
    ParticleResults computeParticleResults(OpenMM::ContextImpl& context) override;
    std::vector<double> computeFeatures(OpenMM::ContextImpl& context) override;

private:
    /** What an evaluation is for. */
    struct Purpose {
        bool forces, energy, virials;
        bool features = false;
    };

    void readParticles(const LPSForce& force);
    void buildStages(const LPSForce& force);
    void deleteStages();
    void arrangeTiles();

    /** @return whether every array had room; if not, the result is wrong, and the arrays have grown */
    bool evaluate(const Purpose& purpose);
    void evaluateUntilValid(const Purpose& purpose);
    bool acceptCounters();

    void throwIfInvalid();
    std::string describeLostAtom(int index);
    double getEnergy();
    std::vector<double> downloadEnergies();

    OpenMM::ComputeContext& cc;
    LPSForceInfo* info = nullptr;  // owned by the ComputeContext
    ParticleSet particles;
    std::vector<int> entries;  // [n] particle of each entry of the Force
    std::vector<int> entryTypes;
    double constantEnergy = 0.0;  // kJ/mol, of the particles this device owns
    double sumScale = 1.0;        // units of the sums in 1 kJ/mol
    bool periodic = true;
    long long lastStep = -1;  // of the Context, at the last evaluation

    std::unique_ptr<Device> device;
    std::unique_ptr<Counters> counters;
    std::unique_ptr<DeviceModel> model;
    std::unique_ptr<DeviceNeighborList> list;
    std::unique_ptr<DeviceDescriptor> descriptor;
    std::unique_ptr<DeviceFitting> fitting;
    std::unique_ptr<DeviceForces> forces;
    OpenMM::ComputeArray atomEnergies, virials;
    double forceScale = 1.0;          // of the present execute()
    std::vector<double> featureRows;  // [rows][w] of the last evaluation for features
};

}  // namespace LPSPlugin
