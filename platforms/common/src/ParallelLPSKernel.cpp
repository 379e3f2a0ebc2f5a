// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "ParallelLPSKernel.h"

#include <memory>
#include <utility>

#include "FirstError.h"
#include "openmm/OpenMMException.h"
#include "openmm/common/ContextSelector.h"

namespace LPSPlugin {

using OpenMM::ComputeContext;
using OpenMM::ContextImpl;
using OpenMM::ContextSelector;
using OpenMM::Vec3;
using std::vector;

/** One device's evaluation, run by its own thread. */
class ParallelLPSKernel::Task : public ComputeContext::WorkTask {
public:
    /** @param first  shared by the tasks of one evaluation */
    Task(ContextImpl& contextImpl, CommonCalcLPSForceKernel& calcKernel, bool forces, bool energy, double& total,
         std::shared_ptr<FirstError> first)
        : context(contextImpl),
          kernel(calcKernel),
          includeForces(forces),
          includeEnergy(energy),
          energySum(total),
          error(std::move(first)) {}

    void execute() override {
        error->guard([&] { energySum += kernel.execute(context, includeForces, includeEnergy); });
    }

private:
    ContextImpl& context;
    CommonCalcLPSForceKernel& kernel;
    const bool includeForces, includeEnergy;
    double& energySum;
    const std::shared_ptr<FirstError> error;
};

ParallelLPSKernel::ParallelLPSKernel(const std::string& kernelName, const OpenMM::Platform& kernelPlatform,
                                     ComputeContext& context)
    : CalcLPSForceKernel(kernelName, kernelPlatform), cc(context) {
    for (ComputeContext* device : cc.getAllContexts())
        kernels.push_back(std::make_unique<CommonCalcLPSForceKernel>(kernelName, kernelPlatform, *device));
}

void ParallelLPSKernel::initialize(const OpenMM::System& system, const LPSForce& force) {
    if (!force.getEnergyScaleParameter().empty() && force.getComputesScaleDerivative())
        throw OpenMM::OpenMMException("LPSForce: the derivative with respect to '" + force.getEnergyScaleParameter() +
                                      "' is not added up over several devices; use one, or "
                                      "setComputesScaleDerivative(False): the derivative is the "
                                      "energy of the Force over the scale.");
    for (auto& kernel : kernels)
        kernel->initialize(system, force);
}

double ParallelLPSKernel::execute(ContextImpl& context, bool includeForces, bool includeEnergy) {
    const vector<ComputeContext*> devices = cc.getAllContexts();
    const auto error = std::make_shared<FirstError>();
    for (std::size_t i = 0; i < kernels.size(); i++)
        devices[i]->getWorkThread().addTask(
            new Task(context, *kernels[i], includeForces, includeEnergy, devices[i]->getEnergyWorkspace(), error));
    return 0.0;
}

void ParallelLPSKernel::copyParametersToContext(ContextImpl& context, const LPSForce& force) {
    for (auto& kernel : kernels)
        kernel->copyParametersToContext(context, force);
}

/** Outside of force calculations OpenMM keeps the positions of the first device only. */
void ParallelLPSKernel::copyPositions() {
    const vector<ComputeContext*> devices = cc.getAllContexts();
    vector<char> positions(static_cast<std::size_t>(cc.getPosq().getSize()) * cc.getPosq().getElementSize());
    {
        ContextSelector selector(cc);
        cc.getPosq().download(positions.data());
    }
    for (std::size_t i = 1; i < devices.size(); i++) {
        ContextSelector selector(*devices[i]);
        devices[i]->getPosq().upload(positions.data());
    }
}

vector<double> ParallelLPSKernel::sumOverDevices(ContextImpl& context,
                                                 vector<double> (CalcLPSForceKernel::*compute)(ContextImpl&)) {
    copyPositions();
    vector<double> total = (*kernels[0].*compute)(context);
    for (std::size_t k = 1; k < kernels.size(); k++) {
        const vector<double> part = (*kernels[k].*compute)(context);
        for (std::size_t i = 0; i < total.size(); i++)
            total[i] += part[i];
    }
    return total;
}

vector<double> ParallelLPSKernel::computeParticleEnergies(ContextImpl& context) {
    return sumOverDevices(context, &CalcLPSForceKernel::computeParticleEnergies);
}

vector<Vec3> ParallelLPSKernel::computeVirial(ContextImpl& context) {
    copyPositions();
    vector<Vec3> total(3);
    for (auto& kernel : kernels) {
        const vector<Vec3> part = kernel->computeVirial(context);
        for (int k = 0; k < 3; k++)
            total[k] += part[k];
    }
    return total;
}

vector<double> ParallelLPSKernel::computeFeatures(ContextImpl& context) {
    return sumOverDevices(context, &CalcLPSForceKernel::computeFeatures);
}

CalcLPSForceKernel::ParticleResults ParallelLPSKernel::computeParticleResults(ContextImpl& context) {
    copyPositions();
    ParticleResults total = kernels[0]->computeParticleResults(context);
    for (std::size_t k = 1; k < kernels.size(); k++) {
        const ParticleResults part = kernels[k]->computeParticleResults(context);
        for (std::size_t i = 0; i < total.energies.size(); i++) {
            total.energies[i] += part.energies[i];
            for (int row = 0; row < 3; row++)
                total.virials[i][row] += part.virials[i][row];
        }
    }
    return total;
}

}  // namespace LPSPlugin
