// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

/**
 * @file LPSSerializationProxyRegistration.cpp
 * Makes LPSForce known to OpenMM's XmlSerializer when libOpenMMLPS is loaded.
 */

#include "openmm/serialization/SerializationProxy.h"
#include "openmmlps/LPSForce.h"
#include "openmmlps/internal/OpenMMVersion.h"
#include "openmmlps/serialization/LPSForceProxy.h"

namespace LPSPlugin {

namespace {

bool registerProxies() {
    if (!isOpenMMCompatible())
        return false;
    OpenMM::SerializationProxy::registerProxy(typeid(LPSForce), new LPSForceProxy());
    return true;
}

[[maybe_unused]] const bool registered = registerProxies();

}  // namespace

}  // namespace LPSPlugin
