# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Training on labelled files: what is read and refused, splits, going on after a kill, further elements."""

import os
import signal
import subprocess
import sys
import time

import ase.io
import numpy as np
import pytest

from learn_support import command, lithium_sulfide
from openmmlps.ase import LPSCalculator
from openmmlps.importers import import_model
from openmmlps.learn import train
from openmmlps.learn.data import parse_keys, read_data, split
from openmmlps.learn.frames import write_frames
from openmmlps.learn.training import TrainSettings

QUICK = {"steps": 30, "size": "lps-fast", "cutoff": 4.0, "batch_atoms": 12}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "Li2S.extxyz"
    ase.io.write(path, lithium_sulfide(12))
    return path


def test_files_systems_and_databases_hold_the_same(file, tmp_path):
    frames = ase.io.read(file, ":")
    ase.io.write(tmp_path / "frames.db", frames)
    (found,) = read_data([file])
    write_frames(tmp_path / "system", found)
    for path in (tmp_path / "frames.db", tmp_path):
        assert read_data([path])[-1].sha256() == found.sha256()
    assert found.kelvin.tolist() == [300.0] * 12 and len(found.virial) == 12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda atoms: atoms.calc.results.pop("forces"), "frame 1 has no forces; label it first"),
        (lambda atoms: setattr(atoms, "calc", None), "frame 1 has no energy and no forces"),
        (lambda atoms: atoms.set_pbc(False), "frame 1 is not periodic"),
        (
            lambda atoms: atoms.info.update(level_of_theory="PBE-D3"),
            "is of the level 'LDA', .* of 'PBE-D3'; use frames",
        ),
        (lambda atoms: atoms.calc.results.update(energy=np.nan), "frame 1 holds a energy that is not finite"),
    ],
)
def test_frames_that_cannot_be_trained_on(tmp_path, change, message):
    frames = lithium_sulfide(2)
    for atoms in frames:
        atoms.info["level_of_theory"] = "LDA"
    change(frames[1])
    ase.io.write(tmp_path / "bad.extxyz", frames)
    with pytest.raises(ValueError, match=message):
        read_data([tmp_path / "bad.extxyz"])


def test_labels_may_have_other_names(file, tmp_path):
    frames, (wanted,) = ase.io.read(file, ":"), read_data([file])
    for atoms in frames:
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        atoms.info |= {"REF_energy": energy, "virial": -atoms.get_volume() * atoms.get_stress(voigt=False)}
        atoms.arrays["REF_forces"] = forces
        atoms.calc = None
    ase.io.write(tmp_path / "named.extxyz", frames)
    keys = parse_keys("energy=REF_energy,forces=REF_forces,virial=virial")
    (found,) = read_data([tmp_path / "named.extxyz"], keys)
    np.testing.assert_allclose(found.virial, wanted.virial, atol=1e-6)
    np.testing.assert_allclose(found.force, wanted.force, atol=1e-7)
    with pytest.raises(ValueError, match="by --keys which of REF_energy, virial, REF_forces they are"):
        read_data([tmp_path / "named.extxyz"])
    with pytest.raises(ValueError, match="'force=x' names no label"):
        parse_keys("force=x")


def test_linked_systems_are_read(file, tmp_path):
    (frames,) = read_data([file])
    write_frames(tmp_path / "elsewhere" / "one", frames)
    write_frames(tmp_path / "data" / "two", frames)
    (tmp_path / "data" / "one").symlink_to(tmp_path / "elsewhere" / "one")
    assert [len(found) for found in read_data([tmp_path / "data"])] == [len(frames)] * 2


def test_splits_are_by_time_or_trajectory(file):
    one = read_data([file])[0]
    found = split([one, one], "time", 0.25)
    assert [len(f) for f in found.training] == [9, 9] and found.held_out[0].energy.tolist() == one.energy[9:].tolist()
    found = split([one, one.take(slice(0, 3))], "trajectory", 0.2)
    assert [len(f) for f in found.training] == [12] and [len(f) for f in found.held_out] == [3]
    assert split([one], "random", 0.25).held_out[0].energy.tolist() != one.energy[9:].tolist()
    for rule, fraction, message in (("trajectory", 0.2, "one trajectory alone"), ("time", 1.0, "less than 1")):
        with pytest.raises(ValueError, match=message):
            split([one], rule, fraction)


