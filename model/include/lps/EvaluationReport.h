// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

namespace lps {

/**
 * @file EvaluationReport.h
 * What a FastEvaluator tells of its tables and its time.
 */

/** One table made at load time. */
struct TableReport {
    int centerType, neighborType;
    int intervals;           ///< 0: not tabulated because the tolerance could not be met
    double valueError;       ///< largest error of g seen, as a fraction of the largest |g|
    double derivativeError;  ///< likewise of dg/dr
};

/** Parts of an evaluation, for profiles. */
enum class Stage { List, Environment, Table, Descriptor, Gemm, Activation, TableGradient, Forces, Reduce };
constexpr int numStages = 9;
/** In lower case, such as "table gradient"; a constant. */
const char* getStageName(Stage stage);

}  // namespace lps
