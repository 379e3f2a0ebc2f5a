# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The validation scripts on small synthetic data: what they compute, keep, refuse and print."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from force_support import GOLDEN, MODEL_FILE

TRAINING = Path(__file__).resolve().parents[2] / "training"
VALIDATE = TRAINING / "validate"
sys.path[:0] = [str(TRAINING), str(VALIDATE)]

import card
import common
import crystals
import pressure

from frames import Frames, read_frames, write_frames

SCRIPTS = ("errors", "crystals", "pressure", "glasses", "stability", "committee", "card", "run")


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A working folder with a few random frames of a glass and of a crystal, labelled by another golden model."""
    folder = tmp_path_factory.mktemp("work")
    engine = common.Engine(GOLDEN / "two-side" / "model.safetensors")
    random = np.random.default_rng(3)
    for system, count in (("glass-g75", 5), ("crystal-Li3PS4", 6)):
        for part in ("train", "interior", "validation", "test"):
            if part == "interior" and system.startswith("glass"):
                continue
            types = np.array([0] * 6 + [1] * 2 + [2] * 8)
            box = np.tile(np.diag([8.0, 8.5, 9.0]).ravel(), (count, 1))
            grid = np.stack(np.meshgrid(*[np.arange(3)] * 3), axis=-1).reshape(-1, 3)[:16] * 2.8
            coord = (grid + random.normal(scale=0.2, size=(count, 16, 3))).reshape(count, -1)
            energy, force, virial = engine.eval(coord, box, types)
            frames = Frames(types, ["Li", "P", "S"], box, coord, energy.ravel(), force.reshape(count, -1), virial)
            write_frames(folder / "data" / system / part, frames)
            if system.startswith("crystal"):
                np.save(folder / "data" / system / part / "temperature.npy", np.linspace(1200, 3000, count))
    return folder


def run(script, *arguments):
    """A script as a user calls it."""
    return subprocess.run(
        [sys.executable, VALIDATE / f"{script}.py", *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def call(monkeypatch, capsys):
    """The main function of a script in this process: (exit code, standard output, standard error)."""

    def called(script, *arguments):
        monkeypatch.setattr(sys, "argv", [f"{script}.py", *map(str, arguments)])
        try:
            code = importlib.import_module(script).main() or 0
        except SystemExit as error:
            code = error.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err + (code if isinstance(code, str) else "")

    return called


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_says_how_to_call_it(call, script):
    code, out, _ = call(script, "--help")
    assert code == 0 and f"training/validate/{script}.py" in out and "--work" in out


@pytest.mark.parametrize(
    ("script", "arguments", "message"),
    [
        (
            "errors",
            ["--model", "nothing.pb"],
            "--model: there is no file 'nothing.pb'; give a model file, or 'default'",
        ),
        ("errors", ["--stride", 0], "--stride is 0; give at least 1"),
        ("crystals", ["--threads", 0], "--threads is 0; give at least 1"),
        ("crystals", ["--npt-ps", -1], "--npt-ps must not be negative"),
        ("stability", ["--time-ps", 0], "--time-ps must be positive"),
        ("committee", ["--models", MODEL_FILE], "--models names one model; a committee has at least two"),
        ("committee", ["--models", MODEL_FILE, "x.pb"], "--models: there is no file x.pb"),
        ("committee", ["--models", MODEL_FILE, MODEL_FILE], "two of the models have the same weights"),
        ("card", ["--output", "no/where/card.md"], "--output: there is no folder 'no/where'"),
        ("run", [], "one of the arguments --full --reduced is required"),
    ],
)
def test_wrong_options_are_refused(call, tmp_path, script, arguments, message):
    code, _, printed = call(script, *arguments, "--work", tmp_path)
    assert code == 2 and message in " ".join(printed.split()), printed


def test_no_data_is_said(tmp_path):
    found = run("errors", "--model", MODEL_FILE, "--work", tmp_path)
    assert (
        found.returncode == 1 and "holds no frames of the part 'train'; run training/prepare.py first" in found.stderr
    )


def test_errors_of_the_labelling_model_vanish_and_those_of_another_are_found(call, work):
    """Errors by our engine equal those of evaluate.py's arithmetic, and are zero for the model that made the labels."""
    labelling = GOLDEN / "two-side" / "model.safetensors"
    assert run("errors", "--model", labelling, "--work", work).returncode == 0
    (folder,) = (work / "validate").glob("model-*")
    result = json.loads((folder / "errors.json").read_text())
    assert result["summaries"]["test"]["glass-g75"]["force"]["rmse"] < 1e-8
    assert result["held_out"]["all glasses"]["frames"] == 10
    # 1200, 1560 ... K: one frame of each part is below 1,500 K
    assert result["held_out"]["crystals below 1,500 K"]["frames"] == 2
    assert (folder / "errors-parity.webp").stat().st_size < 150_000
    # A second call keeps the result.
    before = (folder / "errors.json").stat().st_mtime_ns
    assert call("errors", "--model", labelling, "--work", work)[0] == 0
    assert (folder / "errors.json").stat().st_mtime_ns == before
    assert call("errors", "--model", MODEL_FILE, "--work", work, "--parts", "test")[0] == 0
    folders = sorted((work / "validate").glob("*/errors.json"), key=lambda path: path.stat().st_mtime)
    assert json.loads(folders[-1].read_text())["summaries"]["test"]["glass-g75"]["force"]["rmse"] > 1e-3


