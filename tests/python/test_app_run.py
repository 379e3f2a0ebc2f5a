# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Runs: their files, and that stopping, killing, resuming and full disks lose and repeat nothing."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import openmm
import pytest

from app_support import PairEngine
from openmmlps.app import checkpoint, h5md_reporter, load, runner, thermo_file
from openmmlps.app.run_folder import RunFolder, is_run
from openmmlps.app.run_settings import RunSettings
from openmmlps.units import GAS_CONSTANT

COMMAND = [sys.executable, str(Path(__file__).with_name("app_command.py"))]
RUN = "run gamma-Li3PS4 --supercell 2x2x2 --temperature 600 --seed 11 --platform Reference --checkpoint-interval 0".split()
BASE = {
    "structure": "gamma-Li3PS4",
    "supercell": (2, 2, 2),
    "temperature": 600.0,
    "timestep": 0.001,
    "time": 0.12,
    "report_interval": 5,
    "trajectory_interval": 10,
    "platform": "Reference",
    "seed": 11,
}


def settings(**changes):
    return RunSettings(**{**BASE, **changes})


def start(folder, overwrite=False, monitor=None, engine=None, **changes):
    return runner.start(
        folder, settings(**changes), overwrite=overwrite, engine=engine or PairEngine(), monitor=monitor
    )


def resume(folder, **changes):
    return runner.resume(folder, changes, engine=PairEngine())


def frames(folder):
    return h5md_reporter.read_frames(
        Path(folder) / "trajectory.h5", ["step", "time", "position", "velocity", "edges", "virial"]
    )


def assert_same_run(first, second):
    """Bit for bit the same thermo.csv and the same frames."""
    ours, theirs = frames(first), frames(second)
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs[name], err_msg=name)
    assert (Path(first) / "thermo.csv").read_text() == (Path(second) / "thermo.csv").read_text()


class StopAt(runner.Monitor):
    """Sends a signal to this process once the run has come to a step."""

    def __init__(self, step, number=signal.SIGTERM):
        self.step, self.number, self.messages = step, number, []

    def message(self, text):
        self.messages.append(text)

    def progress(self, step, *rest):
        if step >= self.step and self.number:
            os.kill(os.getpid(), self.number)
            self.number = None


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted NVE run."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    result = start(folder, ensemble="nve")
    assert (result.state, result.step, result.total_steps, result.atoms) == ("finished", 120, 120, 128)
    return folder


def test_files_of_a_run(whole):
    files = ".lock checkpoint.zip inputs run.png status.json thermo.csv trajectory.h5".split()
    assert sorted(path.name for path in whole.iterdir()) == files
    rows = thermo_file.read_thermo(whole / "thermo.csv")
    assert rows["step"].tolist() == list(range(0, 121, 5))
    assert frames(whole)["step"].tolist() == list(range(0, 121, 10))
    assert rows["temperature_K"][0] == pytest.approx(600, rel=0.01)
    assert (whole / "run.png").read_bytes().startswith(b"\x89PNG")
    status = json.loads((whole / "status.json").read_text())
    assert [status[key] for key in ("state", "step", "checkpoint_step", "fraction_done")] == ["finished", 120, 120, 1]
    assert status["model"]["source"] == "pair engine" and status["platform"] == "Reference"
    with h5py.File(whole / "trajectory.h5") as file:
        assert json.loads(file["parameters"].attrs["openmm-lps"])["timestep_ps"] == 0.001


def test_inputs_are_frozen(whole):
    with RunFolder.open(whole) as folder:
        assert folder.read_settings() == settings(ensemble="nve")
        assert folder.structure.name == "gamma-Li3PS4.extxyz"
        assert folder.model.read_bytes() == b"pair engine"


def test_energy_is_conserved(whole):
    rows = thermo_file.read_thermo(whole / "thermo.csv")
    assert np.ptp(rows["total_kJ_per_mol"]) < 0.02 * np.ptp(rows["potential_kJ_per_mol"])


