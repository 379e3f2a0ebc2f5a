// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

namespace LPSPlugin {

/**
 * Fields of the device array that all stages of an evaluation count in. Kernels know them by macros with the
 * names beside them, and say what they mean. All but Rebuild are cleared by the first stage, checkDisplacements() in
 * kernels/sorting.cc, and by nothing else.
 */
enum class Counter {
    Rebuild,                        ///< LPS_REBUILD: number of the evaluation that last rebuilt the neighbor list
    LostAtom,                       ///< LPS_LOST_ATOM: 2^31 - 1 - index of an atom that is too far away, or not finite
    Excess,                         ///< LPS_EXCESS: 1 + pair of types with more neighbors than the model allows
    Coincidences,                   ///< LPS_COINCIDENCES: pairs of atoms at the same position
    Coincident,                     ///< LPS_COINCIDENT: ranks of one such pair, two fields
    DirectWanted = Coincident + 2,  ///< LPS_DIRECT_WANTED: room for direct pairs that was missing in a tile
    Neighbors                       ///< LPS_NEIGHBORS: [T] neighbors of each type, where they did not fit; then
                                    ///< LPS_DIRECT_PAIRS: [tiles] direct pairs
};

/** 64-bit integers in which energies are summed. */
constexpr int numSums = 64;

/** The number after this one of an evaluation; never 0, which says that the list has never been built. */
constexpr int nextEvaluation(int evaluation) {
    return evaluation < 0x7fffffff ? evaluation + 1 : 1;
}
static_assert(nextEvaluation(0) == 1 && nextEvaluation(0x7fffffff) == 1, "evaluations are counted in a circle");

}  // namespace LPSPlugin
