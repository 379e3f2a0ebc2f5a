# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The training engine on small random frames. Needs PyTorch; what is compared with DeePMD-kit needs that too."""

import copy
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "training"))

import frames as frames_module
from engine import checkpoint, interchange
from engine.architecture import read_architecture
from engine.gradient import Evaluation
from engine.loop import Options, Run
from engine.loss import Loss, Schedule
from engine.pairs import find_pairs
from engine.parameters import named_arrays
from engine.sampler import Sampler, batch_sizes, probabilities
from engine.soap import Soap

torch.set_num_threads(1)  # the frames are small

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
        "training_data": {"systems": [], "batch_size": "auto:30", "auto_prob": "prob_sys_size;0:1:0.5;1:2:0.5"},
        "validation_data": {"systems": [], "batch_size": 1, "numb_btch": 2},
        "numb_steps": 12,
        "seed": 5,
        "disp_freq": 2,
        "save_freq": 4,
        "max_ckpt_keep": 9,
    },
}


def random_frames(random, types: list[int], count: int, edge: float) -> frames_module.Frames:
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
    return frames_module.Frames(
        np.array(types), ["S", "Li", "P"], np.array(boxes), np.array(coords), energy, force, virial
    )


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """A config of two systems; the type map of the folders is ordered in another way, and one lacks phosphorus."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(3)
    content = copy.deepcopy(CONFIG)
    for name, types, edge in (
        ("crystal-A", [0, 1, 0, 2, 1, 0, 0, 2, 1, 1, 2, 0] * 2, 7.0),
        ("glass-B", [1, 0] * 6, 6.0),
    ):
        frames_module.write_frames(folder / name / "train", random_frames(random, types, 7, edge))
        content["training"]["training_data"]["systems"].append(str(folder / name / "train"))
    content["training"]["validation_data"]["systems"] = content["training"]["training_data"]["systems"]
    return content


def changed(content: dict, one_side: bool, step: bool) -> dict:
    content = copy.deepcopy(content)
    content["model"]["descriptor"] |= {"type_one_side": one_side, "resnet_dt": step}
    return content


def started(folder: Path, content: dict, **options) -> Run:
    run = Run(folder, content, Options(dtype=torch.float64, **options))
    run.start(None, None)
    return run


def write_model(run: Run, path: Path) -> None:
    weights = named_arrays(run.architecture, run.parameters.flat)
    interchange.write_model(path, run.content["model"], run.architecture, weights, run.constants)


def test_pairs_are_those_of_a_plain_search():
    random = np.random.default_rng(1)
    frames = random_frames(random, [0, 1, 2, 0, 1, 2, 0], 3, 5.0)
    coord, cells = torch.from_numpy(frames.coord).view(3, -1, 3), torch.from_numpy(frames.box).view(3, 3, 3)
    pairs = find_pairs(coord, cells, 4.5)
    shifts = np.array([[i, j, k] for i in range(-3, 4) for j in range(-3, 4) for k in range(-3, 4)])
    for frame in range(3):
        between = coord[frame].numpy()[None] - coord[frame].numpy()[:, None]
        vectors = between[:, :, None] + shifts @ cells[frame].numpy()
        lengths = np.linalg.norm(vectors, axis=3)
        found = slice(pairs.offsets[frame], pairs.offsets[frame + 1])
        expected = np.sort(lengths[(lengths > 1e-6) & (lengths < 4.5)])
        np.testing.assert_allclose(np.sort(pairs.vector[found].norm(dim=1).numpy()), expected, atol=1e-5)
        counts = np.bincount(pairs.center[found].numpy(), minlength=7)
        np.testing.assert_array_equal(counts, ((lengths > 1e-6) & (lengths < 4.5)).sum((1, 2)))


@pytest.mark.parametrize("one_side", [False, True])
@pytest.mark.parametrize("step", [False, True])
def test_gradient_is_that_of_the_loss(config, tmp_path, one_side, step):
    """Against central differences of the loss, for every array of weights, in double precision."""
    run = started(tmp_path, changed(config, one_side, step))
    random = torch.Generator().manual_seed(2)

    def loss(batch):
        energy, force, virial = Evaluation(run.model, batch, False).misfit.squares().tolist()
        return WEIGHTS[0] * energy / batch.atoms + WEIGHTS[1] * force + WEIGHTS[2] * virial / batch.atoms

    for system in run.training[0]:
        batch = system.batch([1, 4])
        run.parameters.gradient.zero_()
        Evaluation(run.model, batch, True).backward(WEIGHTS)
        for name, view in run.parameters.named.items():
            direction = torch.randn(view.shape, generator=random, dtype=torch.float64)
            values = []
            for change in (1e-5, -1e-5):
                with torch.no_grad():
                    view += change * direction
                    values.append(loss(batch))
                    view -= change * direction
            slope = (values[0] - values[1]) / 2e-5
            assert float((view.grad * direction).sum()) == pytest.approx(slope, rel=1e-5, abs=1e-6), name


def test_single_precision_gives_the_same_gradient(config, tmp_path):
    exact = started(tmp_path / "double", config)
    single = Run(tmp_path / "single", config, Options())
    single.start(named_arrays(exact.architecture, exact.parameters.flat), exact.constants)
    vectors = []
    for run in (exact, single):
        Evaluation(run.model, run.training[0][0].batch([0, 3]), True).backward(WEIGHTS)
        vectors.append(run.parameters.gradient.double())
    assert float((vectors[0] - vectors[1]).norm() / vectors[0].norm()) < 1e-4


@pytest.mark.parametrize("optimiser", ["adam", "soap"])
def test_resumed_run_goes_on_as_if_never_stopped(config, tmp_path, optimiser):
    whole = started(tmp_path / "whole", config, optimiser=optimiser, average=0.9)
    assert whole.train()
    for path in (tmp_path / "whole").glob("model.ckpt-*.pt"):
        if path.name in ("model.ckpt-0.pt", "model.ckpt-4.pt"):
            (tmp_path / "parts").mkdir(exist_ok=True)
            (tmp_path / "parts" / path.name).write_bytes(path.read_bytes())
    lines = (tmp_path / "whole" / "lcurve.out").read_text().splitlines()
    (tmp_path / "parts" / "lcurve.out").write_text("\n".join(lines[:5]) + "\n")  # to batch 6, two beyond the checkpoint
    parts = started(tmp_path / "parts", config, optimiser=optimiser, average=0.9)
    assert parts.step == 4
    assert parts.train()
    torch.testing.assert_close(parts.parameters.flat, whole.parameters.flat, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(parts.averaged, whole.averaged, rtol=1e-9, atol=1e-12)
    again = np.loadtxt(tmp_path / "parts" / "lcurve.out")
    np.testing.assert_array_equal(again[:, 0], np.loadtxt(tmp_path / "whole" / "lcurve.out")[:, 0])
    trained = [2, 4, 6, 8]  # the validation batches start anew
    np.testing.assert_allclose(again[:, trained], np.loadtxt(tmp_path / "whole" / "lcurve.out")[:, trained], rtol=1e-6)


@pytest.mark.parametrize("optimiser", ["adam", "soap"])
def test_training_lowers_the_loss(config, tmp_path, optimiser):
    content = copy.deepcopy(config)
    content["training"] |= {"numb_steps": 150, "disp_freq": 149}
    run = started(tmp_path, content, optimiser=optimiser)
    assert run.train()
    curve = np.loadtxt(tmp_path / "lcurve.out")
    assert curve[1, 4] < 0.75 * curve[0, 4]  # root mean square error of the energy


def test_checkpoint_of_another_optimiser_is_refused(config, tmp_path):
    started(tmp_path, config)
    with pytest.raises(ValueError, match="was written with the optimiser adam; use that, or another --name"):
        started(tmp_path, config, optimiser="soap")


def soap_path(start: torch.Tensor, gradient, steps: int, weight_decay: float = 0.0) -> torch.Tensor:
    """Weights (stack, inputs, outputs) after some steps of SOAP along `gradient`, a function of the weights."""
    flat, found = start.clone().view(-1), torch.zeros(start.numel(), dtype=start.dtype)
    parameters = SimpleNamespace(flat=flat, gradient=found, named={"layer.w": flat.view(start.shape)})
    optimiser = Soap(parameters, 0.01, weight_decay)
    for _ in range(steps):
        found.copy_(gradient(flat.view(start.shape)).reshape(-1))
        optimiser.step()
    return flat.view(start.shape)


def test_soap_does_not_depend_on_the_axes_of_a_weight_matrix():
    """What distinguishes it from Adam: turned axes of inputs and outputs give the turned weights."""
    random = torch.Generator().manual_seed(3)

    def draw(*shape):
        return torch.randn(*shape, dtype=torch.float64, generator=random)

    left, right = torch.linalg.qr(draw(2, 5, 5))[0], torch.linalg.qr(draw(2, 5, 5))[0]
    stiffness, start = torch.logspace(-1, 1, 25, dtype=torch.float64).view(5, 5), draw(2, 5, 5)
    plain = soap_path(start, lambda weights: stiffness * weights, 60)
    turned = soap_path(
        left @ start @ right, lambda weights: left @ (stiffness * (left.mT @ weights @ right.mT)) @ right, 60
    )
    torch.testing.assert_close(turned, left @ plain @ right, rtol=1e-5, atol=1e-7)
    assert float(plain.abs().max()) < 0.9 * float(start.abs().max())


def test_weight_decay_shrinks_by_rate_times_decay():
    start = torch.linspace(-1, 2, 12, dtype=torch.float64).view(1, 3, 4)
    left = soap_path(start, torch.zeros_like, 5, weight_decay=0.4)
    torch.testing.assert_close(left, start * (1 - 0.01 * 0.4) ** 5)


def test_run_stops_when_its_time_is_over(config, tmp_path):
    run = started(tmp_path, config, seconds=0.0)
    assert not run.train()
    assert [step for step, _ in checkpoint.find(tmp_path)] == [0]


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

    message = "engine: 'activation_function' of the section 'descriptor' is 'gelu' where only 'tanh' is known here"
    with pytest.raises(ValueError, match=message):
        read_architecture(model("descriptor", activation_function="gelu"))
    with pytest.raises(ValueError, match="engine: 'attn' of the section 'descriptor' is not known here; use --engine"):
        read_architecture(model("descriptor", attn=2))
    with pytest.raises(ValueError, match="engine: the descriptor is 'dpa1'; only se_e2_a is known"):
        read_architecture(model("descriptor", type="dpa1"))
    with pytest.raises(ValueError, match="hidden layer 1 of the fitting net goes from width 10 to 20, which the"):
        read_architecture(model("fitting_net", neuron=[10, 20]))
    with pytest.raises(ValueError, match="engine: the learning rate is 'cosine'; only exp is known"):
        Schedule.read({"type": "cosine", "start_lr": 1e-3, "stop_lr": 1e-5}, 10)
    with pytest.raises(ValueError, match="engine: 'use_huber' of the section 'loss' is not known here"):
        Loss.read({"use_huber": True})
    with pytest.raises(ValueError, match="engine: the batch size is 'mixed' where a number or 'auto:number' is known"):
        batch_sizes("mixed", [3])


# --- DeePMD-kit


def predictions(run: Run, system, chosen: list[int]) -> tuple[np.ndarray, ...]:
    """Energy (F,), force (F, N, 3) and virial (F, 9) of the engine."""
    batch = system.batch(chosen)
    misfit = Evaluation(run.model, batch, False).misfit
    rows = system.rows(len(chosen))[0]
    force = (misfit.force + batch.force)[rows]
    return (misfit.energy + batch.energy).numpy(), force.numpy(), (misfit.virial + batch.virial).view(-1, 9).numpy()


@pytest.mark.parametrize("one_side", [False, True])
def test_deepmd_gives_the_same_energies_forces_and_virials(config, tmp_path, one_side):
    """Through the .dp file and the frozen graph, in double precision; what is left is the interpolation."""
    pytest.importorskip("deepmd")
    from deepmd.infer import DeepPot

    run = started(tmp_path, changed(config, one_side, True))
    write_model(run, tmp_path / "model.dp")
    interchange.convert(tmp_path / "model.dp", tmp_path / "graph.pb")
    reference = DeepPot(str(tmp_path / "graph.pb"))
    for system, folder in zip(run.training[0], config["training"]["training_data"]["systems"], strict=True):
        frames = frames_module.read_frames(Path(folder)).select([(2, 5)])
        types = [run.architecture.type_map.index(frames.type_map[kind]) for kind in frames.types]
        expected = reference.eval(frames.coord, frames.box, types)
        for found, value in zip(predictions(run, system, [2, 3, 4]), expected, strict=False):
            np.testing.assert_allclose(found, value.reshape(found.shape), rtol=2e-6, atol=2e-6)

    weights, constants = interchange.read_model(tmp_path / "graph.pb", run.architecture)
    for name, value in named_arrays(run.architecture, run.parameters.flat).items():
        np.testing.assert_array_equal(weights[name], value)
    for name, value in run.constants.items():
        np.testing.assert_allclose(constants[name], value, rtol=1e-12)


@pytest.mark.parametrize("one_side", [False, True])
def test_gradient_is_that_of_deepmd(config, tmp_path, one_side):
    """DeePMD-kit's PyTorch backend computes loss and gradient of the same weights by differentiating twice."""
    pytest.importorskip("deepmd")
    pytest.importorskip("e3nn")  # DeePMD-kit's PyTorch backend needs it
    from deepmd.pt.loss import EnergyStdLoss
    from deepmd.pt.model.model import BaseModel
    from deepmd.pt.utils import env

    run = started(tmp_path, changed(config, one_side, True))
    weights = named_arrays(run.architecture, run.parameters.flat)
    content = interchange.pack(run.content["model"], run.architecture, weights, run.constants)
    model = BaseModel.deserialize(content["model"]).to(env.DEVICE)
    system, chosen = run.training[0][0], [1, 4]
    frames = frames_module.read_frames(Path(config["training"]["training_data"]["systems"][0]))
    types = np.array([run.architecture.type_map.index(frames.type_map[kind]) for kind in frames.types])

    def tensor(values, *shape):
        return torch.tensor(values[chosen].reshape(2, *shape), dtype=torch.float64, device=env.DEVICE)

    inputs = {
        "coord": tensor(frames.coord, -1, 3).requires_grad_(),
        "atype": torch.tensor(np.tile(types, (2, 1)), device=env.DEVICE),
        "box": tensor(frames.box, 9),
    }
    labels = {
        "energy": tensor(frames.energy, 1),
        "force": tensor(frames.force, -1, 3),
        "virial": tensor(frames.virial, 9),
    }
    labels |= {f"find_{name}": 1.0 for name in ("energy", "force", "virial")}
    prefactors = [value for weight in WEIGHTS for value in (weight, weight)]
    _, loss, _ = EnergyStdLoss(1.0, *prefactors)(inputs, model, labels, len(types), 1.0)
    loss.backward()

    evaluation = Evaluation(run.model, system.batch(chosen), True)
    energy, force, virial = evaluation.misfit.squares().tolist()
    atoms = system.atoms
    found = WEIGHTS[0] * energy / atoms + WEIGHTS[1] * force + WEIGHTS[2] * virial / atoms
    assert found == pytest.approx(loss.item(), rel=1e-6)
    evaluation.backward(WEIGHTS)
    expected = dict(model.named_parameters())
    prefix = "atomic_model.descriptor.sea.filter_layers.networks."
    compared = 0
    for net, place in enumerate(interchange.embedding_places(run.architecture)):
        for index in range(len(run.architecture.embedding)):
            for key, name in (("w", "matrix"), ("b", "bias"), ("idt", "idt")):
                view = run.parameters.named.get(f"embedding.{index}.{key}")
                if view is not None:
                    compare(view.grad[net], expected[f"{prefix}{place}.layers.{index}.{name}"].grad)
                    compared += 1
    for kind in range(run.architecture.species):
        for index in range(len(run.architecture.fitting) + 1):
            for key, name in (("w", "matrix"), ("b", "bias"), ("idt", "idt")):
                view = run.parameters.named.get(f"fitting.{kind}.{index}.{key}")
                if view is not None:
                    path = f"atomic_model.fitting_net.filter_layers.networks.{kind}.layers.{index}.{name}"
                    compare(view.grad, expected[path].grad)
                    compared += 1
    assert compared == sum(view.shape[0] if name.startswith("e") else 1 for name, view in run.parameters.named.items())


