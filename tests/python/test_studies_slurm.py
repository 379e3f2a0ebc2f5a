# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""A study on a real Slurm of one node, which this test starts: walltime, killed drivers, pools and tasks. Needs root.

Debian: apt-get install slurm-wlm munge
"""

import json
import os
import shutil
import subprocess
import time

import pytest

from openmmlps.study import read_progress
from test_studies import assert_equal_studies, copy_of, kill_at_random, undisturbed  # noqa: F401  a fixture

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
CONFIG = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldPort=16817
SlurmdPort=16818
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
KillWait=5
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0 or not all(map(shutil.which, PROGRAMS)), reason="needs root and Slurm"),
]


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Three daemons that end with the test."""
    folder = tmp_path / "slurm"
    for path in (folder, folder / "state", folder / "spool"):
        path.mkdir(mode=0o755)
    (folder / "key").write_bytes(os.urandom(128))
    (folder / "key").chmod(0o400)
    (folder / "slurm.conf").write_text(CONFIG.format(host=os.uname().nodename.split(".")[0], folder=folder))
    monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
    files = [f"--{name}-file={folder}/{name}" for name in ("key", "pid", "log", "seed")]
    commands = [
        ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *files],
        ["slurmctld", "-D", "-c", "-L", folder / "slurmctld.log"],
        ["slurmd", "-D", "-L", folder / "slurmd.log"],
    ]
    daemons = []
    try:
        for command in commands:
            daemons.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            time.sleep(2)
        deadline = time.monotonic() + 60
        while "idle" not in subprocess.run(["sinfo", "-h", "-o", "%t"], capture_output=True, text=True).stdout:
            assert time.monotonic() < deadline and all(daemon.poll() is None for daemon in daemons), folder
            time.sleep(0.5)
        yield folder
    finally:
        subprocess.run(["scancel", "--user=root"], check=False)
        time.sleep(1)
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait(30)


def test_kills_and_walltime_change_nothing(undisturbed, tmp_path, slurm, monkeypatch):  # noqa: F811  the fixture
    """Every task lasts 100 s, every job 60 s."""
    monkeypatch.setenv("LPS_TEST_DELAY", "3")
    folder = copy_of(undisturbed, tmp_path / "out")
    record = json.loads(folder.record_file.read_text())
    record["tasks"] = [task for task in record["tasks"] if task["replica"] == 1]
    folder.record_file.write_text(json.dumps(record))
    executor = folder.executor()
    folder.change_executor(executor.changed(kind="slurm", walltime="00:01:00", address="127.0.0.1", retries=2))
    kill_at_random(folder, ["task", "driver", "pool"], 1, patience=1800)
    assert read_progress(folder).counts() == "3 done"
    assert (slurm / "slurmctld.log").read_text().count("Time limit exhausted") >= 2
    assert_equal_studies(folder, undisturbed, "replica-1")
