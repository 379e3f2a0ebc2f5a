# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Protocols as sequences: every stage once, also when the process is stopped, killed, or the dynamics blow up."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import ase.io
import numpy as np
import pytest

from app_support import PairEngine
from openmmlps.analysis import strain_tensor
from openmmlps.app.h5md_reporter import read_frames
from openmmlps.app.monitor import Monitor
from openmmlps.app.stability import RunFailed
from openmmlps.app.structure_files import load
from openmmlps.protocols import (
    ElasticSettings,
    QuenchSettings,
    TransportSettings,
    elastic,
    quench,
    transport,
)
from openmmlps.protocols.elastic import mean_stress, strain_name
from openmmlps.protocols.starts import read_start
from openmmlps.report import find

COMMAND = [sys.executable, str(Path(__file__).with_name("app_command.py"))]
QUENCH = {
    "atoms": 112,
    "replicas": 1,
    "melt_temperature_K": 600.0,
    "melt_time_ps": 0.1,
    "cooling_rate_K_per_ps": 3000.0,
    "equilibration_time_ps": 0.1,
    "timestep_fs": 1.0,
    "frame_interval_ps": 0.01,
    "thermo_interval_ps": 0.01,
    "platform": "Reference",
    "cooling_ensemble": "nvt",
    "pressure_bar": 20000.0,
}


TRANSPORT = {
    "temperatures_K": [300.0, 400.0],
    "replicas": 2,
    "cell_time_ps": 0.1,
    "equilibration_time_ps": 0.02,
    "production_time_ps": 0.2,
    "timestep_fs": 1.0,
    "frame_interval_ps": 0.01,
    "thermo_interval_ps": 0.01,
    "platform": "Reference",
    "pressure_bar": 20000.0,
}


def quench_settings(**changes):
    return QuenchSettings.make(**(QUENCH | changes))


class Recorder(Monitor):
    def __init__(self):
        self.stages, self.messages = [], []

    def message(self, text):
        self.messages.append(text)

    def stage(self, name, number, total):
        self.stages.append((name, number, total))


def status_of(folder):
    return json.loads((Path(folder) / "status.json").read_text())


