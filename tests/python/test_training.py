# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The training recipe: what is held out, what a temperature is, what an error is. None of it needs DeePMD-kit."""

import itertools
import json
import sys
from pathlib import Path

import numpy as np
import pytest

TRAINING = Path(__file__).resolve().parents[2] / "training"
sys.path.insert(0, str(TRAINING))

import evaluate
import frames as frames_module
import splits
import train

SYSTEMS = {"crystal-Li2S": 900, "glass-g67": 579, "glass-g70": 425, "glass-g75": 159}


@pytest.mark.parametrize("system", SYSTEMS)
def test_parts_do_not_overlap_and_stay_inside(system):
    ranges = sorted(bounds for part in splits.split_of(system, SYSTEMS[system]).values() for bounds in part)
    assert ranges[0][0] == 0
    assert ranges[-1][1] == SYSTEMS[system]
    for (start, stop), (following, _) in itertools.pairwise(ranges):
        assert start < stop <= following


def test_held_out_crystal_blocks_keep_a_distance_from_training():
    trained = [frame for start, stop in splits.CRYSTAL["train"] for frame in range(start, stop)]
    for part in ("interior", "validation", "test"):
        for start, stop in splits.CRYSTAL[part]:
            assert min(min(abs(frame - start), abs(frame - stop + 1)) for frame in trained) > 10


def test_split_refuses_other_data():
    with pytest.raises(ValueError, match="has 901 frames where the split expects 900; use the data the split"):
        splits.split_of("crystal-Li", 901)
    with pytest.raises(ValueError, match="no split is defined for the system 'water'; add its frame ranges"):
        splits.split_of("water", 10)


def test_manifest_holds_the_ranges_of_the_split():
    manifest = json.loads((TRAINING / "split-lps.json").read_text())
    assert len(manifest) == 19
    for system, entry in manifest.items():
        expected = splits.split_of(system, entry["frames"])
        assert {part: [tuple(bounds) for bounds in content["ranges"]] for part, content in entry["parts"].items()} == (
            expected
        )


