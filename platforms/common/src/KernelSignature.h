// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <string>
#include <vector>

namespace LPSPlugin {

/**
 * @file KernelSignature.h
 * What kernels take, read from their own text, so that a list of arguments is checked before a device sees it.
 */

/** A parameter or an argument of a kernel. */
struct KernelArgument {
    std::string name;  ///< empty for what is given
    std::string type;  ///< as kernels write it, such as "real4"; empty for the elements of an array that is given
    bool isArray = false;
    int elementSize = 0;  ///< bytes, for the elements of an array that is given
};

/** Bytes of the types whose size depends on the precision. */
struct NumberSizes {
    int real, mixed;
};

/**
 * Parameters of a kernel.
 *
 * @throws OpenMMException if the text has no such kernel
 */
std::vector<KernelArgument> parseSignature(const std::string& source, const std::string& kernel);

/**
 * Compare what is given with what a kernel takes, in number and kind: the type of a number, the size of an array's
 * elements.
 *
 * @throws OpenMMException that names kernel, argument, the kind it takes and the kind given
 */
void checkArguments(const std::string& kernel, const std::vector<KernelArgument>& signature,
                    const std::vector<KernelArgument>& given, const NumberSizes& sizes);

}  // namespace LPSPlugin
