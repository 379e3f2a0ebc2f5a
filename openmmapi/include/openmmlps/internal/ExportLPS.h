// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

/**
 * @file ExportLPS.h
 * Marks what libOpenMMLPS shows to others. Everything else, the model core included, stays hidden inside the libraries.
 */
#if defined(_WIN32)
#if defined(OPENMM_LPS_BUILDING_LIBRARY)
#define OPENMM_EXPORT_LPS __declspec(dllexport)
#else
#define OPENMM_EXPORT_LPS __declspec(dllimport)
#endif
#else
#define OPENMM_EXPORT_LPS __attribute__((visibility("default")))
#endif
