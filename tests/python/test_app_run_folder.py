# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Folders of runs: nothing is replaced, damaged or taken that should not be."""

import os
from pathlib import Path

import pytest

from app_support import PairEngine
from openmmlps.app.run_folder import RunFolder
from run_support import frames, resume, start
from run_support import whole_run as whole_run  # a fixture


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
    ids=lambda changes: next(iter(changes)),
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
