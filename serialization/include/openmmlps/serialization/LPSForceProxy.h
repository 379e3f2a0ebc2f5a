// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include "openmm/serialization/SerializationProxy.h"
#include "openmmlps/internal/ExportLPS.h"

namespace LPSPlugin {

/**
 * Writes an LPSForce to XML and reads it back. The XML carries the model itself (its bytes in base64, with their
 * SHA-256), so that it needs no other file.
 */
class OPENMM_EXPORT_LPS LPSForceProxy : public OpenMM::SerializationProxy {
public:
    LPSForceProxy();
    void serialize(const void* object, OpenMM::SerializationNode& node) const override;

    /** @throws OpenMM::OpenMMException if the XML comes from a newer version or the model in it is damaged */
    void* deserialize(const OpenMM::SerializationNode& node) const override;
};

}  // namespace LPSPlugin
