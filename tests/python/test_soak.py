# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The long soak resumes where it stopped, and its table tells what happened."""

import csv
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

SOAK = Path(__file__).parents[1] / "soak" / "soak.py"
SHORT = ["--block", "50", "--prepare", "40", "80", "60", "--collisions", "3"]


def soak(folder, *options):
    return subprocess.run(
        [sys.executable, SOAK, "--folder", folder, *options], capture_output=True, text=True, timeout=300
    )


def rows(folder, table="soak.csv"):
    with open(folder / table, newline="") as file:
        return list(csv.DictReader(file))


def begin(folder, awaited):
    """A process that has just written a file of the folder."""
    command = [sys.executable, SOAK, "--folder", folder, *SHORT]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (folder / awaited).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return process


def test_resumes_and_reports(tmp_path):
    assert soak(tmp_path, "--report").returncode == 1
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert soak(whole, *SHORT, "--blocks", "4").returncode == 0
    assert soak(parts, *SHORT, "--blocks", "3").returncode == 0
    with open(parts / "soak.csv", "a") as file:  # as if killed between the two files: a row beyond the State
        file.write("9999,9.999,1,1,1,100,0,0,0\n")
    assert soak(parts, *SHORT, "--blocks", "1").returncode == 0
    assert [row["step"] for row in rows(parts)] == ["50", "100", "150", "200"]
    assert [row["run"] for row in rows(parts)] == ["1", "1", "1", "2"]
    for name in ("energy", "spread", "temperature"):  # one thread, Verlet: bit for bit
        assert [row[name] for row in rows(parts)] == [row[name] for row in rows(whole)]
    table = soak(parts, "--report").stdout
    assert re.search(r"^200 steps, 0\.000 ns, in 2 run\(s\): 0\.\d\d h of processor time", table), table
    assert "MiB within a run" in table and "us/step in the first tenth" in table


def test_seeds_give_other_glasses_and_reports_add_up(tmp_path):
    folders = [tmp_path / "1", tmp_path / "2"]
    for seed, folder in enumerate(folders):
        assert soak(folder, *SHORT, "--blocks", "2", "--seed", str(seed)).returncode == 0
    assert rows(folders[0])[-1]["energy"] != rows(folders[1])[-1]["energy"]
    printed = soak(folders[0], folders[1], "--report").stdout
    assert printed.count("energy drift") == 2
    assert re.search(r"^together 200 steps, 0\.\d\d h of processor time \(0\.\d % of 24 h\)$", printed, re.MULTILINE), (
        printed
    )
    assert "one folder" in soak(folders[0], folders[1]).stderr
    assert "0 to 99" in soak(folders[0], "--seed", "-1").stderr


def test_goal_is_kept(tmp_path):
    assert soak(tmp_path, *SHORT, "--blocks", "1").returncode == 0
    assert soak(tmp_path, *SHORT, "--goal", "1e-9", "--blocks", "1").returncode == 0
    assert len(rows(tmp_path)) == 1


def test_starts_with_the_energy_of_its_temperature(tmp_path):
    assert soak(tmp_path, *SHORT, "--blocks", "2").returncode == 0
    prepared = rows(tmp_path, "preparation.csv")
    assert [row["step"] for row in prepared] == ["30", "60", "90", "120", "150", "180"]
    assert [float(row["temperature"]) for row in prepared[-2:]] == [600, 600]
    potential = float(prepared[-1]["energy"])  # the mean of the second half of the last stage
    kinetic = 3 * (128 - 1) * 0.00831446261815324 * 600 / 2
    for row in rows(tmp_path):
        assert abs(float(row["energy"]) - potential - kinetic) < 2  # kJ/mol; half a step of Verlet's velocities


def test_kills_cost_nothing_but_time(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert soak(whole, *SHORT, "--blocks", "4").returncode == 0
    for awaited, delay in (("lock", 0.3), ("preparation.csv", 0.02), ("preparation.csv", 0.1), ("soak.csv", 0.1)):
        with begin(killed, awaited) as process:
            time.sleep(delay)
            process.kill()
    soak(killed, *SHORT, "--blocks", "1")
    for table in ("preparation.csv", "soak.csv"):
        expected = {row["step"]: row["energy"] for row in rows(whole, table)}
        found = {row["step"]: row["energy"] for row in rows(killed, table)}
        common = sorted(set(expected) & set(found))
        assert common and [found[step] for step in common] == [expected[step] for step in common]
        steps = [int(row["step"]) for row in rows(killed, table)]
        assert steps == sorted(set(steps))  # nothing is counted twice


def test_begins_the_same_from_a_preparation_that_was_read(tmp_path):
    whole, read = tmp_path / "whole", tmp_path / "read"
    assert soak(whole, *SHORT, "--blocks", "0").returncode == 0
    read.mkdir()
    for name in ("preparation.csv", "preparation.xml"):
        shutil.copy(whole / name, read)
    assert soak(read, *SHORT, "--blocks", "0").returncode == 0
    assert (read / "state.xml").read_text() == (whole / "state.xml").read_text()  # every digit of the velocities


def test_a_folder_serves_one_process(tmp_path):
    with begin(tmp_path, "preparation.csv") as process:
        second = soak(tmp_path, *SHORT)
        process.send_signal(signal.SIGTERM)
    assert second.returncode == 1
    assert "another process works in" in second.stderr


def test_ends_after_the_block_when_told_to(tmp_path):
    with begin(tmp_path, "soak.csv") as process:
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert len(rows(tmp_path)) >= 1
    assert f"{int(rows(tmp_path)[-1]['step']):,} steps" in output
