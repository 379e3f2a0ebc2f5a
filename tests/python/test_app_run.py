# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Runs: their files, and that stopping, killing, resuming and full disks lose and repeat nothing."""

import json
import os
import random
import resource
import signal
import subprocess
import time

import h5py
import numpy as np
import pytest

from app_support import PairEngine
from openmmlps.app import run, runner, thermo_file
from openmmlps.app.run_folder import RunFolder, is_run
from run_support import COMMAND, RUN, StopAt, assert_same_run, checkpoint_step, frames, resume, settings, start
from run_support import whole_run as whole_run  # a fixture


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
    monkeypatch.setattr(run, "_PROGRESS_SECONDS", 0)
    monkeypatch.setattr(run, "_CHUNK_SECONDS", 0.01)
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
