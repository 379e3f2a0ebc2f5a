# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The long soak resumes where it stopped, and its table tells what happened."""

import csv
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

SOAK = Path(__file__).parents[1] / "soak" / "soak.py"
SHORT = ["--block", "50", "--prepare", "40"]


def soak(folder, *options):
    return subprocess.run(
        [sys.executable, SOAK, "--folder", folder, *options], capture_output=True, text=True, timeout=300
    )


def rows(folder):
    with open(folder / "soak.csv", newline="") as file:
        return list(csv.DictReader(file))


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


def test_ends_after_the_block_when_told_to(tmp_path):
    command = [sys.executable, SOAK, "--folder", tmp_path, *SHORT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not (tmp_path / "soak.csv").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert len(rows(tmp_path)) >= 1
    assert f"{int(rows(tmp_path)[-1]['step']):,} steps" in output
