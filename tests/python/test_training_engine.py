# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The training engine on small random frames."""

import copy
import dataclasses
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from openmmlps.learn.engine import interchange
from openmmlps.learn.engine.architecture import read_architecture
from openmmlps.learn.engine.gradient import Evaluation
from openmmlps.learn.engine.loop import Options, Run
from openmmlps.learn.engine.loss import Loss, Schedule
from openmmlps.learn.engine.pairs import find_pairs
from openmmlps.learn.engine.parameters import named_arrays
from openmmlps.learn.engine.sampler import Sampler, batch_sizes, probabilities
from openmmlps.learn.engine.soap import Soap
from openmmlps.learn.frames import Frames

WEIGHTS = (0.3, 20.0, 0.2)  # of energy, force and virial
CONFIG = {
    "model": {
        "type_map": ["Li", "P", "S"],
        "descriptor": {
            "type": "se_e2_a",
            "rcut": 4.5,
            "rcut_smth": 2.0,
            "sel": [60, 50, 70],
            "neuron": [4, 8, 16],
            "axis_neuron": 3,
            "resnet_dt": False,
            "type_one_side": False,
            "precision": "float64",
        },
        "fitting_net": {"neuron": [10, 10], "resnet_dt": True, "precision": "float64"},
    },
    "learning_rate": {"type": "exp", "start_lr": 1e-3, "stop_lr": 1e-5, "decay_steps": 4},
    "loss": {"type": "ener", "start_pref_f": 20, "limit_pref_f": 1, "start_pref_v": 0.1, "limit_pref_v": 0.1},
    "training": {
        "training_data": {"batch_size": "auto:30", "auto_prob": "prob_sys_size;0:1:0.5;1:2:0.5"},
        "validation_data": {"batch_size": 1, "numb_btch": 2},
        "numb_steps": 12,
        "seed": 5,
        "disp_freq": 2,
        "save_freq": 4,
        "max_ckpt_keep": 9,
    },
}


def random_frames(random, types: list[int], count: int, edge: float) -> Frames:
    """Frames of atoms no nearer than 1.6 A in skewed cells of about `edge` angstrom, some edges shorter than the cutoff."""
    atoms = len(types)
    boxes, coords = [], []
    while len(coords) < count:
        cell = np.diag(random.uniform(0.8, 1.2, 3) * edge) + np.tril(random.uniform(-1, 1, (3, 3)), -1)
        fraction = np.array([[i, j, k] for i in range(3) for j in range(3) for k in range(3)])[:atoms] / 3
        boxes.append(cell.ravel())
        coords.append(((fraction + random.uniform(-0.04, 0.04, (atoms, 3))) @ cell).ravel() + 3 * edge)
    energy = -200.0 * atoms + random.standard_normal(count)
    force, virial = random.standard_normal((count, 3 * atoms)), random.standard_normal((count, 9))
    return Frames(np.array(types), ["S", "Li", "P"], np.array(boxes), np.array(coords), energy, force, virial)


@pytest.fixture(scope="module")
def data():
    """Two systems; their type maps are ordered in another way than the model's, and one lacks phosphorus."""
    random = np.random.default_rng(3)
    kinds = {7.0: [0, 1, 0, 2, 1, 0, 0, 2, 1, 1, 2, 0] * 2, 6.0: [1, 0] * 6}
    return [random_frames(random, types, 7, edge) for edge, types in kinds.items()]


def changed(content: dict, one_side: bool, step: bool) -> dict:
    content = copy.deepcopy(content)
    content["model"]["descriptor"] |= {"type_one_side": one_side, "resnet_dt": step}
    return content


def started(folder: Path, content: dict, data: list, **options) -> Run:
    run = Run(folder, content, Options(**{"dtype": np.float64} | options), data, data)
    run.start(None, None)
    return run


