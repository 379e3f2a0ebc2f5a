// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#include "lps/FastEvaluator.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "fast/TileEvaluator.h"
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
        const std::size_t numbers = 4 * static_cast<std::size_t>(list.getNumTotal());
        executor.runGuarded([&](int thread) {
            Worker& worker = workers[thread];
            fast::PartialResult partial;
            partial.atomEnergies = &result.atomEnergies;
            if (request.forces) {
                worker.tiles->clock.start();
                if (worker.forces.size() < numbers)
                    worker.forces.resize(numbers + numbers / 16);
                else
                    std::fill_n(worker.forces.data(), numbers, 0.0);
                partial.forces = worker.forces.data();
                partial.wantsVirial = request.virial;
                worker.tiles->clock.stop(Stage::Reduce);
            }
            for (const Tile& tile : worker.work)
                worker.tiles->evaluate(list, tile.type, atomsByType.data() + tile.begin, tile.count, partial);
            worker.virial = partial.virial;
        });

        fast::StageClock& clock = workers[0].tiles->clock;
        clock.start();
        result.energy = 0.0;
        for (double energy : result.atomEnergies)
            result.energy += energy;
        result.virial = {};
        if (!request.forces) {
            result.forces.clear();
            return;
        }
        for (const Worker& worker : workers)
            for (int d = 0; d < 3; d++)
                for (int e = 0; e < 3; e++)
                    result.virial[d][e] += 0.5 * (worker.virial[d][e] + worker.virial[e][d]);
        reduce(list, executor, foldGhosts, result.forces);
        clock.stop(Stage::Reduce);
    }

    std::vector<TableReport> getReports() const override { return model.reports; }
    std::string getTarget() const override { return model.kernels.name; }

    std::size_t getMemory() const override {
        std::size_t bytes = model.getMemory() + atomsByType.capacity() * sizeof(int);
        for (const Worker& worker : workers)
            bytes += worker.forces.size() * sizeof(double) + worker.work.capacity() * sizeof(Tile) +
                     worker.tiles->getMemory();
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
    /** Reading the weights of a 240^3 network takes about as long as evaluating so many atoms. */
    static constexpr int maxSplinter = 12;

    struct Tile {
        int type, begin, count;
    };
    struct Worker {
        std::unique_ptr<fast::TileEvaluator<T>> tiles;
        fast::AlignedBuffer<double> forces;
        std::vector<Tile> work;
        Matrix3 virial{};
    };

    /**
     * Sort atoms by type and the caller's index, cut the sequence into equal parts, one per thread, and the parts into
     * tiles of one type. Nothing of the list decides: the atoms of a tile share rounding errors (WeightMatrix), and
     * results must not depend on when the list was built.
     */
    void divide(const NeighborList& list, int threads) {
        const int n = list.getNumAtoms();
        std::vector<int> internal(n);
        for (int i = 0; i < n; i++)
            internal[list.getOrder()[i]] = i;
        std::vector<int> begins(model.numTypes + 1, 0);
        const auto isComputed = [&](int atom) { return !model.model->isAtomExcluded(list.getTypes()[atom]); };
        for (int i = 0; i < n; i++)
            if (isComputed(i))
                begins[list.getTypes()[i] + 1]++;
        for (int type = 0; type < model.numTypes; type++)
            begins[type + 1] += begins[type];
        atomsByType.resize(begins[model.numTypes]);
        std::vector<int> next(begins.begin(), begins.end() - 1);
        for (int i : internal)
            if (isComputed(i))
                atomsByType[next[list.getTypes()[i]]++] = i;

        if (static_cast<int>(workers.size()) != threads) {
            workers.clear();
            workers.resize(threads);
            for (Worker& worker : workers) {
                worker.tiles = std::make_unique<fast::TileEvaluator<T>>(model);
                worker.tiles->clock.enabled = profiling;
            }
        }
        const int all = static_cast<int>(atomsByType.size());
        int begin = 0;
        for (int thread = 0; thread < threads; thread++) {
            int end = std::max(begin, partBegin(all, thread + 1, threads));
            if (thread + 1 < threads)
                end = avoidSplinters(begin, end, begins);
            workers[thread].work.clear();
            for (int type = 0; type < model.numTypes; type++)
                cut(type, std::max(begin, begins[type]), std::min(end, begins[type + 1]), workers[thread].work);
            begin = end;
        }
    }

    /**
     * Move the border between two threads to the border of a type nearby: a few atoms of a type cost a thread as much
     * as many, because it has to read all weights for them.
     */
    static int avoidSplinters(int begin, int end, const std::vector<int>& typeBegins) {
        for (int border : typeBegins)
            if (std::abs(border - end) < maxSplinter && border - begin > 4 * maxSplinter)
                return border;
        return end;
    }

    /** Tiles of nearly equal size, in whole register blocks of the matrix product. */
    void cut(int type, int begin, int end, std::vector<Tile>& work) const {
        if (end <= begin)
            return;
        const int limit = fast::TileEvaluator<T>::maxRows, block = model.kernels.blockRows;
        const int tiles = (end - begin + limit - 1) / limit;
        const int size = ((end - begin + tiles - 1) / tiles + block - 1) / block * block;
        for (; begin < end; begin += size)
            work.push_back({type, begin, std::min(size, end - begin)});
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

    fast::CompiledModel<T> model;
    std::vector<Worker> workers;
    std::vector<int> atomsByType;  // internal indices
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

    void prepare(const int* types, int count, Executor& executor) {
        std::vector<bool> present(model->getNumTypes(), false);
        for (int i = 0; i < count; i++)
            present[types[i]] = true;
        engine->prepare(present, executor);
    }

    std::shared_ptr<const DeepPotential> model;
    NeighborList list;
    std::unique_ptr<Engine> engine;
    bool external = false;
    bool profiling = false;
    double listSeconds = 0.0;
};

FastEvaluator::FastEvaluator(std::shared_ptr<const DeepPotential> model, const FastOptions& options)
    : implementation(std::make_unique<Implementation>(std::move(model), options)) {}

FastEvaluator::~FastEvaluator() = default;

void FastEvaluator::evaluate(const Vector3* positions, const int* types, int numAtoms, const Box* box,
                             Executor& executor, const FastRequest& request, Evaluation& result) {
    Implementation& self = *implementation;
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
    if (changed)
        self.prepare(types, numAtoms, executor);
    self.engine->compute(self.list, changed, executor, request, true, result);
}

Evaluation FastEvaluator::evaluate(const Configuration& configuration, Executor& executor) {
    if (configuration.types.size() != configuration.positions.size())
        throw Error("evaluator: " + std::to_string(configuration.positions.size()) + " positions but " +
                    std::to_string(configuration.types.size()) + " types; give one type per atom");
    Evaluation result;
    evaluate(configuration.positions.data(), configuration.types.data(), static_cast<int>(configuration.types.size()),
             configuration.box ? &*configuration.box : nullptr, executor, FastRequest{}, result);
    return result;
}

void FastEvaluator::evaluate(const ExternalNeighbors& neighbors, Executor& executor, const FastRequest& request,
                             Evaluation& result) {
    Implementation& self = *implementation;
    const bool keep = neighbors.keepLists && self.external;
    self.external = true;
    self.list.take(neighbors.positions, neighbors.types, neighbors.numAtoms, neighbors.numTotal, neighbors.counts,
                   neighbors.lists, keep, executor);
    if (!keep)
        self.prepare(neighbors.types, neighbors.numTotal, executor);
    self.engine->compute(self.list, !keep, executor, request, false, result);
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