@pytest.fixture
def labelled(tmp_path, monkeypatch):
    """Frames of beta-Li3PS4 at 300 K, labelled by a golden model in place of CP2K; returns that model."""
    import ase.io
    from ase.calculators.singlepoint import SinglePointCalculator

    from openmmlps.app.structure_files import structure_path

    labelling = GOLDEN / "two-side" / "model.safetensors"
    engine = common.Engine(labelling)
    frames = []
    for seed in range(3):
        atoms = ase.io.read(structure_path("beta-Li3PS4"))
        atoms.rattle(0.05, seed=seed)
        atoms.info["temperature"] = 300.0
        energy, forces, virial = engine.atoms(atoms)
        stress = -virial / atoms.get_volume()
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=stress)
        frames.append(atoms)
    ase.io.write(tmp_path / "beta-Li3PS4.extxyz.gz", frames)
    monkeypatch.setattr(common, "LABELLED", tmp_path)
    return labelling


def test_labelled_crystals_are_a_part_of_their_own(call, work, labelled):
    """The labels go through files: extended XYZ keeps 8 digits of the forces and of the stress."""
    assert call("errors", "--model", labelled, "--work", work, "--parts", "labelled")[0] == 0
    folder = common.results_folder(work, digest_of(labelled))
    summary = json.loads((folder / "errors.json").read_text())["summaries"]["labelled"]["crystals below 1,500 K"]
    assert summary["frames"] == 3
    assert summary["force"]["rmse"] < 1e-8 and summary["energy"]["rmse"] < 1e-5 and summary["virial"]["rmse"] < 1e-3


def test_labelled_glasses_count_as_glasses(call, work, labelled, tmp_path):
    (tmp_path / "beta-Li3PS4.extxyz.gz").rename(tmp_path / "glass-g75.extxyz.gz")
    assert call("errors", "--model", labelled, "--work", work, "--parts", "labelled")[0] == 0
    folder = common.results_folder(work, digest_of(labelled))
    summary = json.loads((folder / "errors.json").read_text())["summaries"]["labelled"]
    assert "all glasses" in summary and "all crystals" not in summary and summary["all glasses"]["force"]["rmse"] < 1e-8


def digest_of(model):
    from openmmlps.importers import import_model
    from openmmlps.importers.native import weights_sha256

    return weights_sha256(import_model(model).tensors)


def test_a_pressure_that_is_off_changes_the_density(labelled, tmp_path):
    """PBE pushes 0.3 GPa harder than the model of 15 GPa: 2 % less dense. The labelling model is not off at all."""
    engine, session = common.Engine(labelled), common.Session(labelled, "m", "", tmp_path, tmp_path, 1)
    ((system, folder),) = common.labelled_folders(session).items()
    found = pressure.compare(engine, folder, 15.0)
    assert found.frames == 3 and found.atoms == len(pressure.at_rest(system, folder))
    assert found.density_change_percent == pytest.approx(0, abs=1e-4)
    frames = read_frames(folder)
    volumes = np.linalg.det(frames.box.reshape(-1, 3, 3))
    frames.virial[:, ::4] += 0.3 / pressure.GPA * volumes[:, None]
    write_frames(folder, frames)
    found = pressure.compare(engine, folder, 15.0)
    assert found.difference_GPa == pytest.approx(0.3, abs=1e-5) and found.difference_error_GPa < 1e-5
    assert found.density_change_percent == pytest.approx(-2.0, abs=1e-3)
    write_frames(folder, frames.take([0]))
    assert pressure.compare(engine, folder, 15.0).difference_error_GPa is None


def test_committee_measures_structures_outside(call, work):
    models = [MODEL_FILE, GOLDEN / "two-side" / "model.safetensors"]
    code, _, printed = call("committee", "--models", *models, "--work", work)
    assert code == 0, printed
    result = json.loads(next((work / "validate").glob("*/committee.json")).read_text())
    assert result["models"] == 2 and result["groups"]["held-out glasses"]["frames"] == 10
    assert 0 <= result["groups"]["lithium contact"]["fraction_flagged"] <= 1


def test_a_card_without_measurements_says_so(call, tmp_path):
    code, out, _ = call("card", "--model", MODEL_FILE, "--work", tmp_path, "--output", tmp_path / "card.md")
    assert code == 0 and "not measured: errors, crystals, pressure, glasses, stability, committee" in out
    text = (tmp_path / "card.md").read_text()
    assert text.startswith("# Model card: model\n") and text.count("unmeasured") > 10 and "@" not in text
    assert "It must not be used for" in text.replace("**", "").split("\n\n")[2]