def test_pairs_are_those_of_a_plain_search():
    random = np.random.default_rng(1)
    frames = random_frames(random, [0, 1, 2, 0, 1, 2, 0], 3, 5.0)
    coord, cells = frames.coord.reshape(3, -1, 3), frames.box.reshape(3, 3, 3)
    pairs = find_pairs(coord, cells, 4.5)
    shifts = np.array([[i, j, k] for i in range(-3, 4) for j in range(-3, 4) for k in range(-3, 4)])
    for frame in range(3):
        between = coord[frame][None] - coord[frame][:, None]
        vectors = between[:, :, None] + shifts @ cells[frame]
        lengths = np.linalg.norm(vectors, axis=3)
        found = slice(pairs.offsets[frame], pairs.offsets[frame + 1])
        expected = np.sort(lengths[(lengths > 1e-6) & (lengths < 4.5)])
        np.testing.assert_allclose(np.sort(np.linalg.norm(pairs.vector[found], axis=1)), expected, atol=1e-5)
        counts = np.bincount(pairs.center[found], minlength=7)
        np.testing.assert_array_equal(counts, ((lengths > 1e-6) & (lengths < 4.5)).sum((1, 2)))


@pytest.mark.parametrize("one_side", [False, True])
@pytest.mark.parametrize("step", [False, True])
def test_gradient_is_that_of_the_loss(data, tmp_path, one_side, step):
    """Against central differences of the loss, for every array of weights, in double precision."""
    run = started(tmp_path, changed(CONFIG, one_side, step), data)
    random = np.random.default_rng(2)

    def loss(batch):
        energy, force, virial = Evaluation(run.model, batch).misfit.squares()
        return WEIGHTS[0] * energy / batch.atoms + WEIGHTS[1] * force + WEIGHTS[2] * virial / batch.atoms

    for system in run.training[0]:
        batch = system.batch([1, 4])
        run.parameters.gradient[...] = 0
        Evaluation(run.model, batch).backward(WEIGHTS)
        for name, view in run.parameters.named.items():
            direction = random.standard_normal(view.shape)
            values = []
            for change in (1e-5, -1e-5):
                view += change * direction
                values.append(loss(batch))
                view -= change * direction
            slope = (values[0] - values[1]) / 2e-5
            found = float((run.parameters.gradients[name] * direction).sum())
            assert found == pytest.approx(slope, rel=1e-5, abs=1e-6), name


def test_single_precision_gives_the_same_gradient(data, tmp_path):
    exact = started(tmp_path / "double", CONFIG, data)
    single = Run(tmp_path / "single", CONFIG, Options(), data)
    single.start(named_arrays(exact.architecture, exact.parameters.flat), exact.constants)
    for run in (exact, single):
        Evaluation(run.model, run.training[0][0].batch([0, 3])).backward(WEIGHTS)
    wanted = exact.parameters.gradient
    assert np.linalg.norm(wanted - single.parameters.gradient) / np.linalg.norm(wanted) < 1e-4


