// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "lps/FastEvaluator.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>

#include "fast/TileEvaluator.h"
#include "fast/WorkDivision.h"
#include "lps/Error.h"

namespace lps {

namespace {

/** Atoms and ghosts below which sums over threads are left to one thread. */
constexpr int smallSum = 8192;

int partBegin(int n, int part, int parts) {
    return static_cast<int>(static_cast<long long>(n) * part / parts);
}

/** The part of the work that depends on the number type. */
class Engine {
public:
    virtual ~Engine() = default;
    virtual void prepare(const std::vector<bool>& present, Executor& executor) = 0;
    virtual void compute(const NeighborList& list, bool listChanged, Executor& executor, const FastRequest& request,
                         bool foldGhosts, Evaluation& result) = 0;
    virtual std::vector<TableReport> getReports() const = 0;
    virtual std::string getTarget() const = 0;
    virtual std::size_t getMemory() const = 0;
    virtual void setProfiling(bool enabled) = 0;
    virtual void addProfile(std::array<double, numStages>& seconds) const = 0;
};

template <typename T>
class TypedEngine : public Engine {
public:
    TypedEngine(std::shared_ptr<const DeepPotential> potential, const FastOptions& options)
        : model(std::move(potential), fast::getKernels<T>(options.target), options.useTables) {}

    void prepare(const std::vector<bool>& present, Executor& executor) override { model.prepare(present, executor); }

    void compute(const NeighborList& list, bool listChanged, Executor& executor, const FastRequest& request,
                 bool foldGhosts, Evaluation& result) override {
        const int threads = executor.getNumThreads();
        if (listChanged || static_cast<int>(workers.size()) != threads)
            divide(list, threads);
        result.atomEnergies.assign(list.getNumAtoms(), 0.0);
        const std::size_t featureWidth = request.features ? model.model->getFeatureWidth() : 0;
        if (request.features && featureWidth == 0)
            throw Error(
                "evaluator: the fitting networks of this model have no hidden layer, so there are no features; use a "
                "model that has");
        result.features.assign(list.getNumAtoms() * featureWidth, 0.0);
        const std::size_t numbers = 4 * static_cast<std::size_t>(list.getNumTotal());
        tileVirials.assign(request.virial ? division->getNumTiles() : 0, Matrix3{});
        for (Worker& worker : workers)
            worker.next = 0;
        executor.runGuarded([&](int thread) {
            Worker& worker = workers[thread];
            fast::PartialResult partial;
            partial.atomEnergies = &result.atomEnergies;
            partial.features = request.features ? &result.features : nullptr;
            if (request.forces) {
                worker.tiles->clock.start();
                if (worker.forces.size() < numbers)
                    worker.forces.resize(numbers + numbers / 16);
                else
                    std::fill_n(worker.forces.data(), numbers, 0.0);
                partial.forces = worker.forces.data();
                partial.wantsVirial = request.virial;
                if (request.atomVirials) {
                    worker.virials.assign(9 * static_cast<std::size_t>(list.getNumTotal()), 0.0);
                    partial.atomVirials = worker.virials.data();
                }
                worker.tiles->clock.stop(Stage::Reduce);
            }
            // Who is done helps the others. No sum depends on it: those of forces are exact, see roundToGrid().

            for (int k = 0; k < threads; k++) {
                const int owner = (thread + k) % threads;
                const std::vector<fast::Tile>& tiles = division->getTiles(owner);
                for (int i; (i = workers[owner].next++) < static_cast<int>(tiles.size());) {
                    const fast::Tile& tile = tiles[i];
                    partial.virial = {};
                    worker.tiles->evaluate(list, tile, division->getAtoms(), partial);
                    if (request.virial)
                        tileVirials[tile.number] = partial.virial;
                }
            }
        });

        fast::StageClock& clock = workers[0].tiles->clock;
        clock.start();
        result.energy = 0.0;
        for (double energy : result.atomEnergies)
            result.energy += energy;
        result.virial = {};
        result.atomVirials.clear();
        if (!request.forces) {
            result.forces.clear();
            return;
        }
        for (const Matrix3& virial : tileVirials)
            for (int d = 0; d < 3; d++)
                for (int e = 0; e < 3; e++)
                    result.virial[d][e] += 0.5 * (virial[d][e] + virial[e][d]);
        reduce(list, executor, foldGhosts, result.forces);
        if (request.atomVirials)
            reduceVirials(list, foldGhosts, result.atomVirials);
        clock.stop(Stage::Reduce);
    }

    std::vector<TableReport> getReports() const override { return model.reports; }
    std::string getTarget() const override { return model.kernels.name; }

    std::size_t getMemory() const override {
        std::size_t bytes = model.getMemory() + (division ? division->getMemory() : 0);
        for (const Worker& worker : workers)
            bytes += (worker.forces.size() + worker.virials.capacity()) * sizeof(double) + worker.tiles->getMemory();
        return bytes;
    }

