// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// The entry that LAMMPS looks for in a plugin.

#include <string>

#include "PairLps.h"
#include "error.h"
#include "lammps.h"

namespace {

/** What LAMMPS wants to know of a style; the memory layout is that of its documentation, "Writing plugins". */
struct PluginRecord {
    const char* version;
    const char* style;
    const char* name;
    const char* info;
    const char* author;
    void* (*create)(LAMMPS_NS::LAMMPS*);
    void* handle;
};
using RegisterStyle = void (*)(PluginRecord*, void*);

void* createPair(LAMMPS_NS::LAMMPS* lammps) {
    return new lps::lammps::PairLps(lammps);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void lammpsplugin_init(void* lammps, void* handle,
                                                                         void* registerStyle) {
    const auto* program = static_cast<LAMMPS_NS::LAMMPS*>(lammps);
    // Classes of another version may differ in memory, which nobody would notice before a crash.
    if (LPS_LAMMPS_VERSION != 0 && program->num_ver != LPS_LAMMPS_VERSION)
        program->error->all(FLERR, "pair_style lps: this plugin was built for LAMMPS " +
                                       std::to_string(LPS_LAMMPS_VERSION) + ", but this is " +
                                       std::to_string(program->num_ver) +
                                       "; install the version of LAMMPS that openmm-lps[lammps] asks for, or build the "
                                       "plugin for yours (docs/lammps.md)");
    PluginRecord record{program->version,         "pair",     "lps", "Deep Potentials at the speed of openmm-lps",
                        "the openmm-lps authors", createPair, handle};
    reinterpret_cast<RegisterStyle>(registerStyle)(&record, lammps);
}
