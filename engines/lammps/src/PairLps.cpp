// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "PairLps.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <exception>
#include <thread>

#include "SharedFile.h"
#include "atom.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "lps/Error.h"
#include "lps/ModelFile.h"
#include "lps/Units.h"
#include "memory.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "update.h"

using namespace LAMMPS_NS;

namespace lps::lammps {

namespace {

constexpr double kilocaloriesPerMolePerElectronvolt = kilojoulesPerMolePerElectronvolt / 4.184;
constexpr int virialRows[6] = {0, 1, 2, 0, 0, 1}, virialColumns[6] = {0, 1, 2, 1, 2, 2};  // order of LAMMPS
constexpr int centroidRows[9] = {0, 1, 2, 0, 0, 1, 1, 2, 2}, centroidColumns[9] = {0, 1, 2, 1, 2, 2, 0, 0, 1};

/** Numbers of a ghost that go to its owner: forces, and virials too. */
constexpr int forceLength = 3, fullLength = 12;

DeepPotential parse(const std::string& bytes, const std::string& file) {
    // A safetensors file begins with the length of its header, which begins with a brace.
    if (bytes.size() < 9 || bytes[8] != '{')
        throw Error("'" + file +
                    "' is no native file of openmm-lps; convert any file of DeePMD-kit by: openmm-lps convert '" +
                    file + "' model.safetensors");
    return parseModel(bytes, "'" + file + "'");
}

}  // namespace

PairLps::PairLps(LAMMPS* lammps) : Pair(lammps) {
    single_enable = 0;
    restartinfo = 1;
    one_coeff = 1;
    manybody_flag = 1;
    no_virial_fdotr_compute = 1;
    centroidstressflag = CENTROID_AVAIL;
    comm_reverse = comm_reverse_off = fullLength;
}

PairLps::~PairLps() {
    if (!allocated)
        return;
    memory->destroy(setflag);
    memory->destroy(cutsq);
}

/** For faults that all ranks see. */
void PairLps::stopAll(const std::string& message) const {
    error->all(FLERR, message.rfind("pair_", 0) == 0 ? message : "pair_style lps: " + message);
}

/** For faults that some ranks see. The first of them ends the others before they repeat it. */
void PairLps::stopOne(const std::string& message) const {
    std::this_thread::sleep_for(std::chrono::milliseconds(200 * std::min(comm->me, 25)));
    error->one(FLERR, "pair_style lps: " + message);
}

// ---------------------------------------------------------------- settings

void PairLps::settings(int count, char** words) {
    try {
        set = PairSettings::parse(std::vector<std::string>(words, words + count));
    } catch (const Error& problem) {
        stopAll(problem.what());
    }
    isRestarted = false;
    models.clear();
    members.clear();
    deviations.reset();
    uncertaintyFile.reset();
    loadModels();
}

void PairLps::loadModels() {
    if (!models.empty())
        return;
    std::vector<std::uint64_t> hashes;
    try {
        for (const std::string& file : set.models) {
            const std::string found = utils::get_potential_file_path(file);
            const std::string bytes = readSharedFile(found.empty() ? file : found, world);
            hashes.push_back(hashBytes(bytes));
            if (isRestarted && set.hashes[hashes.size() - 1] != hashes.back())
                throw Error("'" + file +
                            "' is not the model with which the restart file was written; put that one back, or state "
                            "pair_style lps and pair_coeff again to go on with this one");
            models.push_back(std::make_shared<const DeepPotential>(parse(bytes, file)));
            if (models.back()->getData().typeNames != models.front()->getData().typeNames)
                throw Error("'" + file + "' has types " + models.back()->describeTypes() + ", but '" +
                            set.models.front() + "' has " + models.front()->describeTypes() +
                            "; models of a committee must have the same types in the same order");
        }
        if (!set.uncertaintyFile.empty() && !models.front()->hasUncertainties())
            throw Error("uncertainty: '" + set.models.front() + "' is not calibrated; use the model that 'openmm-lps " +
                        "calibrate' writes");
    } catch (const Error& problem) {
        models.clear();
        stopAll(problem.what());
    }
    set.hashes = hashes;
}

void PairLps::coeff(int count, char** words) {
    loadModels();
    const int numTypes = atom->ntypes;
    if (count != 2 + numTypes || std::strcmp(words[0], "*") != 0 || std::strcmp(words[1], "*") != 0)
        stopAll("pair_coeff: " + std::to_string(count) + " words; write * * and then, for each of the " +
                std::to_string(numTypes) + " atom types, a type of the model, " + models.front()->describeTypes() +
                ", or NULL");
    set.elements.assign(words + 2, words + count);
    allocate();
    findElements();
    if (!force->pair_match("^hybrid", 0) && std::count(set.elements.begin(), set.elements.end(), "NULL") > 0)
        stopAll("pair_coeff: NULL leaves atoms to other pair styles, but there is none; use pair_style hybrid");
}

void PairLps::allocate() {
    const int numTypes = atom->ntypes;
    if (!allocated) {
        memory->create(setflag, numTypes + 1, numTypes + 1, "pair:setflag");
        memory->create(cutsq, numTypes + 1, numTypes + 1, "pair:cutsq");
        allocated = 1;
    }
    for (int i = 1; i <= numTypes; i++)
        for (int j = 1; j <= numTypes; j++)
            setflag[i][j] = set.elements[i - 1] != "NULL" && set.elements[j - 1] != "NULL";
}

void PairLps::findElements() {
    const std::vector<std::string>& names = models.front()->getData().typeNames;
    typeOf.assign(set.elements.size() + 1, NeighborList::noType);
    for (std::size_t type = 1; type < typeOf.size(); type++) {
        const std::string& element = set.elements[type - 1];
        const auto found = std::find(names.begin(), names.end(), element);
        if (found != names.end())
            typeOf[type] = static_cast<int>(found - names.begin());
        else if (element != "NULL")
            stopAll("pair_coeff: the model has no '" + element + "' for atom type " + std::to_string(type) +
                    "; its types are " + models.front()->describeTypes() + ", and NULL leaves atoms to other styles");
    }
}

void PairLps::init_style() {
    loadModels();
    if (static_cast<int>(set.elements.size()) != atom->ntypes)
        stopAll("pair_coeff is missing; write it after pair_style lps");
    findElements();
    const std::string units = update->unit_style;
    if (units != "metal" && units != "real")
        stopAll("units are " + units + "; use units metal or units real");
    energyUnit = units == "real" ? kilocaloriesPerMolePerElectronvolt : 1.0;
    if (atom->molecular != Atom::ATOMIC)
        for (int k = 1; k <= 3; k++)
            if (force->special_lj[k] == 0.0 && force->special_coul[k] == 0.0)
                stopAll(
                    "special_bonds takes bonded atoms out of the neighbors of the model; write special_bonds lj/coul "
                    "1.0 1.0 1.0, or 1.0e-50 for what other pair styles must not see");
    if (neighbor->nex_type + neighbor->nex_group + neighbor->nex_mol > 0 && comm->me == 0)
        error->warning(FLERR,
                       "pair_style lps: neigh_modify exclude takes neighbors from the model, which changes its "
                       "energy");
    neighbor->add_request(this, NeighConst::REQ_FULL);
    makeEvaluators();
}

void PairLps::makeEvaluators() {
    if (!members.empty())
        return;
    const int threads = set.threads > 0 ? set.threads : comm->nthreads;
    try {
        if (threads > 1)
            executor = std::make_unique<ThreadExecutor>(threads);
        else
            executor = std::make_unique<SerialExecutor>();
        FastOptions options;
        options.precision = set.precision;
        for (const auto& model : models)
            members.push_back({std::make_unique<FastEvaluator>(model, options), {}, -1});
    } catch (const Error& problem) {
        error->one(FLERR, problem.what());
    }
    const bool mayContinue = isRestarted || lmp->restart_ver > 0;
    if (members.size() > 1 && !deviations)
        deviations = std::make_unique<DeviationFile>(set.deviationFile, mayContinue, world);
    if (!set.uncertaintyFile.empty() && !uncertaintyFile)
        uncertaintyFile = std::make_unique<UncertaintyFile>(set.uncertaintyFile, mayContinue, world);
    if (comm->me == 0)
        utils::logmesg(lmp, "pair_style lps: '" + set.models.front() + "', types " + models.front()->describeTypes() +
                                ", cutoff " + std::to_string(getLargestCutoff()) + " A, precision " +
                                (set.precision == Precision::Float64 ? "double" : "single") + ", " +
                                members.front().evaluator->getTarget() +
                                ", threads in a rank: " + std::to_string(threads) + "\n");
}

double PairLps::getLargestCutoff() const {
    double cutoff = 0.0;
    for (const auto& model : models)
        cutoff = std::max(cutoff, model->getCutoff());
    return cutoff;
}

double PairLps::init_one(int, int) {
    return getLargestCutoff();
}

// ---------------------------------------------------------------- a step

void PairLps::compute(int energyFlags, int virialFlags) {
    ev_init(energyFlags, virialFlags);
    noticeNewList();
    const bool isOutputStep = update->ntimestep % set.outputInterval == 0;
    const bool compares = isOutputStep && deviations && deviations->getLastStep() != update->ntimestep;
    const bool writesUncertainty =
        isOutputStep && uncertaintyFile && uncertaintyFile->getLastStep() != update->ntimestep;
    const bool needsFeatures = writesUncertainty || wantsUncertainty || wantsGrade;
    const FastRequest request{true, vflag_global || compares, vflag_atom || cvflag_atom, needsFeatures};
    evaluate(members.front(), request);
    uncertaintyStep = -1;  // a step may be computed twice, with atoms in another order
    if (needsFeatures)
        findUncertainties(writesUncertainty);
    if (!force->newton_pair)
        sendToOwners(members.front(), request.atomVirials);
    addForces();
    addEnergies();
    addVirials();
    if (compares)
        compareModels(!force->newton_pair, request);
}

/** Types change without a new list when a fix swaps atoms. */
void PairLps::noticeNewList() {
    const int total = atom->nlocal + atom->nghost;
    bool isNew = neighbor->ago == 0 || neighbor->ncalls != builds || static_cast<int>(types.size()) != total;
    builds = neighbor->ncalls;
    types.resize(total, NeighborList::noType);
    int centers = 0;
    for (int i = 0; i < total; i++) {
        const int type = typeOf[atom->type[i]];
        isNew |= types[i] != type;
        types[i] = type;
        centers += i < atom->nlocal && type != NeighborList::noType;
    }
    if (list->inum != centers)
        stopOne("neigh_modify include leaves atoms of the model without neighbors; remove it");
    if (isNew)
        numLists++;
}

void PairLps::evaluate(Member& member, const FastRequest& request) {
    ExternalNeighbors neighbors;
    neighbors.numAtoms = atom->nlocal;
    neighbors.numTotal = static_cast<int>(types.size());
    neighbors.positions = types.empty() ? nullptr : reinterpret_cast<const Vector3*>(atom->x[0]);
    neighbors.types = types.data();
    neighbors.counts = list->numneigh;
    neighbors.lists = list->firstneigh;
    neighbors.keepLists = member.list == numLists;
    neighbors.indexMask = NEIGHMASK;
    std::string problem;
    try {
        if (neighbors.numTotal > 0)
            member.evaluator->evaluate(neighbors, *executor, request, member.result);
        else
            member.result = {};
        member.list = numLists;
        return;
    } catch (const std::exception& exception) {
        problem = exception.what();
    }
    stopOne(explain(problem));
}

/** Name atoms by their IDs: the evaluator knows only their places in the memory of this rank. */
std::string PairLps::explain(const std::string& problem) const {
    const auto name = [&](int i) {
        return atom->tag_enable ? std::to_string(atom->tag[i]) : "number " + std::to_string(i) + " of this rank";
    };
    const auto isCloseToZero = [](const Vector3& d) { return d[0] == 0.0 && d[1] == 0.0 && d[2] == 0.0; };
    for (int i = 0; i < static_cast<int>(types.size()); i++) {
        const double* x = atom->x[i];
        if (!std::isfinite(x[0] + x[1] + x[2]))
            return "the position of atom " + name(i) + " is (" + std::to_string(x[0]) + ", " + std::to_string(x[1]) +
                   ", " + std::to_string(x[2]) +
                   "); the simulation has become unstable, check the starting structure and the time step";
    }
    for (int i = 0; i < atom->nlocal; i++)
        for (int k = 0; types[i] != NeighborList::noType && k < list->numneigh[i]; k++) {
            const int j = list->firstneigh[i][k] & NEIGHMASK;
            const double *a = atom->x[i], *b = atom->x[j];
            if (isCloseToZero({a[0] - b[0], a[1] - b[1], a[2] - b[2]}))
                return "atoms " + name(std::min(i, j)) + " and " + name(std::max(i, j)) +
                       " are at the same position; the forces between them are not defined, separate them";
        }
    return problem;
}

void PairLps::sendToOwners(Member& member, bool withVirials) {
    sent = &member.result;
    sendsVirials = withVirials;
    comm->reverse_comm(this, withVirials ? fullLength : forceLength);
}

int PairLps::pack_reverse_comm(int count, int first, double* buffer) {
    double* next = buffer;
    for (int i = first; i < first + count; i++) {
        next = std::copy_n(sent->forces[i].data(), 3, next);
        for (int d = 0; sendsVirials && d < 3; d++)
            next = std::copy_n(sent->atomVirials[i][d].data(), 3, next);
    }
    return static_cast<int>(next - buffer);
}

void PairLps::unpack_reverse_comm(int count, int* atoms, double* buffer) {
    for (int k = 0; k < count; k++) {
        for (double& component : sent->forces[atoms[k]])
            component += *buffer++;
        for (int d = 0; sendsVirials && d < 3; d++)
            for (double& component : sent->atomVirials[atoms[k]][d])
                component += *buffer++;
    }
}

void PairLps::addForces() {
    const int count = force->newton_pair ? static_cast<int>(types.size()) : atom->nlocal;
    const std::vector<Vector3>& forces = members.front().result.forces;
    for (int i = 0; i < count; i++)
        for (int d = 0; d < 3; d++)
            atom->f[i][d] += energyUnit * forces[i][d];
}

void PairLps::addEnergies() {
    const Evaluation& result = members.front().result;
    if (eflag_global)
        eng_vdwl += energyUnit * result.energy;
    if (eflag_atom)
        for (int i = 0; i < atom->nlocal; i++)
            eatom[i] += energyUnit * result.atomEnergies[i];
}

void PairLps::addVirials() {
    const Evaluation& result = members.front().result;
    if (vflag_global)
        for (int c = 0; c < 6; c++)
            virial[c] += energyUnit * result.virial[virialRows[c]][virialColumns[c]];
    const int count = force->newton_pair ? static_cast<int>(types.size()) : atom->nlocal;
    for (int i = 0; i < count; i++) {
        for (int c = 0; vflag_atom && c < 6; c++)
            vatom[i][c] += 0.5 * energyUnit *
                           (result.atomVirials[i][virialRows[c]][virialColumns[c]] +
                            result.atomVirials[i][virialColumns[c]][virialRows[c]]);
        for (int c = 0; cvflag_atom && c < 9; c++)
            cvatom[i][c] += energyUnit * result.atomVirials[i][centroidRows[c]][centroidColumns[c]];
    }
}

void PairLps::compareModels(bool isFolded, const FastRequest& request) {
    std::vector<const Evaluation*> results;
    for (Member& member : members) {
        const bool isFirst = &member == &members.front();
        if (!isFirst)
            evaluate(member, {true, true, false});
        if (!isFirst || !isFolded)
            sendToOwners(member, isFirst && request.atomVirials);
        results.push_back(&member.result);
    }
    std::vector<bool> isCounted(atom->nlocal);
    for (int i = 0; i < atom->nlocal; i++)
        isCounted[i] = types[i] != NeighborList::noType;
    try {
        deviations->write(update->ntimestep, results, isCounted, energyUnit);
    } catch (const Error& problem) {
        error->one(FLERR, problem.what());
    }
}

// ---------------------------------------------------------------- uncertainty

void PairLps::findUncertainties(bool writes) {
    const std::vector<double>& all = members.front().result.features;
    const std::size_t width = models.front()->getFeatureWidth();
    std::vector<int> ownTypes, places;
    std::vector<std::int64_t> ids;
    for (int i = 0; i < atom->nlocal; i++) {
        if (types[i] == NeighborList::noType)
            continue;
        places.push_back(i);
        ownTypes.push_back(types[i]);
        ids.push_back(atom->tag_enable ? atom->tag[i] : 0);
    }
    const bool hasOthers = static_cast<int>(places.size()) < atom->nlocal;
    std::vector<double> chosen;
    for (std::size_t k = 0; hasOthers && k < places.size(); k++)
        chosen.insert(chosen.end(), all.begin() + places[k] * width, all.begin() + (places[k] + 1) * width);
    AtomUncertainties found;
    try {
        found = computeUncertainties(*models.front(), ownTypes, hasOthers ? chosen : all);
    } catch (const Error& problem) {
        stopOne(problem.what());
    }
    uncertainties.assign(std::max(atom->nlocal, 1), 0.0);
    grades = uncertainties;
    for (std::size_t k = 0; k < places.size(); k++) {
        uncertainties[places[k]] = energyUnit * found.forces[k];
        grades[places[k]] = found.grades[k];
    }
    uncertaintyStep = update->ntimestep;
    if (!writes)
        return;
    try {
        uncertaintyFile->write(update->ntimestep, found, ids, energyUnit);
    } catch (const Error& problem) {
        error->one(FLERR, problem.what());
    }
}

/** `fix pair` sets these before a step at which it wants the numbers, and back to zero after it. */
void* PairLps::extract(const char* name, int& dimension) {
    dimension = 0;
    if (std::strcmp(name, "uncertainty_flag") == 0)
        return &wantsUncertainty;
    return std::strcmp(name, "grade_flag") == 0 ? &wantsGrade : nullptr;
}

void* PairLps::extract_peratom(const char* name, int& columns) {
    columns = 0;
    std::vector<double>* found = std::strcmp(name, "uncertainty") == 0 ? &uncertainties
                                 : std::strcmp(name, "grade") == 0     ? &grades
                                                                       : nullptr;
    if (!found)
        return nullptr;
    loadModels();
    if (!models.front()->hasUncertainties())
        stopAll("fix pair: '" + set.models.front() +
                "' is not calibrated; use the model that 'openmm-lps calibrate' writes");
    // Before a run, LAMMPS only asks whether the name is known.
    if (update->whichflag != 0 && uncertaintyStep != update->ntimestep)
        stopAll("fix pair: the uncertainty is made only where it is asked for; write fix ID GROUP pair N lps " +
                std::string(name) + " 1");
    found->resize(std::max<std::size_t>({found->size(), static_cast<std::size_t>(atom->nlocal), 1}));
    return found->data();
}

double PairLps::memory_usage() {
    double bytes = Pair::memory_usage();
    for (const Member& member : members)
        bytes += static_cast<double>(member.evaluator->getMemory());
    return bytes;
}

// ---------------------------------------------------------------- restart

void PairLps::write_restart(FILE* file) {
    write_restart_settings(file);
}

/** On rank 0. */
void PairLps::write_restart_settings(FILE* file) {
    const std::string bytes = set.toRestart();
    const int length = static_cast<int>(bytes.size());
    std::fwrite(&length, sizeof(int), 1, file);
    std::fwrite(bytes.data(), 1, bytes.size(), file);
}

void PairLps::read_restart(FILE* file) {
    read_restart_settings(file);
    if (static_cast<int>(set.elements.size()) == atom->ntypes)
        allocate();
}

void PairLps::read_restart_settings(FILE* file) {
    std::string bytes;
    if (comm->me == 0) {
        int length = 0;
        utils::sfread(FLERR, &length, sizeof(int), 1, file, nullptr, error);
        if (length < 0 || length > 1 << 24)
            error->one(FLERR, "pair_style lps: the restart file is damaged; use another one");
        bytes.resize(length);
        utils::sfread(FLERR, bytes.data(), 1, length, file, nullptr, error);
    }
    broadcast(bytes, world);
    try {
        set = PairSettings::fromRestart(bytes);
    } catch (const std::exception& problem) {
        stopAll(problem.what());
    }
    isRestarted = true;  // the models are read when a run begins, unless the script names others before
    models.clear();
    members.clear();
}

}  // namespace lps::lammps