def test_longer_run_continues_exactly(whole, tmp_path):
    start(tmp_path / "run", ensemble="nve", time=0.043)
    assert resume(tmp_path / "run", time=0.12).state == "finished"
    assert_same_run(tmp_path / "run", whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_in_good_order_and_resume_is_exact(whole, tmp_path, number, monkeypatch):
    monkeypatch.setattr(runner, "_PROGRESS_SECONDS", 0)
    monkeypatch.setattr(runner, "_CHUNK_SECONDS", 0.01)
    monitor = StopAt(20, number)
    result = start(tmp_path / "run", monitor=monitor, ensemble="nve")
    assert result.state == "interrupted" and result.signal == number and 20 <= result.step < 120
    assert any("writing a checkpoint first" in text for text in monitor.messages)
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert status["state"] == "interrupted" and status["checkpoint_step"] == result.step
    assert resume(tmp_path / "run").state == "finished"
    assert_same_run(tmp_path / "run", whole)


@pytest.mark.parametrize("ensemble", ["nve", "nvt"])
def test_kill_loses_and_repeats_nothing(tmp_path, ensemble):
    """Killed at random moments; checkpoints carry random numbers, so even Langevin dynamics continues exactly."""
    assert_survives_kills(tmp_path, ensemble, 3, 0.8)


@pytest.mark.long
def test_hundred_kills_lose_and_repeat_nothing(tmp_path):
    assert_survives_kills(tmp_path, "nvt", 100, 30.0)


def assert_survives_kills(tmp_path, ensemble, kills, length):
    """Kill a run of `length` ps so many times, resume each time, and compare with one that was left alone."""
    reference, killed = tmp_path / "reference", tmp_path / "killed"
    start(reference, ensemble=ensemble, time=length)
    arguments = [
        *RUN,
        "--ensemble",
        ensemble,
        "--time",
        str(length),
        "--report-interval",
        "5fs",
        "--trajectory-interval",
    ]
    arguments += ["10fs", "--output", str(killed)]
    delays = random.Random(4)
    for _ in range(kills):
        with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            deadline, begun = time.monotonic() + 60, checkpoint_step(killed)
            while checkpoint_step(killed) == begun and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(delays.random() * 0.2)
            process.kill()
            assert process.wait() == -signal.SIGKILL, process.stderr.read().decode()
        with h5py.File(killed / "trajectory.h5") as file:
            assert np.isfinite(file["particles/all/position/value"][:]).all(), "readable with any HDF5 program"
        assert is_run(killed) and 0 <= checkpoint_step(killed) < 1000 * length
        arguments = ["run", "--resume", "--output", str(killed)]
    assert resume(killed).state == "finished"
    assert_same_run(killed, reference)


def checkpoint_step(folder):
    try:
        return checkpoint.read_record(folder / "checkpoint.zip")["step"]
    except FileNotFoundError:
        return None


def test_resume_on_another_platform_keeps_positions(tmp_path):
    start(tmp_path / "run", ensemble="npt", barostat="flexible", time=0.05)
    before = frames(tmp_path / "run")
    monitor = StopAt(10**9)
    result = runner.resume(tmp_path / "run", {"platform": "CPU", "time": 0.1}, engine=PairEngine(), monitor=monitor)
    assert result.platform == "CPU" and any("random numbers start anew" in text for text in monitor.messages)
    after = frames(tmp_path / "run")
    assert after["step"].tolist() == list(range(0, 101, 10))
    np.testing.assert_array_equal(after["position"][: len(before["position"])], before["position"])
    fractions = after["position"] @ np.linalg.inv(after["edges"])
    assert np.abs(np.diff(fractions, axis=0)).max() < 0.1


def test_finished_run_stays_as_it_is(whole):
    before = (whole / "thermo.csv").read_bytes(), (whole / "trajectory.h5").read_bytes()
    assert resume(whole).state == "finished"
    assert before == ((whole / "thermo.csv").read_bytes(), (whole / "trajectory.h5").read_bytes())
    with pytest.raises(ValueError, match="is at 120 fs already, beyond a --time of 50 fs; give a longer one"):
        resume(whole, time=0.05)


def test_stop_before_the_first_checkpoint_starts_anew(tmp_path):
    start(tmp_path / "run", ensemble="nve", time=0.02)
    (tmp_path / "run" / "checkpoint.zip").unlink()
    assert resume(tmp_path / "run").step == 20
    assert frames(tmp_path / "run")["step"].tolist() == [0, 10, 20]


def test_unstable_run_stops_and_keeps_what_it_has(tmp_path):
    class Stiff(PairEngine):
        strength = 2e3

    with pytest.raises(
        runner.RunFailed, match=r"step \d+: the simulation is unstable: .*atom \d+ \((Li|P|S)\).*--timestep"
    ):
        intervals = {"report_interval": 1, "trajectory_interval": 1}
        start(tmp_path / "run", ensemble="nve", timestep=0.02, time=20, engine=Stiff(), **intervals)
    rows = thermo_file.read_thermo(tmp_path / "run" / "thermo.csv")
    assert len(rows["step"]) >= 1 and np.isfinite(rows["total_kJ_per_mol"]).all()
    kept = frames(tmp_path / "run")
    assert len(kept["step"]) == len(rows["step"]) and np.isfinite(kept["position"]).all()
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert status["state"] == "failed" and "unstable" in status["message"]


def test_full_disk_keeps_what_is_written_and_resume_is_exact(tmp_path):
    """A file size limit stands for the full disk: the system call fails in the same way."""
    whole, folder = tmp_path / "whole", tmp_path / "run"
    start(whole, ensemble="nve", trajectory_interval=1, report_interval=1)
    size = (whole / "trajectory.h5").stat().st_size - 10_000
    arguments = [*RUN, "--ensemble", "nve", "--time", "0.12", "--report-interval", "1fs"]

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    result = subprocess.run(
        [*COMMAND, *arguments, "--output", str(folder)], preexec_fn=limit, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "File too large" in result.stderr and "continue with --resume" in result.stderr
    assert "Traceback" not in result.stderr
    assert json.loads((folder / "status.json").read_text())["state"] == "failed"
    step = checkpoint_step(folder)
    assert 0 < step < 120
    kept = frames(folder)["step"]
    assert kept[kept <= step].tolist() == list(range(step + 1)), "everything up to the checkpoint is there"
    assert resume(folder).state == "finished"
    assert_same_run(folder, whole)


def test_existing_folders_are_not_overwritten(whole, tmp_path):
    with pytest.raises(
        FileExistsError, match="holds a run already; continue it with --resume, replace it with --overwrite"
    ):
        start(whole)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match="exists and is not a run; choose another --output"):
        start(tmp_path / "mine", overwrite=True)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years of work"
    start(tmp_path / "run", time=0.02)
    (tmp_path / "run" / "notes.txt").write_text("keep me")
    assert start(tmp_path / "run", overwrite=True, time=0.03).step == 30
    assert (tmp_path / "run" / "notes.txt").exists()


@pytest.mark.parametrize("place", ["last-good.extxyz", "inputs/structure/gamma-Li3PS4.extxyz", "notes/mine.extxyz"])
def test_a_run_may_start_from_the_run_that_it_replaces(tmp_path, place):
    """Also `run DIR/last-good.extxyz -o DIR --overwrite`; what does not belong to a run stays."""
    start(tmp_path / "run", time=0.02)
    file = tmp_path / "run" / place
    file.parent.mkdir(exist_ok=True)
    file.write_bytes((tmp_path / "run/inputs/structure/gamma-Li3PS4.extxyz").read_bytes())
    assert start(tmp_path / "run", overwrite=True, structure=str(file), time=0.03).step == 30
    assert frames(tmp_path / "run")["step"].tolist() == [0, 10, 20, 30]
    assert file.exists() == ("last-good" not in place)
    assert sorted(os.listdir(tmp_path / "run" / "inputs" / "structure")) == [file.name]


def content(folder):
    return {str(path): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


class Unknown(PairEngine):
    def make_system(self, topology, model_path, settings):
        raise ValueError("run: this System cannot be made")


@pytest.mark.parametrize(
    "changes",
    [
        {"structure": "nonsense"},
        {"platform": "Abacus"},
        {"precision": "single"},
        {"elements": "Li"},
        {"engine": Unknown()},
        {"model_error": OSError("no such model")},
        {"disk": OSError(28, "No space left on device")},
    ],
    ids=str,
)
def test_an_old_run_stays_until_the_new_one_has_begun(tmp_path, changes, monkeypatch):
    start(tmp_path / "run", time=0.02)
    before = content(tmp_path / "run")
    if "model_error" in changes:
        changes = {"engine": PairEngine()}
        monkeypatch.setattr(PairEngine, "freeze_model", lambda *_: (_ for _ in ()).throw(OSError("no such model")))
    if "disk" in changes:
        error = changes["disk"]
        changes = {}
        monkeypatch.setattr(RunFolder, "_freeze", lambda *_: (_ for _ in ()).throw(error))
    with pytest.raises((ValueError, OSError)):
        start(tmp_path / "run", overwrite=True, **changes)
    assert content(tmp_path / "run") == before
    assert resume(tmp_path / "run", time=0.03).step == 30


@pytest.mark.parametrize("moment", ["clear", "replace"])
def test_a_kill_while_a_run_is_replaced_is_made_good(tmp_path, moment, monkeypatch):
    """The process ends right after the new run has begun; what the folder holds then can be resumed."""
    from openmmlps.app import output_folder

    class Killed(BaseException):
        pass

    def kill(*arguments):
        raise Killed

    start(tmp_path / "run", time=0.02)
    before = content(tmp_path / "run")
    with monkeypatch.context() as patch:
        if moment == "clear":
            patch.setattr(RunFolder, "clear", kill)
        else:
            replace, calls = os.replace, []
            patch.setattr(
                output_folder.os, "replace", lambda *a: kill() if len(calls) == 2 else (calls.append(a), replace(*a))
            )
        with pytest.raises(Killed):
            start(tmp_path / "run", overwrite=True, time=0.04)
    assert moment == "replace" or before.items() <= content(tmp_path / "run").items()
    assert resume(tmp_path / "run").step == 40
    assert not [path for path in (tmp_path / "run").iterdir() if path.name in (".new", ".begun", ".moving")]


def test_a_run_does_not_replace_a_protocol(tmp_path):
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "protocol.json").write_text("{}")
    (tmp_path / ".lock").touch()
    with pytest.raises(FileExistsError, match="exists and is not a run"):
        start(tmp_path, overwrite=True)
    assert (tmp_path / "inputs" / "protocol.json").exists()


def test_wrong_change_at_resume_is_not_kept(tmp_path):
    start(tmp_path / "run", time=0.02)
    for changes in ({"platform": "Abacus"}, {"time": 0.01}):
        with pytest.raises(ValueError):
            resume(tmp_path / "run", **changes)
    assert resume(tmp_path / "run", time=0.03).step == 30


def test_a_foreign_backend_of_matplotlib_does_no_harm(tmp_path):
    """A notebook leaves its MPLBACKEND to the programs that it starts."""
    arguments = [*COMMAND, "run", "Li2S", "--supercell", "2x2x2", "--time", "0.01", "--platform", "Reference", "-o"]
    environment = {**os.environ, "MPLBACKEND": "no_such_backend"}
    done = subprocess.run(
        [*arguments, str(tmp_path / "run")], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run" / "status.json").read_text())["state"] == "finished"
    assert (tmp_path / "run" / "run.png").is_file()


def test_a_picture_that_cannot_be_drawn_is_a_warning(tmp_path, monkeypatch):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    monkeypatch.setattr(FigureCanvasAgg, "print_png", lambda *_, **__: 1 / 0)
    monitor = StopAt(10**9)
    assert start(tmp_path / "run", time=0.01, monitor=monitor).state == "finished"
    assert any(
        text.startswith("Warning: run.png could not be drawn") and "division" in text for text in monitor.messages
    )
    assert json.loads((tmp_path / "run" / "status.json").read_text())["state"] == "finished"


def test_folder_that_was_killed_while_being_made_can_be_used(tmp_path):
    start(tmp_path / "run", time=0.02)
    (tmp_path / "run" / "inputs" / "settings.json").unlink()
    assert start(tmp_path / "run", time=0.03).step == 30


def test_two_processes_do_not_share_a_folder(whole):
    with RunFolder.open(whole), pytest.raises(ValueError, match="another process is working in"):
        resume(whole)


def test_wrong_input_leaves_no_folder(tmp_path):
    folder = tmp_path / "run"
    for changes, kind, message in [
        ({"structure": "nonsense"}, FileNotFoundError, "neither a file nor a packaged structure"),
        ({"platform": "Abacus"}, ValueError, "'Abacus' does not exist here; usable are: .*CPU"),
        ({"precision": "single"}, ValueError, "Reference has no precision 'single'"),
    ]:
        with pytest.raises(kind, match=message):
            start(folder, **changes)
        assert not folder.exists()


def test_elements_unknown_to_the_model(tmp_path):
    from ase import Atoms
    from ase.io import write

    write(tmp_path / "si.extxyz", Atoms("Si2", [[0, 0, 0], [1.2, 1.2, 1.2]], cell=[6, 6, 6], pbc=True))
    with pytest.raises(ValueError, match=r"knows Li, P, S, but the structure also has 'Si' \(first at atom 0\)"):
        start(tmp_path / "run", structure=str(tmp_path / "si.extxyz"))


def test_npt_of_a_cluster_is_refused(tmp_path):
    from ase import Atoms
    from ase.io import write

    write(tmp_path / "c.xyz", Atoms("Li2", [[0, 0, 0], [2, 0, 0]]))
    with pytest.raises(ValueError, match="is not periodic, so it has no pressure; use nvt or nve"):
        start(tmp_path / "run", structure=str(tmp_path / "c.xyz"), supercell=None, ensemble="npt")
    assert start(tmp_path / "run", structure=str(tmp_path / "c.xyz"), supercell=None, time=0.02).state == "finished"


def crystal(path, **changes):
    """gamma-Li3PS4 as a file that says more about its atoms."""
    import ase.io
    from ase.constraints import FixAtoms, FixCartesian
    from ase.units import fs

    from openmmlps.app.structure_files import structure_path

    atoms = ase.io.read(structure_path("gamma-Li3PS4")).repeat((2, 2, 2))
    if "masses" in changes:
        atoms.set_masses([6.015 if symbol == "Li" else None for symbol in atoms.symbols])
    if "fixed" in changes:
        atoms.set_constraint(FixAtoms(changes["fixed"]))
    if "partly" in changes:
        atoms.set_constraint(FixCartesian(changes["partly"], (True, False, False)))
    if "velocities" in changes:
        atoms.set_velocities(np.full((len(atoms), 3), changes["velocities"] / fs))
    ase.io.write(path, atoms)
    return str(path)


def test_masses_of_the_file_are_obeyed(tmp_path):
    """6Li moves as 6Li, in the run, in its files, and in what is left of it."""
    file = crystal(tmp_path / "6Li.extxyz", masses=True)
    start(tmp_path / "run", structure=file, supercell=None, ensemble="nve", time=0.02)
    masses = h5md_reporter.read_frames(tmp_path / "run" / "trajectory.h5", ["mass", "species"])
    assert set(masses["mass"][masses["species"] == 3]) == {6.015}
    heavy = start_density(tmp_path / "heavy")
    assert thermo_file.read_thermo(tmp_path / "run" / "thermo.csv")["density_g_per_cm3"][0] == pytest.approx(
        heavy * masses["mass"].sum() / (48 * 6.941 + 16 * 30.97376 + 64 * 32.065), rel=1e-4
    )


def start_density(folder):
    start(folder, ensemble="nve", time=0.01)
    return thermo_file.read_thermo(folder / "thermo.csv")["density_g_per_cm3"][0]


@pytest.mark.parametrize("kind", ["extxyz", "POSCAR"])
def test_fixed_atoms_stay(tmp_path, kind):
    file = crystal(tmp_path / ("POSCAR" if kind == "POSCAR" else "a.extxyz"), fixed=[0, 5, 17])
    fixed = np.flatnonzero(load(file).fixed)
    assert len(fixed) == 3
    start(
        tmp_path / "run", structure=file, supercell=None, minimize=True, equilibrate=0.01, temperature=900.0, time=0.05
    )
    found = frames(tmp_path / "run")
    assert np.ptp(found["position"][:, fixed], axis=0).max() == 0
    moving = np.delete(np.arange(128), fixed)
    assert np.ptp(found["position"][:, moving], axis=0).max(axis=1).min() > 0
    rows = thermo_file.read_thermo(tmp_path / "run" / "thermo.csv")
    kinetic = rows["kinetic_kJ_per_mol"] / (1.5 * 125 * GAS_CONSTANT)
    np.testing.assert_allclose(rows["temperature_K"], kinetic, rtol=1e-6)
    assert rows["density_g_per_cm3"][0] == pytest.approx(start_density(tmp_path / "free"), rel=1e-4)
    assert resume(tmp_path / "run", time=0.06).step == 60
    assert np.ptp(frames(tmp_path / "run")["position"][:, fixed], axis=0).max() == 0


def test_what_cannot_be_obeyed_is_refused_by_name(tmp_path):
    partly, fixed = crystal(tmp_path / "a.extxyz", partly=[3]), crystal(tmp_path / "b.extxyz", fixed=[3])
    every = crystal(tmp_path / "c.extxyz", fixed=list(range(128)))
    for changes, message in [
        ({"structure": partly}, r"atom 3 \(\w+\), is fixed along some directions only"),
        ({"structure": fixed, "ensemble": "npt"}, "fixes 1 atoms, which a barostat would move with the box"),
        ({"structure": every}, "fixes all its atoms"),
        ({"velocities": "file"}, "has no velocities; use --velocities random"),
        ({"velocities": "some"}, "velocities is 'some'"),
    ]:
        with pytest.raises(ValueError, match=message):
            start(tmp_path / "run", **{"supercell": None, **changes})


def test_velocities_of_the_file_are_taken_or_named(tmp_path):
    file = crystal(tmp_path / "a.extxyz", velocities=1e-3)
    monitor = StopAt(10**9)
    start(tmp_path / "random", structure=file, supercell=None, time=0.01, monitor=monitor)
    assert any("The velocities of 'a.extxyz' are not used; --velocities file takes them" in t for t in monitor.messages)
    start(tmp_path / "file", structure=file, supercell=None, time=0.01, velocities="file")
    first = frames(tmp_path / "file")["velocity"][0]
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 0.1 * np.sqrt(3), rtol=1e-4)


@pytest.mark.parametrize(
    "file, change, message",
    [
        ("checkpoint.zip", lambda path: path.write_bytes(path.read_bytes()[:-100]), "checkpoint .* is damaged"),
        ("checkpoint.zip", lambda path: path.write_bytes(b"noise"), "checkpoint .* is damaged"),
        ("inputs/model.safetensors", lambda path: path.write_bytes(b"other"), "was changed since the run began"),
        ("inputs/settings.json", lambda path: path.write_text("{}"), "does not hold settings of this version"),
        ("inputs/settings.json", lambda path: path.write_text("["), "does not hold settings of this version"),
        ("thermo.csv", lambda path: path.unlink(), "thermo.csv' is missing"),
        ("trajectory.h5", lambda path: path.unlink(), "trajectory.h5' is missing"),
        ("trajectory.h5", lambda path: path.write_bytes(b"noise"), "is not an H5MD file of openmm-lps"),
        ("inputs/structure/gamma-Li3PS4.extxyz", lambda path: path.unlink(), "holds 0 files, not one"),
    ],
)
def test_damaged_runs_are_refused(tmp_path, file, change, message):
    start(tmp_path / "run", time=0.02)
    change(tmp_path / "run" / file)
    with pytest.raises(ValueError, match=message):
        resume(tmp_path / "run", time=0.03)
    assert (tmp_path / "run" / "inputs").exists(), "nothing is thrown away"


def test_resume_of_nothing(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no run; start one without --resume"):
        resume(tmp_path / "nothing")


@pytest.mark.parametrize("barostat", ["isotropic", "anisotropic", "flexible"])
def test_npt_relaxes_the_cell(tmp_path, barostat):
    changes = {"time": 1.0, "barostat_interval": 5, "platform": "CPU", "pressure": 1.0, "report_interval": 50}
    start(tmp_path / "run", ensemble="npt", barostat=barostat, **changes)
    rows = thermo_file.read_thermo(tmp_path / "run" / "thermo.csv")
    assert rows["volume_nm3"][-1] > 1.1 * rows["volume_nm3"][0], "compressed soft spheres expand"
    assert rows["pressure_bar_positive_under_compression"][-1] < rows["pressure_bar_positive_under_compression"][0]


def test_equilibration_and_minimization_are_not_written(tmp_path):
    start(tmp_path / "run", ensemble="nve", equilibrate=0.1, minimize=True, time=0.02)
    rows = thermo_file.read_thermo(tmp_path / "run" / "thermo.csv")
    assert rows["step"][0] == 0 and rows["time_ps"][0] == 0
    start(tmp_path / "plain", ensemble="nve", time=0.02)
    assert (
        rows["potential_kJ_per_mol"][0]
        != thermo_file.read_thermo(tmp_path / "plain" / "thermo.csv")["potential_kJ_per_mol"][0]
    )


def test_initial_velocities_have_the_temperature_and_no_drift(tmp_path):
    from openmmlps.app import ensembles, observables

    system = openmm.System()
    for mass in [6.94, 30.97, 32.06] * 5:
        system.addParticle(mass)
    velocities = ensembles.initial_velocities(system, 300, 1)
    masses = observables.masses_of(system)
    np.testing.assert_allclose(masses @ velocities, 0, atol=1e-12)
    kinetic = 0.5 * (masses[:, None] * velocities**2).sum()
    assert 2 * kinetic / (GAS_CONSTANT * observables.degrees_of_freedom(system)) == pytest.approx(300)
    assert not ensembles.initial_velocities(system, 0, 1).any()


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"ensemble": "nph"}, "ensemble is 'nph'; use nve, nvt, npt"),
        ({"timestep": 1.0}, "timestep is 1000 fs; give 0.01 to 20 fs"),
        ({"timestep": float("nan")}, "timestep is nan; it must be finite"),
        ({"time": 0.0}, "time is 0 ps, less than one timestep"),
        ({"temperature": -1.0}, "temperature is -1 K; it must be at least 0"),
        ({"temperature": 0.0}, "a thermostat needs more than that"),
        ({"friction": 0.0}, "friction is 0 /ps; it must be more than 0"),
        ({"report_interval": 0}, "report_interval is 0 steps"),
        ({"seed": 0}, "seed is 0; it must be 1 to"),
        ({"threads": 0}, "threads is 0"),
        ({"barostat": "x", "precision": "half"}, "barostat is 'x'; .*; precision is 'half'"),
    ],
)
def test_wrong_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=f"^run: .*{message}"):
        settings(**changes)