    void setProfiling(bool enabled) override {
        profiling = enabled;
        for (Worker& worker : workers) {
            worker.tiles->clock.enabled = enabled;
            worker.tiles->clock.seconds = {};
        }
    }

    void addProfile(std::array<double, numStages>& seconds) const override {
        for (const Worker& worker : workers)
            for (int k = 0; k < numStages; k++)
                seconds[k] += worker.tiles->clock.seconds[k];
    }

private:
    struct Worker {
        std::unique_ptr<fast::TileEvaluator<T>> tiles;
        fast::AlignedBuffer<double> forces;
        std::vector<double> virials;
        std::atomic<int> next{0};  // of its own tiles, the one that nobody has taken yet
    };

    void divide(const NeighborList& list, int threads) {
        if (static_cast<int>(workers.size()) != threads) {
            std::vector<Worker> newWorkers(threads);
            for (Worker& worker : newWorkers) {
                worker.tiles = std::make_unique<fast::TileEvaluator<T>>(model);
                worker.tiles->clock.enabled = profiling;
            }
            workers.swap(newWorkers);
        }
        std::vector<bool> isComputed(model.numTypes);
        for (int type = 0; type < model.numTypes; type++)
            isComputed[type] = !model.model->isAtomExcluded(type);
        division.emplace(list, isComputed, threads, fast::TileEvaluator<T>::maxRows, model.kernels.blockRows);
    }

    /** Sum over threads, and from ghosts to the atoms that they copy. Exact, see roundToGrid(). */
    void reduce(const NeighborList& list, Executor& executor, bool foldGhosts, std::vector<Vector3>& forces) {
        const int n = list.getNumAtoms(), total = list.getNumTotal();
        forces.resize(foldGhosts ? n : total);
        const std::vector<int>& owners = list.getGhostOwners();
        const int targets = foldGhosts ? n : total;
        const auto add = [&](int source, Vector3& sum) {
            for (const Worker& worker : workers)
                for (int d = 0; d < 3; d++)
                    sum[d] += worker.forces[4 * static_cast<std::size_t>(source) + d];
        };
        const auto part = [&](int begin, int end) {
            std::size_t ghost = std::lower_bound(owners.begin(), owners.end(), begin) - owners.begin();
            for (int i = begin; i < end; i++) {
                Vector3 sum{};
                add(i, sum);
                if (foldGhosts)
                    for (; ghost < owners.size() && owners[ghost] == i; ghost++)
                        add(n + static_cast<int>(ghost), sum);
                forces[i < n ? list.getOrder()[i] : i] = sum;
            }
        };
        const int threads = executor.getNumThreads();
        if (total < smallSum || threads == 1)
            part(0, targets);
        else
            executor.run([&](int thread) {
                part(partBegin(targets, thread, threads), partBegin(targets, thread + 1, threads));
            });
    }

    void reduceVirials(const NeighborList& list, bool foldGhosts, std::vector<Matrix3>& virials) const {
        const int n = list.getNumAtoms();
        virials.assign(foldGhosts ? n : list.getNumTotal(), Matrix3{});
        for (int i = 0; i < list.getNumTotal(); i++) {
            const int atom = foldGhosts && i >= n ? list.getGhostOwners()[i - n] : i;
            Matrix3& sum = virials[atom < n ? list.getOrder()[atom] : atom];
            for (const Worker& worker : workers)
                for (int d = 0; d < 3; d++)
                    for (int e = 0; e < 3; e++)
                        sum[d][e] += worker.virials[9 * static_cast<std::size_t>(i) + 3 * d + e];
        }
    }

    fast::CompiledModel<T> model;
    std::vector<Worker> workers;
    std::optional<fast::WorkDivision> division;
    std::vector<Matrix3> tileVirials;
    bool profiling = false;
};

}  // namespace

const char* getStageName(Stage stage) {
    static const char* names[numStages] = {"list",       "environment",    "table",  "descriptor", "gemm",
                                           "activation", "table gradient", "forces", "reduce"};
    return names[static_cast<int>(stage)];
}

struct FastEvaluator::Implementation {
    Implementation(std::shared_ptr<const DeepPotential> potential, const FastOptions& options)
        : model(std::move(potential)), list(model->getCutoff(), options.skin, model->getNumTypes()) {
        if (options.precision == Precision::Float32)
            engine = std::make_unique<TypedEngine<float>>(model, options);
        else
            engine = std::make_unique<TypedEngine<double>>(model, options);
    }

    /** Tables, tiles and sums over the list as it is. What was prepared for another list is made anew first. */
    void compute(const int* types, int count, bool listChanged, Executor& executor, const FastRequest& request,
                 bool foldGhosts, Evaluation& result) {
        prepared = prepared && !listChanged;
        if (!prepared) {
            std::vector<bool> present(model->getNumTypes(), false);
            for (int i = 0; i < count; i++)
                if (types[i] != NeighborList::noType)
                    present[types[i]] = true;
            engine->prepare(present, executor);
        }
        engine->compute(list, !prepared, executor, request, foldGhosts, result);
        prepared = true;
    }

