// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "DeviceKernel.h"

#include <chrono>

#include "openmm/OpenMMException.h"

namespace LPSPlugin {

DeviceKernel::DeviceKernel(Device& owner, const DeviceProgram& program, const std::string& name)
    : device(&owner),
      kernel(program.compiled->createKernel(name)),
      signature(parseSignature(program.source, name)),
      usage(&owner.usage.getKernel(name)) {}

void DeviceKernel::prepare(int groupSize, const std::vector<KernelArgument>& given) {
    const std::string name = kernel->getName();
    checkArguments(name, signature, given, {device->getRealSize(), device->getMixedSize()});
    if (groupSize > kernel->getMaxBlockSize())
        throw OpenMM::OpenMMException("LPSForce: the device runs at most " + std::to_string(kernel->getMaxBlockSize()) +
                                      " threads of kernel '" + name + "' together, but " + std::to_string(groupSize) +
                                      " are needed; use the CPU platform, or set OPENMM_LPS_DEVICE_KIND=cpu.");
    for (std::size_t i = 0; i < given.size(); i++)
        kernel->addArg();
    isReady = true;
}

void DeviceKernel::set(int index, Real value) {
    setNumber(index, value.value, device->isRealDouble());
}

void DeviceKernel::set(int index, Mixed value) {
    setNumber(index, value.value, device->isMixedDouble());
}

void DeviceKernel::set(int index, const Real4& v) {
    if (device->isRealDouble())
        kernel->setArg(index, OpenMM::mm_double4(v.x, v.y, v.z, v.w));
    else
        kernel->setArg(index, OpenMM::mm_float4(static_cast<float>(v.x), static_cast<float>(v.y),
                                                static_cast<float>(v.z), static_cast<float>(v.w)));
}

void DeviceKernel::setNumber(int index, double value, bool isDouble) {
    if (isDouble)
        kernel->setArg(index, value);
    else
        kernel->setArg(index, static_cast<float>(value));
}

void DeviceKernel::execute(int threads, int groupSize) {
    usage->launches++;
    if (!device->usage.isTimed()) {
        kernel->execute(threads, groupSize);
        return;
    }
    device->wait();
    const auto begin = std::chrono::steady_clock::now();
    kernel->execute(threads, groupSize);
    device->wait();
    if (usage->launches == 1)
        return;
    usage->timed++;
    usage->seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace LPSPlugin