def compare(found, expected):
    """Assert that two gradients agree to 1e-5 of the larger norm."""
    found, expected = found.reshape(-1), expected.detach().cpu().double().reshape(-1)
    assert float((found - expected).norm()) <= 1e-5 * float(expected.norm()) + 1e-9


def test_statistics_are_those_of_deepmd(config, tmp_path):
    """Mean, deviation and energies of the species as DeePMD-kit's PyTorch backend takes them from the same frames."""
    pytest.importorskip("deepmd")
    pytest.importorskip("e3nn")  # DeePMD-kit's PyTorch backend needs it
    from deepmd.pt.model.descriptor import DescrptSeA

    run = started(tmp_path, config)
    descriptor = DescrptSeA(4.5, 2.0, [60, 50, 70], ntypes=3)
    samples = []
    for folder in config["training"]["training_data"]["systems"]:
        frames = frames_module.read_frames(Path(folder))
        types = np.array([run.architecture.type_map.index(frames.type_map[kind]) for kind in frames.types])
        count = len(frames)
        natoms = np.concatenate([[len(types)] * 2, np.bincount(types, minlength=3)])
        sample = {"coord": frames.coord.reshape(count, -1, 3), "atype": np.tile(types, (count, 1)), "box": frames.box}
        samples.append(
            {key: torch.tensor(value) for key, value in sample.items()}
            | {"natoms": torch.tensor(np.tile(natoms, (count, 1)))}
        )
    descriptor.compute_input_stats(samples)
    mean, deviation = descriptor.get_stat_mean_and_stddev()
    np.testing.assert_allclose(run.constants["mean"], mean[:, 0, 0].cpu(), rtol=1e-5)
    np.testing.assert_allclose(run.constants["radial"], deviation[:, 0, 0].cpu(), rtol=1e-5)
    np.testing.assert_allclose(run.constants["angular"], deviation[:, 0, 1].cpu(), rtol=1e-5)
