// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "DeviationFile.h"
#include "PairSettings.h"
#include "UncertaintyFile.h"
#include "lps/FastEvaluator.h"
#include "pair.h"

namespace lps::lammps {

/**
 * @file PairLps.h
 * pair_style lps: a Deep Potential in LAMMPS (docs/lammps.md). Each rank evaluates the atoms that it owns with the
 * neighbors that LAMMPS has found, and what ghosts feel goes back to their owners.
 */
class PairLps : public LAMMPS_NS::Pair {
public:
    explicit PairLps(LAMMPS_NS::LAMMPS* lammps);
    ~PairLps() override;
    PairLps(const PairLps&) = delete;
    PairLps& operator=(const PairLps&) = delete;

    void settings(int count, char** words) override;
    void coeff(int count, char** words) override;
    void init_style() override;
    double init_one(int first, int second) override;
    void compute(int energyFlags, int virialFlags) override;

    void write_restart(FILE* file) override;
    void read_restart(FILE* file) override;
    void write_restart_settings(FILE* file) override;
    void read_restart_settings(FILE* file) override;

    int pack_reverse_comm(int count, int first, double* buffer) override;
    void unpack_reverse_comm(int count, int* atoms, double* buffer) override;

    void* extract(const char* name, int& dimension) override;
    void* extract_peratom(const char* name, int& columns) override;

    double memory_usage() override;

private:
    /** The model that moves the atoms, or another one of the committee. */
    struct Member {
        std::unique_ptr<FastEvaluator> evaluator;
        Evaluation result;
        long long list = -1;  ///< numLists when the evaluator took the neighbors
    };

    void loadModels();
    void allocate();
    void findElements();
    void makeEvaluators();
    double getLargestCutoff() const;

    void noticeNewList();
    void evaluate(Member& member, const FastRequest& request);
    void sendToOwners(Member& member, bool withVirials);
    void addForces();
    void addEnergies();
    void addVirials();
    void compareModels(bool isFolded, const FastRequest& request);
    void findUncertainties(bool writes);
    std::string explain(const std::string& problem) const;
    [[noreturn]] void stopAll(const std::string& message) const;
    [[noreturn]] void stopOne(const std::string& message) const;

    PairSettings set;
    bool isRestarted = false;  // settings come from a restart file
    std::vector<std::shared_ptr<const DeepPotential>> models;
    std::vector<Member> members;
    std::unique_ptr<Executor> executor;
    std::unique_ptr<DeviationFile> deviations;
    std::unique_ptr<UncertaintyFile> uncertaintyFile;

    // For `fix pair`: what it asks for at a step, and what it takes at the end of the step.
    int wantsUncertainty = 0, wantsGrade = 0;
    std::vector<double> uncertainties, grades;  // [local atoms, at least 1], in units of LAMMPS; 0: not of the model
    LAMMPS_NS::bigint uncertaintyStep = -1;     // of these

    std::vector<int> typeOf;  // [atom types + 1] type in the model
    double energyUnit = 1.0;  // one electronvolt in units of LAMMPS
    std::vector<int> types;   // [atoms and ghosts] in the model
    LAMMPS_NS::bigint builds = -1;
    long long numLists = 0;      // lists so far, and changes of types
    Evaluation* sent = nullptr;  // what goes from ghosts to owners just now
    bool sendsVirials = false;
};

}  // namespace lps::lammps
