# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The command line: what it prints, its exit codes, and that mistakes never end in a traceback."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app_support import PairEngine
from importers_support import GOLDEN
from openmmlps import LPSModel, createSystem, load
from openmmlps._files import find_model
from openmmlps.app import quantities, runner
from openmmlps.app.structure_files import structure_path
from openmmlps.cli import app, environment_commands, main
from openmmlps.cli.run_command import parse_supercell
from openmmlps.importers import import_model
from openmmlps.importers.native import encode

COMMAND = [sys.executable, str(Path(__file__).with_name("app_command.py"))]
SHORT = ["--supercell", "2x2x2", "--time", "0.02", "--report-interval", "0.01", "--platform", "Reference"]


@pytest.fixture(autouse=True)
def pair_engine(monkeypatch, tmp_path):
    """No test here needs a model; all of them write into an empty folder."""
    monkeypatch.setattr(runner, "engine_for", lambda model: PairEngine())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")


def call(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def refused(*arguments):
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    return " ".join(result.stderr.split())


@pytest.mark.parametrize("command", [[], ["run"], ["info"], ["convert"], ["structures"], ["platforms"], ["doctor"]])
def test_help_shows_an_example(command):
    result = call(*command, "--help")
    assert result.exit_code == 0
    if command not in (["platforms"], ["doctor"]):
        assert "openmm-lps " in re.sub(r"Usage:.*", "", result.output)


def test_version():
    assert re.match(r"openmm-lps \d", call("--version").output)


def test_structures():
    output = call("structures").output
    assert re.search(r"beta-Li3PS4 +Li12P4S16 +32 +12.82 +8.22 +6.12 +90.0 +90.0 +90.0", output)


def test_run_then_resume(tmp_path):
    result = call("run", "gamma-Li3PS4", *SHORT, "--temperature", "600", "--ensemble", "NVE")
    assert result.exit_code == 0, result.output
    assert "128 atoms (Li48P16S64), NVE, 20 fs in 20 steps, platform Reference" in result.output
    assert re.search(r"simulated +20 fs of 20 fs on Reference", result.output)
    folder = tmp_path / "gamma-Li3PS4-nve-600K"
    assert (folder / "run.png").exists()
    assert "holds a run already" in refused("run", "gamma-Li3PS4", *SHORT, "--temperature", 600, "--ensemble", "nve")
    result = call("run", "--resume", "-o", folder, "--time", "40 fs")
    assert result.exit_code == 0 and "Continuing at step 20 (20 fs)" in result.output
    assert "energy drift" in result.output
    assert json.loads((folder / "status.json").read_text())["step"] == 40
    assert "only --time, --platform, --threads and --checkpoint-interval may change" in refused(
        "run", "--resume", "-o", folder, "--temperature", 700
    )
    assert call("run", "gamma-Li3PS4", *SHORT, "--ensemble", "nve", "-o", folder, "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["run"], "no STRUCTURE given; name a packaged structure or a file"),
        (["run", "nonsense"], "neither a file nor a packaged structure; give a structure file .* beta-Li3PS4"),
        (["run", "Li2S", "--time", "soon"], "--time: 'soon' is not a time; give a number with one of ps, fs, ns"),
        (["run", "Li2S", "--time", "5 K"], "--time: '5 K' is not a time"),
        (["run", "Li2S", "--time", "1e999"], "--time: '1e999' is too large"),
        (["run", "Li2S", "--timestep", "0.001"], "timestep is 0.001 fs; give 0.01 to 20 fs .*a bare number is in fs"),
        (["run", "Li2S", "--temperature", "hot"], "--temperature: 'hot' is not a temperature"),
        (["run", "Li2S", "--temperature", "-5"], "temperature is -5 K; it must be at least 0$"),
        (["run", "Li2S", "--pressure", "1 ps"], "--pressure: '1 ps' is not a pressure"),
        (["run", "Li2S", "--ensemble", "nph"], "ensemble is 'nph'; use nve, nvt, npt"),
        (["run", "Li2S", "--supercell", "big"], "--supercell: 'big' is not a supercell; give for example 2x2x2"),
        (["run", "Li2S", "--supercell", "0x1x1"], "each must be at least 1"),
        (["run", "Li2S", "--supercell", "[[1,0],[0,1]]"], "neither three whole numbers"),
        (["run", "Li2S", "--platform", "Abacus"], "'Abacus' does not exist here; usable are: "),
        (["run", "Li2S", "--report-interval", "0"], "report_interval is 0 steps"),
        (["run", "Li2S", "--seed", "-1"], "seed is -1"),
        (["run", "--resume"], "resume: which run"),
        (["run", "--resume", "-o", "nothing"], "'nothing' holds no run; start one without --resume"),
        (["run", "--resume", "--overwrite", "-o", "x"], "give one of them"),
        (["info", "nothing.pb"], "'nothing.pb' is not a file in .*; give a model file"),
        (["info", "[red]:x:[/blue].pb"], re.escape("'[red]:x:[/blue].pb' is not a file")),
        (["convert", "nothing.pb", "out.safetensors"], "'nothing.pb' is not a file"),
        (["convert", "nothing.pb", "out.pb"], "does not end in .safetensors"),
        (["convert", "nothing.pb", "no/out.safetensors"], "there is no folder 'no'; create it first"),
    ],
)
def test_mistakes_are_explained(arguments, message):
    assert re.search(message, refused(*arguments))
    assert os.listdir() == [], "a mistake leaves nothing behind"


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 100, b"not a model", b"\x10\x00\x00\x00\x00\x00\x00\x00{" + b" " * 40]
)
def test_files_that_are_no_models(tmp_path, content):
    (tmp_path / "model.pb").write_bytes(content)
    assert "model.pb" in refused("info", "model.pb")
    assert "model.pb" in refused("convert", "model.pb", "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_names_and_models_are_printed_as_they_are(tmp_path):
    """Whatever rich would take as markup or as the name of a picture, or refuse as such."""
    for folder in ("[red]:x:", "[/bold] :x:"):
        assert folder in call("run", "gamma-Li3PS4", *SHORT, "-o", folder).output
        assert re.search(rf"{re.escape(folder)} +nvt +finished", call("status", folder).output)
        assert f"'{folder}' holds a run already" in refused("run", "gamma-Li3PS4", *SHORT, "-o", folder)
    model = import_model(find_model("lps-fast"))
    described = encode(model.hyperparameters, model.tensors, {"title": "[/bold] :x: [red]"})
    Path("[x].safetensors").write_bytes(described)
    assert re.search(r"title +\[/bold\] :x: \[red\]", call("info", "[x].safetensors").output)
    assert call("convert", "[x].safetensors", "[red].safetensors").output.startswith("[red].safetensors: Li P S")


def speak(monkeypatch, encoding, *arguments):
    """Exit code of the command, and what it writes to streams of another encoding than UTF-8."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding) for _ in range(2)]
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as end:
        patch.setattr(sys, "stdout", streams[0])
        patch.setattr(sys, "stderr", streams[1])
        patch.setattr(sys, "argv", ["openmm-lps", *map(str, arguments)])
        main()
    for stream in streams:
        stream.flush()
    return end.value.code or 0, "".join(stream.buffer.getvalue().decode(encoding) for stream in streams)


@pytest.mark.filterwarnings("ignore:No artists with labels")
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_output_in_every_encoding(monkeypatch, tmp_path, encoding):
    """Every command prints, and what the encoding lacks becomes readable ASCII."""
    names = [command.name for command in app.registered_commands]
    for name in names:
        assert speak(monkeypatch, encoding, name, "--help")[0] == 0
    folder = "\u03b1 \u2192 \u4e2d"
    teacher = ["--with", "ase:ase.calculators.lj.LennardJones?sigma=2&rc=4"]
    wanted = {
        "calibrate": ["data", "--held-out", "data", "-o", "x.safetensors"],
        "convert": ["x.safetensors"],
        "dispersion": ["-o", "x.extxyz"],
        "export": ["-o", "x"],
        "interface": ["Li2S", "-o", "x.extxyz"],
        "label": [*teacher, "-o", "x"],
        "learn": ["-o", "x"],
        "train": ["-o", "x"],
        "validate": ["data"],
    }
    letters = "A" if encoding == "ascii" else "\u00c5"
    done = [
        (["structures"], f"a, b, c ({letters})"),
        (["platforms"], "OpenMM's rank"),
        (["info", "lps-fast"], f"{letters}, smooth from"),
        (["convert", str(find_model("lps-fast")), "\u03b2.safetensors"], "beta.safetensors: Li P S"),
        (["run", "gamma-Li3PS4", *SHORT, "--ensemble", "nve", "-o", folder], "alpha -> ?"),
        (["status", folder], "alpha -> ?"),
        (["analyze", folder], "written: alpha -> ?/analysis/"),
        (["report", folder], "alpha -> ?/report.html"),
        (
            ["label", str(structure_path("Li7PS6")), *teacher, "--largest-force", "1e9", "-o", "\u03b3"],
            "1 labels (1 new)",
        ),
        (["train", "\u03b3/labelled.extxyz", "-o", "\u03b2", "--steps", "1", "--size", "lps-fast"], "beta/model.dp"),
        (["validate", "lps-fast", "\u03b3/labelled.extxyz", "-o", "\u03b2.html"], "beta.html, beta.json"),
        (["dispersion", "\u03b3/labelled.extxyz", "-o", "\u03b2.extxyz"], "written: beta.extxyz, 1 frames"),
        (["learn", "Li7PS6", *teacher, "-o", "\u03b4", "--check"], "written: delta/LEARN.toml"),
        (["export", f"{folder}/trajectory.h5", "-o", "\u03b1x"], "written: alphax: XDATCAR"),
        (
            ["interface", "beta-Li3PS4", "bcc:Li=3.43", "--faces", "010,001", "-o", "\u03b2\u03b1.extxyz"],
            "written to betaalpha.ext",
        ),
        (["doctor"], "Instruction set of the CPU platform: "),
    ]
    monkeypatch.setattr(environment_commands, "_TIMED_SECONDS", 0.01)
    assert {arguments[0] for arguments, _ in done} == {*names} - {
        "quench",
        "transport",
        "thermal",
        "elastic",
        "relax",
        "calibrate",
    }
    for arguments, words in done:
        code, text = speak(monkeypatch, encoding, *arguments)
        assert code == 0 and words in text, text
    for name in names:
        if name not in ("structures", "platforms", "doctor"):
            code, text = speak(monkeypatch, encoding, name, "\u03b3.\udcff", *wanted.get(name, []))
            assert code == 2 and re.search(r"gamma\.\s*\\xff", text), text


def test_doctor_names_the_instruction_set(monkeypatch):
    monkeypatch.setattr(environment_commands, "_TIMED_SECONDS", 0.01)
    used = re.search(r"Instruction set of the CPU platform: (\w+)\n", call("doctor").output)[1]
    monkeypatch.setenv("LPS_SIMD", used)
    assert f"Instruction set of the CPU platform: {used} (LPS_SIMD)" in call("doctor").output
    monkeypatch.setenv("LPS_SIMD", "abacus")
    assert "'abacus'" in call("doctor").output


@pytest.mark.parametrize("name", ["lps-fast", "default"])
def test_a_folder_does_not_hide_a_packaged_model(name):
    Path(name).mkdir()
    assert call("info", name).output == call("info", str(find_model(None if name == "default" else name))).output
    assert LPSModel("lps-fast").getTypeNames() == ["Li", "P", "S"]
    assert "'.': it is a folder; give" in refused("info", ".")


def test_elements_for_a_graph_that_names_none():
    graph = GOLDEN / "graph-012" / "model.pb"
    assert "Na P S" in call("convert", graph, "named.safetensors", "--elements", "Na, P,S").output
    with pytest.raises(ValueError, match="knows type_0, type_1, type_2, .*; name its types with 'openmm-lps convert"):
        createSystem(load("Li2S").topology, graph)
    assert "name every type once" in refused("convert", graph, "other.safetensors", "--elements", "Na,P")


def test_unknown_elements_name_those_of_the_model(tmp_path):
    (tmp_path / "si.xyz").write_text("2\n\nSi 0 0 0\nSi 0 0 2.2\n")
    assert "the model knows Li, P, S, but the structure also has 'Si' (first at atom 0)" in refused("run", "si.xyz")


def test_output_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    assert "'file' is a file; choose another --output" in refused("run", "gamma-Li3PS4", *SHORT, "-o", "file")
    assert "/file/run'; check the path, its permissions" in refused("run", "gamma-Li3PS4", *SHORT, "-o", "file/run")


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_with_a_checkpoint_and_a_hint(tmp_path, number, code):
    folder = tmp_path / "run"
    arguments = [*"run gamma-Li3PS4 --supercell 2x2x2 --time 1ns --platform Reference -o".split(), folder]
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while not (folder / "status.json").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == code, output
    assert "Stopping: writing a checkpoint first" in output
    assert re.search(r"Interrupted at .* of 1 ns; continue with: openmm-lps run --resume --output .*run", output)
    status = json.loads((folder / "status.json").read_text())
    assert status["state"] == "interrupted" and status["step"] == status["checkpoint_step"] > 0


def test_closed_pipe_does_not_end_a_run(tmp_path):
    arguments = ["run", "gamma-Li3PS4", *SHORT, "-o", str(tmp_path / "run")]
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    process.stderr.close()
    process.wait(timeout=60)
    assert json.loads((tmp_path / "run" / "status.json").read_text())["state"] == "finished"


@pytest.mark.parametrize(
    "text, dimension, bare, value",
    [
        ("2 ps", "time", None, 2),
        ("2ps", "time", None, 2),
        ("500 fs", "time", None, 0.5),
        ("1.5 ns", "time", None, 1500),
        ("3", "time", None, 3),
        ("2", "time", "fs", 0.002),
        (".5e1", "time", None, 5),
        ("600 K", "temperature", None, 600),
        ("600", "temperature", None, 600),
        ("1 atm", "pressure", None, 1.01325),
        ("0.1 GPa", "pressure", None, 1000),
        ("5 mpa", "pressure", None, 50),
        ("0.1 /ps", "rate", None, 0.1),
        ("1 1/ns", "rate", None, 0.001),
        ("2 min", "clock time", None, 120),
    ],
)
def test_quantities(text, dimension, bare, value):
    assert quantities.parse(text, dimension, bare) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "ps", "1 2 ps", "1,5 ps", "nan", "inf", "1 lightyear", "--", "1e999"])
def test_no_quantities(text):
    with pytest.raises(ValueError, match="time"):
        quantities.parse(text, "time")


@pytest.mark.parametrize("text", ["2x1x3", "2,1,3", "2 1 3", "[2, 1, 3]", "(2,1,3)"])
def test_supercells(text):
    assert parse_supercell(text) == (2, 1, 3)


def test_supercell_matrix():
    assert parse_supercell("[[1,1,0],[-1,1,0],[0,0,1]]") == ((1, 1, 0), (-1, 1, 0), (0, 0, 1))