    std::shared_ptr<const DeepPotential> model;
    NeighborList list;
    std::unique_ptr<Engine> engine;
    bool external = false;  // the list came from outside and is complete
    bool prepared = false;  // the engine knows the list; an error leaves it false
    std::atomic<bool> busy{false};
    bool profiling = false;
    double listSeconds = 0.0;
};

namespace {

/** Refuses a second call at the same time, and one in a process that was forked during a call. */
class OneCall {
public:
    explicit OneCall(std::atomic<bool>& isBusy) : busy(isBusy) {
        if (busy.exchange(true))
            throw Error(
                "evaluator: another call has not ended, in another thread or before this process was forked; make one "
                "evaluator for each");
    }
    ~OneCall() { busy = false; }
    OneCall(const OneCall&) = delete;
    OneCall& operator=(const OneCall&) = delete;

private:
    std::atomic<bool>& busy;
};

}  // namespace

FastEvaluator::FastEvaluator(std::shared_ptr<const DeepPotential> model, const FastOptions& options)
    : implementation(std::make_unique<Implementation>(std::move(model), options)) {}

FastEvaluator::~FastEvaluator() = default;

void FastEvaluator::evaluate(const Vector3* positions, const int* types, int numAtoms, const Box* box,
                             Executor& executor, const FastRequest& request, Evaluation& result) {
    Implementation& self = *implementation;
    const OneCall call(self.busy);
    const auto begin = std::chrono::steady_clock::now();
    if (self.external)
        self.list.invalidate();
    self.external = false;
    for (int i = 0; i < numAtoms; i++)
        if (types[i] < 0 || types[i] >= self.model->getNumTypes())
            throw Error("evaluator: atom " + std::to_string(i) + " has type " + std::to_string(types[i]) +
                        ", but the model knows types " + self.model->describeTypes() + "; use one of these");
    const bool changed = self.list.update(positions, types, numAtoms, box, executor);
    if (self.profiling)
        self.listSeconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    self.compute(types, numAtoms, changed, executor, request, true, result);
}

Evaluation FastEvaluator::evaluate(const Configuration& configuration, Executor& executor) {
    if (configuration.types.size() != configuration.positions.size())
        throw Error("evaluator: " + std::to_string(configuration.positions.size()) + " positions but " +
                    std::to_string(configuration.types.size()) + " types; give one type per atom");
    Evaluation result;
    evaluate(configuration.positions.data(), configuration.types.data(), static_cast<int>(configuration.types.size()),
             configuration.box ? &*configuration.box : nullptr, executor,
             {true, true, true, implementation->model->getFeatureWidth() > 0}, result);
    return result;
}

void FastEvaluator::evaluate(const ExternalNeighbors& neighbors, Executor& executor, const FastRequest& request,
                             Evaluation& result) {
    Implementation& self = *implementation;
    const OneCall call(self.busy);
    const bool keep = neighbors.keepLists && self.external;
    if (!keep && neighbors.numAtoms > 0 && !(neighbors.types && neighbors.counts && neighbors.lists))
        throw Error(
            "evaluator: told to keep the neighbors of the last call, but there is none or it failed; pass types, "
            "counts and lists");
    self.external = false;  // until the list has been taken
    self.prepared = self.prepared && keep;
    self.list.take(neighbors.positions, neighbors.types, neighbors.numAtoms, neighbors.numTotal, neighbors.counts,
                   neighbors.lists, keep, executor, neighbors.indexMask);
    self.external = true;
    self.compute(keep ? self.list.getTypes() : neighbors.types, neighbors.numTotal, !keep, executor, request, false,
                 result);
}

const NeighborList& FastEvaluator::getNeighborList() const {
    return implementation->list;
}

std::vector<TableReport> FastEvaluator::getTableReports() const {
    return implementation->engine->getReports();
}

std::string FastEvaluator::getTarget() const {
    return implementation->engine->getTarget();
}

std::vector<std::string> FastEvaluator::getSupportedTargets() {
    return fast::getSupportedTargets();
}

std::size_t FastEvaluator::getMemory() const {
    return implementation->list.getMemory() + implementation->engine->getMemory();
}

void FastEvaluator::setProfiling(bool enabled) {
    implementation->profiling = enabled;
    implementation->listSeconds = 0.0;
    implementation->engine->setProfiling(enabled);
}

std::array<double, numStages> FastEvaluator::getProfile() const {
    std::array<double, numStages> seconds{};
    seconds[static_cast<int>(Stage::List)] = implementation->listSeconds;
    implementation->engine->addProfile(seconds);
    return seconds;
}

double FastEvaluator::measurePeak(Precision precision, const std::string& target) {
    double best = 0.0;
    for (int repeat = 0; repeat < 5; repeat++) {
        const auto begin = std::chrono::steady_clock::now();
        const long long rounds = 5000000;
        const double operations = precision == Precision::Float32 ? fast::getKernels<float>(target).burn(rounds)
                                                                  : fast::getKernels<double>(target).burn(rounds);
        best = std::max(best,
                        operations / std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    return best;
}

}  // namespace lps