def test_training_writes_a_model_that_runs(file, tmp_path):
    lines = []
    found = train([file], tmp_path / "out", TrainSettings(**QUICK), report=lines.append)
    assert found.finished and found.steps == 30 and lines[0]["step"] == 0
    assert set(found.errors) == {"energy_meV_per_atom", "force_eV_per_angstrom", "virial_meV_per_atom"}
    model = import_model(found.model)
    assert model.hyperparameters["type_map"] == ["Li", "S"] and model.provenance["training"]["batches"] == 30
    assert model.provenance["held_out_errors"][0]["frames"] == 1
    assert model.tensors.keys() == import_model(found.deepmd).tensors.keys()
    assert (tmp_path / "out" / "learning-curve.png").stat().st_size > 5000
    held = ase.io.read(file, -1)
    energy = held.get_potential_energy()
    held.calc = LPSCalculator(found.model)
    assert 1e3 * abs(held.get_potential_energy() - energy) / len(held) == pytest.approx(
        found.errors["energy_meV_per_atom"], rel=2e-2
    )
    again = train([file], tmp_path / "out", TrainSettings(**QUICK))
    assert again.steps == 30
    with pytest.raises(ValueError, match="holds a training with seed 1 \\(not 2\\); choose another folder"):
        train([file], tmp_path / "out", TrainSettings(**QUICK, seed=2))
    with pytest.raises(ValueError, match="other data"):
        train([file, file], tmp_path / "out", TrainSettings(**QUICK))
    with pytest.raises(FileExistsError, match="which is no training"):
        train([file], file.parent, TrainSettings(**QUICK))


def test_killed_training_ends_as_an_undisturbed_one(file, tmp_path):
    """SIGKILL at moments of a run that writes a checkpoint after every batch."""
    script = (
        "import functools, sys; from openmmlps.learn import training; from openmmlps.learn.engine import loop\n"
        "training.Options = functools.partial(loop.Options, interval=0.0)\n"
        f"training.train([sys.argv[1]], sys.argv[2], training.TrainSettings(**{QUICK!r}))"
    )
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", script, file, whole], check=True, env=environment)
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", script, file, parts], env=environment)
        before = (parts / "checkpoint.npz").stat().st_mtime_ns if (parts / "checkpoint.npz").exists() else 0
        while process.poll() is None:  # until it has done a few batches more
            if (parts / "checkpoint.npz").exists() and (parts / "checkpoint.npz").stat().st_mtime_ns > before:
                time.sleep(0.1)
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.01)
        process.wait()
    subprocess.run([sys.executable, "-c", script, file, parts], check=True, env=environment)
    first, second = (import_model(folder / "model.safetensors").tensors for folder in (whole, parts))
    for name, values in first.items():
        np.testing.assert_array_equal(second[name], values, err_msg=name)


def test_training_goes_on_from_a_model_with_fewer_elements(tmp_path):
    frames = lithium_sulfide(8)
    for atoms in frames:
        atoms.symbols[np.flatnonzero(atoms.symbols == "S")[0]] = "Cl"
    ase.io.write(tmp_path / "LiSCl.extxyz", frames)
    said = []
    settings = TrainSettings(steps=10, rate=1e-5)
    found = train([tmp_path / "LiSCl.extxyz"], tmp_path / "out", settings, start="lps-fast", tell=said.append)
    model, old = import_model(found.model), import_model(_packaged("lps-fast"))
    assert model.hyperparameters["type_map"] == ["Li", "P", "S", "Cl"] and "new elements: Cl" in said
    kept = "embedding.0.2.layer.2.weight"
    assert np.abs(model.tensors[kept] - old.tensors[kept]).max() < 1e-3
    assert found.errors["energy_meV_per_atom"] < 100  # the energies per element were fitted before the first batch
    with pytest.raises(ValueError, match="cutoff cannot be chosen with --from"):
        train([tmp_path / "LiSCl.extxyz"], tmp_path / "b", TrainSettings(steps=1, cutoff=5.0), start="lps-fast")


def _packaged(name):
    from openmmlps._files import packaged_models

    return packaged_models()[name]


def test_the_command_keeps_to_its_time(file, tmp_path):
    code, out = command("train", file, "-o", tmp_path / "out", "--time", "1 s", "--size", "lps-fast", "--cutoff", "4")
    assert code == 0 and "those held out in brackets" in out and "model.safetensors" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "0"], "steps is 0; it must be more than 0"),
        (["--steps", "5", "--time", "1 min"], "--time and --steps are given"),
        (["--steps", "5", "--threads", "0"], "threads is 0; give 1 or more"),
        (["--size", "huge"], "size is 'huge', not one of lps, lps-fast"),
        (["--split", "luck"], "'luck' is no rule; use one of time, trajectory, random"),
        (["--from", "none.dp"], "'none.dp' is not a file"),
    ],
)
def test_wrong_options_are_refused(file, tmp_path, arguments, message):
    code, printed = command("train", file, "-o", tmp_path / "out", *arguments)
    assert code == 2 and message in printed
    assert not (tmp_path / "out" / "checkpoint.npz").exists()