@pytest.fixture(scope="module", autouse=True)
def no_pictures():
    """The picture of a run takes longer than the runs here; other tests look at it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("openmmlps.app.run.Run._draw", lambda run: None)
        yield


@pytest.fixture(scope="module")
def glass(tmp_path_factory):
    folder = tmp_path_factory.mktemp("protocols") / "glass"
    recorder = Recorder()
    result = quench.start(folder, quench_settings(replicas=2), engine=PairEngine(), monitor=recorder)
    assert result.state == "finished"
    assert recorder.stages[-1] == ("replica-2/equilibrate", 6, 6)
    return folder


def test_quench_leaves_glasses_and_a_status(glass):
    status = status_of(glass)
    assert status["state"] == "finished" and status["fraction_done"] == 1.0
    assert [stage["done"] for stage in status["stages"]] == [True] * 6
    finals = [ase.io.read(glass / f"replica-{number}" / "final.extxyz") for number in (1, 2)]
    assert all(atoms.get_chemical_formula() == "Li42P14S56" for atoms in finals)
    assert not np.allclose(finals[0].positions, finals[1].positions)
    result = json.loads((glass / "replica-1" / "equilibrate" / "result.json").read_text())
    assert np.allclose(finals[0].cell, 10 * np.array(result["box_nm"]), atol=1e-6)
    melt = read_frames(glass / "replica-1" / "melt" / "trajectory.h5", ["step", "temperature"])
    assert melt["step"].tolist() == list(range(0, 101, 10))


def test_resuming_a_finished_protocol_does_nothing(glass):
    recorder = Recorder()
    assert quench.resume(glass, engine=PairEngine(), monitor=recorder).state == "finished"
    assert recorder.stages == []


def test_what_may_not_change(glass):
    with pytest.raises(
        ValueError, match="quench: seed cannot change once a protocol has begun, only platform, threads"
    ):
        quench.resume(glass, {"seed": 3}, engine=PairEngine())
    with pytest.raises(ValueError, match="holds a quench; continue it with: openmm-lps quench --resume --output"):
        transport.resume(glass, engine=PairEngine())
    with pytest.raises(FileExistsError, match="holds a protocol already; continue it with --resume, replace it with"):
        quench.start(glass, quench_settings(), engine=PairEngine())
    with pytest.raises(FileNotFoundError, match="holds no protocol; start one without --resume"):
        quench.resume(glass / "replica-1", engine=PairEngine())


def test_foreign_folders_are_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="exists and is not a protocol; choose another --output"):
        quench.start(tmp_path, quench_settings(), overwrite=True, engine=PairEngine())
    assert (tmp_path / "mine.txt").read_text() == "precious"


def content(folder):
    return {file: file.read_bytes() for file in Path(folder).rglob("*") if file.is_file() and file.name != ".lock"}


def test_overwriting_removes_the_protocol_only(tmp_path, glass):
    """Also when it starts from a file of the protocol that it replaces."""
    folder = tmp_path / "glass"
    shutil.copytree(glass, folder)
    (folder / "notes.txt").write_text("mine")
    own = folder / "replica-2" / "final.extxyz"
    settings = quench_settings(start=str(own), melt_time_ps=0.01, equilibration_time_ps=0.01)
    assert quench.start(folder, settings, overwrite=True, engine=PairEngine()).state == "finished"
    assert (folder / "notes.txt").exists() and not own.exists()
    assert len(ase.io.read(folder / "replica-1" / "final.extxyz")) == 112


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"platform": "Cray"}, "'Cray' does not exist here"),
        ({"platform": "Reference", "precision": "single"}, "no precision 'single'"),
        ({"composition": "50Li2S-50SiS2"}, "the structure also has 'Si'"),
        ({"start": "nothing.cif"}, "is neither a file nor a packaged structure"),
    ],
)
def test_wrong_input_keeps_what_was_there(glass, changes, message):
    before = content(glass)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        quench.start(glass, quench_settings(**changes), overwrite=True, engine=PairEngine())
    assert content(glass) == before
    if "platform" in changes and "precision" not in changes:
        with pytest.raises(ValueError, match=message):
            quench.resume(glass, changes, engine=PairEngine())
        assert content(glass) == before


def test_protocol_does_not_replace_what_it_starts_from(glass):
    before = content(glass)
    settings = TransportSettings.make(**(TRANSPORT | {"structure": str(glass)}))
    with pytest.raises(ValueError, match="is what it starts from; choose another --output"):
        transport.start(glass, settings, overwrite=True, engine=PairEngine())
    assert content(glass) == before


def test_folder_with_the_name_of_a_packaged_structure(tmp_path, monkeypatch, glass):
    """The structure is taken, unless the folder is a finished quench or relax; what was taken is said."""
    monkeypatch.chdir(tmp_path)
    settings = TransportSettings.make(structure="Li7P3S11")
    (tmp_path / "Li7P3S11").mkdir()
    start = read_start(settings)
    assert [name for name, _ in start.structures] == ["Li7P3S11"]
    assert start.notes == (
        "'Li7P3S11' is taken as the packaged structure; give ./Li7P3S11 for the folder of this name",
    )
    with pytest.raises(ValueError, match="the folder 'Li7P3S11' holds no protocol"):
        read_start(settings.changed(structure="./Li7P3S11"))
    (tmp_path / "Li7P3S11").rmdir()
    shutil.copytree(glass, tmp_path / "Li7P3S11")
    start = read_start(settings)
    assert len(start.structures) == 2 and start.material["glass"]
    assert start.notes == ("'Li7P3S11' is taken as the folder of a quench; a packaged structure has this name too",)


def test_files_that_number_types(tmp_path):
    atoms = load("Li2S").to_atoms()
    ase.io.write(tmp_path / "cell.data", atoms, format="lammps-data", specorder=["Li", "S"])
    shutil.move(tmp_path / "cell.data", tmp_path / "cell.start")
    settings = TransportSettings.make(structure=str(tmp_path / "cell.start"), elements="Li,S", format="lammps-data")
    ((_, found),) = read_start(settings).structures
    assert sorted(found.symbols) == sorted(atoms.symbols)
    with pytest.raises(ValueError, match="elements are not certain"):
        read_start(settings.changed(elements=""))


def test_what_may_change_reaches_the_run_in_progress(tmp_path):
    folder, monitor = tmp_path / "glass", Monitor()
    monitor.progress = lambda *arguments: os.kill(os.getpid(), signal.SIGTERM)
    settings = quench_settings(melt_time_ps=50.0)
    result = quench.start(folder, settings, engine=PairEngine(), monitor=monitor)
    assert (result.state, result.signal) == ("interrupted", signal.SIGTERM)
    assert quench.resume(folder, {"checkpoint_s": 7.0}, engine=PairEngine(), monitor=monitor).state == "interrupted"
    frozen = json.loads((folder / "replica-1" / "melt" / "inputs" / "settings.json").read_text())
    assert frozen["checkpoint_seconds"] == 7.0


def test_damaged_inputs_are_refused(tmp_path, glass):
    copy = tmp_path / "copy"
    shutil.copytree(glass, copy)
    (copy / "inputs" / "model.safetensors").write_bytes(b"other")
    with pytest.raises(ValueError, match="was changed since the protocol began; put the old file back"):
        quench.resume(copy, engine=PairEngine())
    (copy / "inputs" / "protocol.json").write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        quench.resume(copy, engine=PairEngine())


def test_unknown_element_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="the model knows Li, P, S, but the structure also has 'Si'"):
        quench.start(tmp_path / "glass", quench_settings(composition="50Li2S-50SiS2"), engine=PairEngine())
    assert not (tmp_path / "glass").exists()


def test_explosion_ends_the_protocol_and_is_told(tmp_path):
    engine = PairEngine()
    engine.strength = 1e5
    with pytest.raises(RunFailed, match=r"glass/replica-1/melt: run: step \d+: .* unstable.*last-good.extxyz"):
        quench.start(tmp_path / "glass", quench_settings(timestep_fs=15.0, melt_temperature_K=5000.0), engine=engine)
    status = status_of(tmp_path / "glass")
    assert status["state"] == "failed" and status["stage"] == "replica-1/melt" and "unstable" in status["message"]
    assert (tmp_path / "glass" / "replica-1" / "melt" / "last-good.extxyz").is_file()


def command(folder, *arguments):
    """Under the backend for pictures of a notebook, which Matplotlib refuses elsewhere."""
    return subprocess.Popen(
        [*COMMAND, "quench", "-o", str(folder), *arguments],
        env=os.environ | {"MPLBACKEND": "module://some_notebook.backend"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def options():
    found = []
    for name, value in (QUENCH | {"melt_time_ps": 1.0, "equilibration_time_ps": 1.0, "checkpoint_s": 0.0}).items():
        found += ["--set", f"{name}={value}"]
    return found


def test_kills_lose_and_repeat_nothing(tmp_path):
    """kill -9 at random moments, five times, then to the end: every stage has each frame exactly once."""
    folder = tmp_path / "glass"
    moments = random.Random(4)
    arguments = options()
    for _ in range(5):
        process = command(folder, *arguments)
        began = time.monotonic()
        while not (folder / "inputs" / "protocol.json").is_file() and time.monotonic() - began < 60:
            time.sleep(0.02)
        time.sleep(moments.uniform(0.1, 1.5))
        process.kill()
        process.communicate()
        arguments = ["--resume"]
    process = command(folder, "--resume")
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    for stage, steps in (("melt", 1000), ("cool", 100), ("equilibrate", 1000)):
        frames = read_frames(folder / "replica-1" / stage / "trajectory.h5", ["step"])
        assert frames["step"].tolist() == list(range(0, steps + 1, 10)), stage
    assert status_of(folder)["state"] == "finished"


def test_a_signal_after_the_last_step_of_a_stage_counts(tmp_path):
    """The next stage does not begin."""
    monitor = Monitor()

    def progress(step, total, *others):
        if step == total:
            os.kill(os.getpid(), signal.SIGTERM)

    monitor.progress = progress
    found = quench.start(tmp_path / "glass", quench_settings(), engine=PairEngine(), monitor=monitor)
    assert (found.state, found.signal) == ("interrupted", signal.SIGTERM)
    stages = [stage["done"] for stage in json.loads((tmp_path / "glass" / "status.json").read_text())["stages"]]
    assert stages[0] and not any(stages[1:])


def test_signal_interrupts_and_says_how_to_go_on(tmp_path):
    folder = tmp_path / "glass"
    process = command(folder, *options(), "--set", "melt_time_ps=1000")
    began = time.monotonic()
    while not (folder / "replica-1" / "melt" / "checkpoint.zip").is_file() and time.monotonic() - began < 60:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 143, output
    assert f"continue with: openmm-lps quench --resume --output {folder}" in output
    assert status_of(folder)["state"] == "interrupted"


def test_transport_starts_from_glasses(tmp_path, glass):
    settings = TransportSettings.make(**(TRANSPORT | {"structure": str(glass), "field_V_per_angstrom": [0.02]}))
    recorder = Recorder()
    result = transport.start(tmp_path / "transport", settings, engine=PairEngine(), monitor=recorder)
    assert result.state == "finished" and len(recorder.stages) == 12
    branch = tmp_path / "transport" / "T400" / "replica-2"
    cell = json.loads((branch / "cell" / "result.json").read_text())["box_nm"]
    edges = read_frames(branch / "production" / "trajectory.h5", ["edges"])["edges"]
    assert np.allclose(edges, cell, atol=1e-6) and len(edges) == 21
    frozen = json.loads((branch / "production" / "inputs" / "settings.json").read_text())
    assert frozen["ensemble"] == "nve" and frozen["equilibrate"] == 0.02 and frozen["field"] == 0
    driven = json.loads((branch / "field-0.02" / "inputs" / "settings.json").read_text())
    assert driven["ensemble"] == "nvt" and driven["field"] == 0.02 and driven["seed"] != frozen["seed"]


def test_transport_refusals(tmp_path, glass):
    def refused(message, **values):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            transport.start(tmp_path / "out", TransportSettings.make(**(TRANSPORT | values)), engine=PairEngine())
        assert not (tmp_path / "out").exists()

    refused("has no mobile ions 'Na', only Li, P, S; set mobile", structure=str(glass), mobile="Na")
    refused("is neither a file nor a packaged structure", structure="nothing.cif")
    refused("holds no protocol; give a structure, or the folder of a quench or a relax", structure=str(tmp_path))
    unfinished = tmp_path / "unfinished"
    (unfinished / "inputs").mkdir(parents=True)
    record = {"protocol": "quench", "model": {"sha256": ""}, "starts": ["replica-1"], "material": {"glass": True}}
    (unfinished / "inputs" / "protocol.json").write_text(json.dumps(record))
    refused("0 of 1 replicas .* are finished; continue it first with", structure=str(unfinished))


def test_mean_stress_of_a_run_has_the_kinetic_part(tmp_path):
    """Trace of the mean stress against the pressure of thermo.csv."""
    from openmmlps.app import runner
    from openmmlps.app.run_settings import RunSettings
    from openmmlps.app.thermo_file import read_thermo

    settings = RunSettings(
        structure="gamma-Li3PS4",
        supercell=(2, 2, 2),
        platform="Reference",
        time=0.1,
        report_interval=10,
        trajectory_interval=10,
    )
    runner.start(tmp_path / "run", settings, engine=PairEngine())
    file = tmp_path / "cell.extxyz"
    from openmmlps.app.snapshot import snapshot_atoms

    structure = load("gamma-Li3PS4", (2, 2, 2))
    ase.io.write(file, snapshot_atoms(structure.symbols, structure.positions._value, structure.box._value))
    found = mean_stress(tmp_path / "run", file)
    pressure = read_thermo(tmp_path / "run" / "thermo.csv")["pressure_bar_positive_under_compression"].mean()
    assert -np.trace(found["stress_GPa"]) / 3 == pytest.approx(pressure / 1e4, rel=1e-6)


def test_elastic_at_a_temperature_runs_every_strain(tmp_path):
    settings = ElasticSettings.make(
        structure="gamma-Li3PS4",
        supercell=[2, 2, 2],
        temperature_K=50.0,
        platform="Reference",
        cell_time_ps=0.02,
        equilibration_time_ps=0.0,
        stress_time_ps=0.05,
        frame_interval_ps=0.01,
        thermo_interval_ps=0.01,
        timestep_fs=1.0,
        pressure_GPa=5.0,
    )
    recorder = Recorder()
    elastic.start(tmp_path / "elastic", settings, engine=PairEngine(), monitor=recorder)
    assert len(recorder.stages) == 13
    plus, minus = (
        np.array(
            json.loads((tmp_path / "elastic" / "replica-1" / strain_name(0, sign) / "result.json").read_text())[
                "stress_GPa"
            ]
        )
        for sign in (1, -1)
    )
    assert plus[0, 0] > minus[0, 0]  # positive in tension
    assert "C_ij" in find(tmp_path / "elastic").warnings[-1]
    # Stresses of an isotropic solid, each known to 0.01 GPa: the errors of nine C_ij make that of B.
    lame, shear, error = 10.0, 8.0, 0.01
    for component in range(6):
        for sign in (1, -1):
            strain = strain_tensor(component, sign * settings.strain)
            stress = lame * np.trace(strain) * np.eye(3) + 2 * shear * strain
            file = tmp_path / "elastic" / "replica-1" / strain_name(component, sign) / "result.json"
            known = {"stress_GPa": stress.tolist(), "standard_error_GPa": np.full((3, 3), error).tolist()}
            file.write_text(json.dumps(json.loads(file.read_text()) | known))
    found = find(tmp_path / "elastic")
    results = {result.quantity: result.value for result in found.results}
    value, uncertainty = map(float, results["bulk modulus B (GPa)"].split(" ± "))
    assert value == pytest.approx(lame + 2 * shear / 3, abs=0.02)
    five_blocks = 2.776  # Student's t at 97.5 %
    assert uncertainty == pytest.approx(five_blocks * error / (np.sqrt(2) * settings.strain) / 3, rel=0.2)
    assert "single C_ij differed from it by 0.00 GPa" in found.sections[0].paragraphs[1]
    assert any(
        "the reference cell is +5.00 GPa away from the pressure that it should have; give cell_time_ps" in text
        for text in found.warnings
    )