def test_temperature_of_harmonic_oscillators_sampled_unevenly():
    """Independent oscillators of known velocities; frames at irregular multiples of the time step."""
    random = np.random.default_rng(7)
    atoms, kelvin = 120, 900.0
    mass = np.array([frames_module.MASSES["Li"], frames_module.MASSES["S"]]).repeat(atoms // 2)[:, None]
    period = random.uniform(0.06, 0.15, (atoms, 3))  # ps
    omega = 2 * np.pi / period
    deviation = np.sqrt(kelvin * frames_module.BOLTZMANN * frames_module.FORCE_TO_ACCELERATION / mass) / omega
    amplitude = deviation * np.sqrt(2)
    phase = random.uniform(0, 2 * np.pi, (atoms, 3))
    time = np.cumsum(random.integers(1, 9, 200)) * frames_module.TIME_STEP
    angle = omega * time[:, None, None] + phase
    center = random.uniform(0, 12, (atoms, 3))
    position = center + amplitude * np.sin(angle)
    velocity = amplitude * omega * np.cos(angle)
    force = -(omega**2) * amplitude * np.sin(angle) * mass / frames_module.FORCE_TO_ACCELERATION
    cell = np.diag([12.0, 12.0, 12.0])
    position -= 12.0 * np.floor(position / 12.0)
    exact = (mass * velocity**2).sum((1, 2)) / frames_module.FORCE_TO_ACCELERATION
    exact /= (3 * atoms - 3) * frames_module.BOLTZMANN
    trajectory = frames_module.Frames(
        types=np.array([0, 2]).repeat(atoms // 2),
        type_map=["Li", "P", "S"],
        box=np.tile(cell.ravel(), (len(time), 1)),
        coord=position.reshape(len(time), -1).astype(np.float32),
        energy=np.zeros(len(time)),
        force=force.reshape(len(time), -1).astype(np.float32),
        virial=np.zeros((len(time), 9)),
    )
    estimate = frames_module.trajectory_temperature(trajectory)
    assert estimate.shape == (200,)
    assert np.median(np.abs(estimate[1:-1] / exact[1:-1] - 1)) < 0.02
    assert estimate.mean() == pytest.approx(exact.mean(), rel=0.02)


def test_running_mean_is_cut_off_at_the_ends():
    assert frames_module.running_mean(np.array([1.0, 2.0, 6.0, 3.0]), 3) == pytest.approx([1.5, 3.0, 11 / 3, 4.5])


def test_frames_survive_writing_and_reading(tmp_path):
    count, types = 5, np.array([0, 2, 2])
    arrays = {
        name: np.arange(count * width, dtype=float).reshape(count, width)
        for name, width in {"box": 9, "coord": 9, "force": 9, "virial": 9}.items()
    }
    original = frames_module.Frames(types, ["Li", "P", "S"], energy=np.arange(5.0), **arrays)
    frames_module.write_frames(tmp_path / "part", original.select([(0, 1), (3, 5)]))
    read = frames_module.read_frames(tmp_path / "part")
    assert read.energy == pytest.approx([0, 3, 4])
    assert read.coord[1] == pytest.approx(original.coord[3])
    assert read.types.tolist() == [0, 2, 2]


class ShiftedModel:
    """Predicts the reference of the frames it is given plus 0.1 eV, 0.2 eV/angstrom on sulfur and 0.3 eV of virial."""

    def __init__(self, frames):
        self.frames = frames

    def get_type_map(self):
        return ["S", "Li", "P"]

    def eval(self, coord, box, types):
        assert types.tolist() == [1, 0, 0]  # in the order of the model, not of the data
        index = [int(np.where((self.frames.coord == row).all(1))[0][0]) for row in coord]
        force = self.frames.force[index].reshape(len(index), 3, 3) + 0.2 * np.array([0, 1, 1])[None, :, None]
        return self.frames.energy[index, None] + 0.1, force, self.frames.virial[index] + 0.3


def test_errors_by_part_species_and_temperature(tmp_path):
    random = np.random.default_rng(1)
    frames = frames_module.Frames(
        np.array([0, 2, 2]),
        ["Li", "P", "S"],
        **{name: random.normal(size=(12, 9)) for name in ("box", "coord")},
        energy=random.normal(size=12),
        force=random.normal(size=(12, 9)),
        virial=random.normal(size=(12, 9)),
    )
    frames_module.write_frames(tmp_path / "crystal-X" / "test", frames)
    np.save(tmp_path / "crystal-X" / "test" / "temperature.npy", np.array([1000.0] * 5 + [2000.0] * 7))
    frames_module.write_frames(tmp_path / "glass-x" / "test", frames)
    folders = [tmp_path / name / "test" for name in ("crystal-X", "glass-x")]
    systems = {f.parent.name: evaluate.system_errors(ShiftedModel(frames), f, slice(None)) for f in folders}
    groups = evaluate.summarise_all(systems)
    assert {name: group["frames"] for name, group in groups.items()} == {
        "all glasses": 12,
        "all crystals": 12,
        "crystals below 1,500 K": 5,
        "crystals from 1,500 K": 7,
        "crystal-X": 12,
        "glass-x": 12,
    }
    for group in groups.values():
        assert group["energy"] == pytest.approx({"rmse": 100 / 3, "mae": 100 / 3})
        assert group["virial"] == pytest.approx({"rmse": 100, "mae": 100})
        assert group["force Li"] == pytest.approx({"rmse": 0, "mae": 0}, abs=1e-12)
        assert group["force S"] == pytest.approx({"rmse": 0.2, "mae": 0.2})
        assert group["force"] == pytest.approx({"rmse": 0.2 * np.sqrt(2 / 3), "mae": 0.4 / 3})
        assert "force P" not in group
    assert "| glass-x | 12 | 33.3 | 0.163 | 0.000 | - | 0.200 | 100.0 |" in evaluate.table({"test": groups})


def test_input_names_the_parts_and_takes_overrides(tmp_path):
    for name in ("glass-a", "crystal-b"):
        (tmp_path / name / "train").mkdir(parents=True)
    content = train.build_input(
        TRAINING / "configs" / "lps-fast.json", tmp_path, {"steps": 7, "start_lr": 0.01, "seed": 3}
    )
    training = content["training"]
    assert training["training_data"]["systems"] == [str(tmp_path / name / "train") for name in ("crystal-b", "glass-a")]
    assert training["validation_data"]["systems"][0].endswith("crystal-b/validation")
    assert (training["numb_steps"], content["learning_rate"]["start_lr"]) == (7, 0.01)
    assert content["model"]["descriptor"]["axis_neuron"] == 8
    assert content["model"]["descriptor"]["rcut"] == 6.0  # from the config it is based on
    assert {training["seed"], content["model"]["descriptor"]["seed"], content["model"]["fitting_net"]["seed"]} == {3}
    with pytest.raises(SystemExit, match="train: no system lies in .*; run training/prepare.py first"):
        train.build_input(TRAINING / "configs" / "lps.json", tmp_path / "absent", {})


def test_negative_weight_decay_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["train.py", "--config", "none.json", "--weight-decay", "-1"])
    with pytest.raises(SystemExit, match="2"):
        train.main()
    assert "it must not be negative" in capsys.readouterr().err