def test_resumed_run_goes_on_as_if_never_stopped(data, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run = started(whole, CONFIG, data, average=0.9)
    stopped = started(parts, CONFIG, data, average=0.9, stop=lambda: stopped.step == 4)
    assert not stopped.train()
    saved = (parts / "checkpoint.npz").read_bytes()
    more = started(parts, CONFIG, data, average=0.9, stop=lambda: more.step == 7)  # killed beyond the checkpoint
    more.train()
    (parts / "checkpoint.npz").write_bytes(saved)
    assert run.train()
    again = started(parts, CONFIG, data, average=0.9)
    assert again.step == 4 and again.train()
    np.testing.assert_array_equal(again.parameters.flat, run.parameters.flat)
    np.testing.assert_array_equal(again.averaged, run.averaged)
    curves = [np.loadtxt(folder / "lcurve.out") for folder in (whole, parts)]
    trained = [0, 2, 4, 6, 8]  # the validation batches start anew
    np.testing.assert_allclose(curves[1][:, trained], curves[0][:, trained], rtol=1e-6)
    (parts / "checkpoint.npz").write_bytes(saved[: len(saved) // 2])
    with pytest.raises(ValueError, match="checkpoint.npz' is damaged"):
        started(parts, CONFIG, data)


def test_training_lowers_the_loss(data, tmp_path):
    content = copy.deepcopy(CONFIG)
    content["training"] |= {"numb_steps": 150, "disp_freq": 149}
    assert started(tmp_path, content, data).train()
    curve = np.loadtxt(tmp_path / "lcurve.out")
    assert curve[1, 4] < 0.75 * curve[0, 4]  # root mean square error of the energy


def soap_path(start: np.ndarray, gradient, steps: int, weight_decay: float = 0.0) -> np.ndarray:
    """Weights (stack, inputs, outputs) after some steps of SOAP along `gradient`, a function of the weights."""
    flat, found = start.flatten(), np.zeros(start.size)
    parameters = SimpleNamespace(flat=flat, gradient=found, named={"layer.w": flat.reshape(start.shape)})
    optimiser = Soap(parameters, weight_decay)
    for _ in range(steps):
        found[...] = gradient(flat.reshape(start.shape)).reshape(-1)
        optimiser.step(0.01)
    return flat.reshape(start.shape)


def test_soap_does_not_depend_on_the_axes_of_a_weight_matrix():
    """What distinguishes it from Adam: turned axes of inputs and outputs give the turned weights."""
    random = np.random.default_rng(3)
    left, right = (np.linalg.qr(random.standard_normal((2, 5, 5)))[0] for _ in range(2))
    stiffness, start = np.logspace(-1, 1, 25).reshape(5, 5), random.standard_normal((2, 5, 5))
    plain = soap_path(start, lambda weights: stiffness * weights, 60)
    back = [basis.transpose(0, 2, 1) for basis in (left, right)]
    turned = soap_path(left @ start @ right, lambda w: left @ (stiffness * (back[0] @ w @ back[1])) @ right, 60)
    np.testing.assert_allclose(turned, left @ plain @ right, rtol=1e-5, atol=1e-7)
    assert np.abs(plain).max() < 0.9 * np.abs(start).max()


def test_weight_decay_shrinks_by_rate_times_decay():
    start = np.linspace(-1, 2, 12).reshape(1, 3, 4)
    left = soap_path(start, np.zeros_like, 5, weight_decay=0.4)
    np.testing.assert_allclose(left, start * (1 - 0.01 * 0.4) ** 5)


@pytest.mark.parametrize("limit", ["seconds", "budget"])
def test_run_stops_when_its_time_is_over(data, tmp_path, limit):
    run = started(tmp_path, CONFIG, data, **{limit: 0.0})
    assert run.train() == (limit == "budget") and run.step == 0 and run.resumes()


def test_rate_falls_over_the_budget(data, tmp_path):
    run = started(tmp_path, CONFIG, data, budget=8.0)
    rates = []
    for run.elapsed in (0.0, 4.0, 9.0):
        rates.append(run.rate())
    assert rates == pytest.approx([1e-3, 1e-4, 1e-5]) and run.finished()


def test_schedule_and_weights():
    schedule = Schedule.read(CONFIG["learning_rate"], 12)
    assert [schedule.rate(step) for step in (0, 3, 4, 11)] == pytest.approx(
        [1e-3, 1e-3, 1e-3 * 0.01 ** (1 / 3), 1e-3 * 0.01 ** (2 / 3)]
    )
    assert Schedule.read(CONFIG["learning_rate"] | {"decay_steps": 5000}, 300).every == 4
    assert Loss.read({"start_pref_e": 0.2, "limit_pref_e": 2}).weights(0.25) == pytest.approx((1.55, 250.75, 0))


def test_sampler_uses_every_frame_once_in_an_epoch_and_skips_exactly():
    assert batch_sizes("auto:64", [32, 33, 64, 65]) == [2, 2, 1, 1]
    chances = probabilities("prob_sys_size;0:2:0.5;2:3:0.5", [10, 30, 7])
    np.testing.assert_allclose(chances, [0.125, 0.375, 0.5])
    samplers = [Sampler([10, 6, 5], [2, 1, 1], chances, 3) for _ in range(2)]
    drawn = [samplers[0].next() for _ in range(400)]
    first = [frame for system, frames in drawn if system == 0 for frame in frames]
    assert sorted(first[:10]) == list(range(10))
    assert sum(system == 2 for system, _ in drawn) / 400 == pytest.approx(0.5, abs=0.1)
    samplers[1].skip(371)
    assert [samplers[1].next() for _ in range(29)] == drawn[371:]


def test_what_is_not_known_is_refused():
    def model(section, **changes):
        content = copy.deepcopy(CONFIG["model"])
        content[section] |= changes
        return content

    message = "train: 'activation_function' of the section 'descriptor' is 'gelu' where only 'tanh' is known here"
    with pytest.raises(ValueError, match=message):
        read_architecture(model("descriptor", activation_function="gelu"))
    with pytest.raises(ValueError, match="train: 'attn' of the section 'descriptor' is not known here; train it"):
        read_architecture(model("descriptor", attn=2))
    with pytest.raises(ValueError, match="train: the descriptor is 'dpa1'; only se_e2_a is known"):
        read_architecture(model("descriptor", type="dpa1"))
    with pytest.raises(ValueError, match="hidden layer 1 of the fitting net goes from width 10 to 20, which the"):
        read_architecture(model("fitting_net", neuron=[10, 20]))
    with pytest.raises(ValueError, match="train: the learning rate is 'cosine'; only exp is known"):
        Schedule.read({"type": "cosine", "start_lr": 1e-3, "stop_lr": 1e-5}, 10)
    with pytest.raises(ValueError, match="train: 'use_huber' of the section 'loss' is not known here"):
        Loss.read({"use_huber": True})
    with pytest.raises(ValueError, match="train: the batch size is 'mixed' where a number or 'auto:number' is known"):
        batch_sizes("mixed", [3])


def test_statistics_are_taken_over_all_slots(data, tmp_path):
    run = started(tmp_path, CONFIG, data)
    rows, slots = [[] for _ in range(3)], np.zeros(3)
    for system in run.training[0]:
        for index in range(system.count):
            batch = system.batch([index])
            length = np.linalg.norm(batch.vector, axis=1)
            u = np.clip((length - 2.0) / 2.5, 0, 1)
            s = (u**3 * (-6 * u**2 + 15 * u - 10) + 1) / length
            for kind in range(3):
                rows[kind].append(s[batch.kind[batch.center] == kind])
            slots += 180 * np.array(batch.species)
    for kind, values in enumerate(map(np.concatenate, rows)):
        mean = values.sum() / slots[kind]
        assert run.constants["mean"][kind] == pytest.approx(mean, rel=1e-6)
        deviation = np.sqrt((values**2).sum() / slots[kind] - mean**2)
        assert run.constants["radial"][kind] == pytest.approx(deviation, rel=1e-6)


# --- Model files


def evaluator(path: Path):
    from openmmlps import LPSModel
    from openmmlps.openmmlps import CoreEvaluator

    return CoreEvaluator(LPSModel(str(path)), True, True, 1)


def evaluated(path: Path, frames: Frames, index: int, names: list[str]) -> tuple:
    """Energy, forces [N, 3] and virial [3, 3] of one frame by the CPU evaluator."""
    count = len(frames.types)
    energies, forces, virial = np.empty(count), np.empty((count, 3)), np.empty((3, 3))
    types = np.array([names.index(symbol) for symbol in frames.symbols], dtype=np.int32)
    coord, cell = frames.coord[index].reshape(-1, 3).copy(), frames.box[index].reshape(3, 3).copy()
    evaluator(path).evaluate(coord, types, cell, energies, forces, virial)
    return energies.sum(), forces, virial


@pytest.mark.parametrize("one_side", [False, True])
@pytest.mark.parametrize("ending", ["dp", "safetensors"])
def test_written_models_give_what_the_engine_gives(data, tmp_path, one_side, ending):
    """In double precision; what is left is the interpolation. Reading the file gives the same weights."""
    run = started(tmp_path, changed(CONFIG, one_side, True), data)
    weights = named_arrays(run.architecture, run.parameters.flat)
    interchange.write_model(tmp_path / "model", run.architecture, weights, run.constants, precision="float64")
    path = tmp_path / f"model.{ending}"
    for system, frames in zip(run.training[0], data, strict=True):
        found = Evaluation(run.model, system.batch([2]))
        energy, forces, virial = evaluated(path, frames, 2, ["Li", "P", "S"])
        assert found.energy[0] == pytest.approx(energy, abs=2e-6)
        np.testing.assert_allclose(found.force[system.rows(1)[0][0]], forces, atol=2e-6)
        np.testing.assert_allclose(found.virial[0], virial, atol=2e-5)
    architecture, again, constants = interchange.read_model(path)
    assert architecture == run.architecture
    for name, value in weights.items():
        np.testing.assert_array_equal(again[name], value)
    for name, value in run.constants.items():
        np.testing.assert_allclose(constants[name], value, rtol=1e-12)


def test_deepmd_reads_the_model(data, tmp_path):
    """Genuine DeePMD-kit, where it is installed, gives the same energies, forces and virials."""
    pytest.importorskip("deepmd")
    from deepmd.infer import DeepPot

    run = started(tmp_path, CONFIG, data)
    weights = named_arrays(run.architecture, run.parameters.flat)
    interchange.write_model(tmp_path / "model", run.architecture, weights, run.constants, precision="float64")
    program = Path(sys.executable).with_name("dp")
    subprocess.run([program, "convert-backend", tmp_path / "model.dp", tmp_path / "graph.pb"], check=True)
    reference = DeepPot(str(tmp_path / "graph.pb"))
    for system, frames in zip(run.training[0], data, strict=True):
        types = [["Li", "P", "S"].index(symbol) for symbol in frames.symbols]
        energy, force, virial = reference.eval(frames.coord[2:3], frames.box[2:3], types)
        found = Evaluation(run.model, system.batch([2]))
        np.testing.assert_allclose(found.energy, energy.ravel(), atol=2e-6)
        np.testing.assert_allclose(found.force[system.rows(1)[0][0]], force[0], atol=2e-6)
        np.testing.assert_allclose(found.virial.ravel(), virial.ravel(), atol=2e-5)


def test_a_further_element_leaves_what_the_model_says_of_the_others(data, tmp_path):
    run = started(tmp_path, CONFIG, data)
    old, weights = run.architecture, named_arrays(run.architecture, run.parameters.flat)
    names = [*old.type_map, "Ge"]
    new = dataclasses.replace(old, type_map=tuple(names), sel=(*old.sel, 12))
    more = [dataclasses.replace(frames, type_map=["Ge", "Li", "P"]) for frames in data[:1]]
    content = copy.deepcopy(CONFIG)
    content["model"]["type_map"], content["model"]["descriptor"]["sel"] = names, list(new.sel)
    wider = started(tmp_path / "wider", content, more)
    found, constants = interchange.extend(old, weights, run.constants, new, wider.constants, 7)
    interchange.write_model(tmp_path / "old", old, weights, run.constants, precision="float64")
    interchange.write_model(tmp_path / "new", new, found, constants, precision="float64")
    before, after = (evaluated(tmp_path / f"{stem}.dp", data[0], 1, names) for stem in ("old", "new"))
    assert after[0] == pytest.approx(before[0], abs=1e-8)
    np.testing.assert_allclose(after[1], before[1], atol=1e-9)
    assert np.isfinite(evaluated(tmp_path / "new.dp", more[0], 1, names)[0])