def test_a_card_holds_what_was_measured(tmp_path):
    """Results as the scripts write them, in the shape that card.py reads; a failed run and an unstable crystal are named."""
    summary = {"frames": 3, **{name: {"rmse": 0.5, "mae": 0.4} for name in ("energy", "force", "force Li", "virial")}}
    groups = {name: summary for name in ("all glasses", "all crystals")}
    reference = crystals.known_crystals()
    run = {"stable": True, "time_ps": 100.0, "violation": None, "closest_over_dft": {"P-S": 1.02}}
    hit = {"stable": False, "time_ps": 3.25, "violation": "P-S at 1.10 Å", "closest_over_dft": {"P-S": 0.7}}
    npt = {"atoms": 250, "time_ps": 10.0, "lengths_angstrom": [5.7, 5.7, 5.7], "density_g_per_cm3": 1.63}
    structure = {"sulfur_around_phosphorus": 3.9, "percent_of_phosphorus": {"PS4(3-)": 97.0, "P2S7(4-)": 2.0}}
    item = {"quantity": "σ_NE at 300 K", "value": "6.27", "detail": "", "literature": "3.6 (Zhou)"}
    glass = {"density_g_per_cm3": 1.786, "structure": structure, "transport": [item], "changed": ["atoms=60"]}
    glass |= {"replicas": 1, "transport_warnings": ["500 K: not diffusive: ions travel", "1 replica"]}
    flagged = {"glasses": {"fraction_flagged": 0.05}}
    results = {
        "errors": {"summaries": {"train": groups, "test": groups}, "held_out": groups},
        "crystals": {
            "crystals": {
                "Li2S": {"reference": reference["Li2S"], "npt": npt, "elastic": {"bulk_GPa": 40.0, "young_GPa": 77.0}},
                "P2S5": {"reference": reference["P2S5"], "npt": {"failed": "?"}, "elastic": {"stable": False}},
            }
        },
        "glasses": {"glasses": {"glass-g75": {"model": glass, "dft": structure}}, "settings": {"preset": "quick"}},
        "stability": {
            "outcomes": {
                "Li2S": {"hot": run, "room": run, "nve": {"drift_meV_per_atom_per_ps": -2e-5}},
                "P2S5": {"hot": hit, "room": run},
            },
            "settings": {"time_ps": 100.0, "drift_ps": 10.0, "structures": ["Li2S", "P2S5"]},
        },
        "committee": {"models": 2, "note": "", "limit": 0.34, "groups": flagged, "spearman_frames_rms": 0.46},
    }
    for part, content in results.items():
        common.write_json(tmp_path / f"{part}.json", content)
    session = common.Session(MODEL_FILE, "m", "0" * 64, tmp_path, tmp_path, 1)
    assert card.write_card(session, tmp_path / "card.md", "m", "") == ["pressure"]
    text = (tmp_path / "card.md").read_text() + (tmp_path / "notes" / "model-tables.md").read_text()
    for line in (
        "| test | all glasses | 3 | 0.5 (0.4) | 0.500 (0.400) | 0.500 | - | - | 0.5 (0.4) |",
        "| Li2S | 5.70 × 5.70 × 5.70 | 5.72 × 5.72 × 5.72 | 1.630 | - | 1.629 | 40.0 | 77.0 | - |",
        "| P2S5 | unstable | - | unstable | - | - | unstable | unstable | - |",
        "| 75 mol% | 1.786 | 1.85 | 1.800 | 1.88 | 3.90 / 3.90 | PS4(3-) 97 | PS4(3-) 97 |",
        "| 75 mol% | σ_NE at 300 K | 6.27 | 3.6 (Zhou) |",
        "75 mol% at 500 K. There",
        "3 of 4 simulations of 100 ps held",
        "Failed: P2S5 at 1,500 K after 3.25 ps (P-S at 1.10 Å).",
        "at most 2.0e-05 meV/atom/ps",
        "5 % of glasses",
    ):
        assert line in text, line
    assert "train |" not in text and "**fail** (4 of 4 simulations)" in text


def test_bulk_modulus_of_the_packaged_model(tmp_path):
    """Li2S: 38 to 46 GPa in experiment and PBE; the model is known to be softer or stiffer by a third at most."""
    import ase.io

    from openmmlps.app.structure_files import structure_path

    parser = common.make_parser("")
    session = common.open_session(parser, parser.parse_args(["--work", str(tmp_path)]))
    assert 25 < pressure.bulk_modulus(session, ase.io.read(structure_path("Li2S"))) < 60


@pytest.mark.parametrize("state", ["finished", "interrupted"])
def test_an_interrupted_run_gives_no_result(tmp_path, monkeypatch, state):
    """What is measured of half a run must not be kept as that of a whole one."""
    from openmmlps.app import run_folder, runner

    session = common.Session(MODEL_FILE, "m", "0" * 64, tmp_path, tmp_path, 1)
    monkeypatch.setattr(run_folder, "is_run", lambda folder: True)
    monkeypatch.setattr(
        runner, "resume", lambda folder, changes: common.write_json(folder / "status.json", {"state": state})
    )
    if state == "finished":
        session.advance(tmp_path, 1.0, dict)
    else:
        with pytest.raises(SystemExit, match="was interrupted; give the same command again"):
            session.advance(tmp_path, 1.0, dict)
