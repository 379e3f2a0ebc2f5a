# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Studies: what a file comes to, what is wrong with it, and results that no kill changes."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from app_support import PairEngine
from openmmlps._settings import tomllib
from openmmlps._toml_file import Lines
from openmmlps.app.h5md_reporter import read_frames
from openmmlps.cli import app
from openmmlps.protocols import QuenchSettings, TransportSettings, quench, transport
from openmmlps.protocols.compositions import parse_composition
from openmmlps.study import StudyFolder, expand, parsl_config, read_executor, read_progress, read_study, shipped_studies
from openmmlps.study.driver_token import DriverToken
from openmmlps.study.driver_watch import DriverWatch
from openmmlps.study.joined import join
from openmmlps.study.progress import how_far
from openmmlps.study.task import carry_out

PLACEHOLDER = "ase:openmmlps.placeholder.Placeholder"
IN_REPORT = {  # of toys
    "azzali2026": ["β-Li₃PS₄", "Li₄P₂S₆"],
    "convergence": ["Conductivity in a field"],
    "kaiser2024": ["α-AgI", "Li₁₀GeP₂S₁₂", "Na₃SbS₄", "Na2.94Sb0.94W0.06S4"],
    "lipon2025": ["Li₂₉P₁₀O₃₃N₅", "Li-LiPON"],
    "zhou2023": ["75 Li₂S – 25 P₂S₅"],
}
TASK = Path(__file__).with_name("app_task.py")
HEAD = 'title = "A test"\nreplicas = 2\ntemperatures_K = [300, 400]\n'
GLASS = '[[material]]\nname = "glass"\ncomposition = "0.75 Li2S + 0.25 P2S5"\n'
CRYSTAL = '[[material]]\nname = "crystal"\nstructure = "beta-Li3PS4"\n'
SLABS = '[[material]]\nname = "slabs"\n[material.interface]\nsecond = "bcc:Li=3.43"\nthickness = 8\nmax_strain = 0.1\n'
TASKS = """
[task.quench]
atoms = 112
melt_temperature_K = 600
melt_time_ps = 0.1
cooling_rate_K_per_ps = 3000
equilibration_time_ps = 0.1
timestep_fs = 1
frame_interval_ps = 0.01
thermo_interval_ps = 0.01
cooling_ensemble = "nvt"
pressure_bar = 20000
[task.transport]
cell_time_ps = 0.1
equilibration_time_ps = 0.02
production_time_ps = 0.2
timestep_fs = 1
frame_interval_ps = 0.01
thermo_interval_ps = 0.01
pressure_bar = 20000
[executor]
platform = "Reference"
checkpoint_s = 0
heartbeat_s = 5
workers = 2
"""


def write(path, text):
    file = path / "study.toml"
    file.write_text(text)
    return file


def command(*arguments):
    return CliRunner().invoke(app, ["study", *map(str, arguments)])


def carried_out(path, text):
    """A study whose tasks were carried out one after the other in this process."""
    study = read_study(write(path, text))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("openmmlps.app.run.Run._draw", lambda run: None)
        with StudyFolder.create(path / "out", study, expand(study, PairEngine())) as folder:
            for task in folder.tasks():
                assert carry_out(folder, task, PairEngine()).state == "finished"
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return carried_out(tmp_path_factory.mktemp("study"), HEAD + GLASS + TASKS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0.75 Li2S + 0.25 P2S5", "3Li2S-1P2S5"),
        ("60Li2S-32SiS2-8P2S5", "60Li2S-32SiS2-8P2S5"),
        ("75", "75Li2S-25P2S5"),
        ("Li7P3S11", "Li7P3S11"),
        ("Li2.9PO3.3N0.5", "Li29P10O33N5"),
    ],
)
def test_compositions(text, found):
    assert parse_composition(text) == found


def test_a_mixture_with_decimal_formulas_keeps_its_shares():
    from openmmlps.protocols.packing import Composition

    counts = Composition.parse(parse_composition("0.5 Li2S + 0.5 Li1.5PS3.25")).counts(370)
    assert counts["Li"] / counts["P"] == 3.5 and counts["S"] / counts["P"] == 4.25


def test_lines_of_keys_and_tables():
    lines = Lines('a = 1\n[[m]]\nb = 1\n[[m]]\n"c d" = { e = 1 }\n[m.f]\n g.h = 2\n')
    assert [lines.of(place) for place in (("m", 1), ("m", 1, "c d"), ("m", 1, "f", "g", "h"), ("m", 0, "x"))] == [
        4,
        5,
        7,
        2,
    ]


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("replica = 2\n" + GLASS + TASKS, "replica", "unknown key 'replica'; did you mean 'replicas'?"),
        ('temperatures_K = "300"\n' + GLASS + TASKS, "temp", "temperatures_K is .*; it must hold finite numbers"),
        ("temperatures_K = [300, 300]\n" + GLASS + TASKS, "temp", "holds 300.0 twice"),
        ("replicas = 0\n" + GLASS + TASKS, "replicas", "replicas is 0; it must be at least 1"),
        (HEAD + GLASS.replace("P2S5", "Xy2S5") + TASKS, "composition", "'Xy' in .* is not an element"),
        (HEAD + GLASS.replace("P2S5", "P2S5 Li") + TASKS, "composition", "is not an amount and a formula; write for"),
        (HEAD + GLASS.replace("P2S5", "SiS2") + TASKS, "[[", "'glass': .*Si"),
        (HEAD + GLASS + TASKS.replace("= 112", "= 5"), "[[", "5 atoms are too few"),
        (HEAD + GLASS + "quench = { density_g_per_cm3 = 30 }\n" + TASKS, "[[", "find no room"),
        (HEAD + CRYSTAL + GLASS + GLASS.replace("name =", "name  =") + TASKS, "name  ", "'glass' at line 7 already"),
        (HEAD + CRYSTAL.replace("beta", "zeta") + TASKS, "structure", "'zeta-Li3PS4' is neither a file beside"),
        (HEAD + CRYSTAL + 'composition = "75"\n' + TASKS, "composition", "has both composition and structure"),
        (HEAD + GLASS + "quench = { atms = 3 }\n" + TASKS, "quench =", "unknown key 'atms'; did you mean 'atoms'?"),
        (HEAD + GLASS + "quench = { melt_time_ps = -1 }\n" + TASKS, "quench =", "melt_time_ps is -1; it must be more"),
        (HEAD + GLASS + 'tasks = ["transport"]\n' + TASKS, "tasks", "no quench to start from"),
        (HEAD + GLASS + 'tasks = ["melting"]\n' + TASKS, "tasks", "there is no task 'melting'; known are quench"),
        (
            HEAD + GLASS + TASKS + "[task.elastic]\nseed = 3\n",
            "seed",
            "seed is not set in a task but in seed at the top",
        ),
        (HEAD + GLASS + TASKS + '[task.hot]\nkind = "boil"\n', "kind", "there is no kind of task 'boil'"),
        (HEAD + GLASS + TASKS + '[task.relax]\nstart_from = "transport"\n', "start_from", "cannot start from 'trans"),
        (HEAD + GLASS + TASKS + "wrkers = 2\n", "wrk", "unknown key 'wrkers'; did you mean 'workers'?"),
        (HEAD + GLASS + TASKS + 'walltime = "1 hour"\n', "wallt", "walltime is '1 hour'; write hh:mm:ss"),
        (HEAD + GLASS + TASKS + '[size.toy]\nmaterials = ["ice"]\n', "materials", "there is no material 'ice'"),
        (HEAD + GLASS + TASKS + '[models]\nmine = "mine.pb"\n', "[[", "model: 'mine.pb' is not a file"),
        (HEAD + GLASS + TASKS + '[models]\nmine = "ase:"\n', "mine", "ase: nothing is named"),
        (HEAD + GLASS + TASKS + '[models]\nmine = { needs = "a model" }\n', "mine", "'glass' needs a model, which"),
        (HEAD + CRYSTAL + 'replace = ["Sb by W"]\n' + TASKS, "replace", "replace holds 'Sb by W'; write for example"),
        (HEAD + CRYSTAL + 'remove = ["99 Li"]\n' + TASKS, "[[", "'99 Li', but the supercell has 12 Li"),
        (HEAD + CRYSTAL + "strain = [0.1]\n" + TASKS, "strain", "strain has 1 numbers; give xx, yy, zz"),
        (HEAD + GLASS + 'remove = ["1 Li"]\n' + TASKS, "", "replace, remove and strain are for a structure"),
        (HEAD + GLASS + 'formers = "Si"\n' + TASKS, "formers", "formers holds 'Si', but the elements are"),
        (HEAD + SLABS + TASKS, "[material.i", "first is missing; name a structure, a metal as 'bcc:Li=3.43', or a"),
        (HEAD + SLABS + 'first = "zeta"\n' + TASKS, "first", "first 'zeta' is neither a file beside"),
        (HEAD + SLABS + 'first = "beta-Li3PS4"\nfaces = "01,001"\n' + TASKS, "faces", "faces hold '01', which is not"),
        (HEAD + SLABS + 'first = "beta-Li3PS4"\ngaps = 1\n' + TASKS, "gaps", "unknown key 'gaps'; did you mean 'gap'?"),
        (
            HEAD + SLABS + 'first = "glass"\n' + GLASS + TASKS,
            "first",
            "'glass' is no glass that is quenched before; put",
        ),
        (HEAD + SLABS + 'first = "beta-Li3PS4"\nmax_area = 9\n' + TASKS, "[[", "no common supercell of"),
        (
            HEAD + SLABS.replace("[material.", 'tasks = ["quench"]\n[material.') + 'first = "beta-Li3PS4"\n' + TASKS,
            "tasks",
            "not quenched",
        ),
        (HEAD + GLASS + "[task.quench\n", "", "is not valid TOML .*line 7"),
        ("file_version = 9\n" + GLASS + TASKS, "file", "this version of openmm-lps reads 1; install a newer one"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path, text, at, message):
    size = ["--size", "toy"] if "[size" in text else []
    result = command(write(tmp_path, text), *size, "-o", tmp_path / "out")
    assert result.exit_code == 2, result.output
    where = f", line {text[: text.index(at)].count(chr(10)) + 1}: " if at else ""
    assert re.search(f"study.toml'{where}.*" + message, result.output), result.output
    assert not (tmp_path / "out").exists()


def test_grid(tmp_path):
    study = read_study(
        write(tmp_path, HEAD + GLASS + CRYSTAL + TASKS + "[task.relax]\npressure_GPa = 1\n[task.thermal]\n")
    )
    tasks = {task.name: task for task in expand(study).tasks}
    # quench, relax, transport of the glass; relax, transport of the crystal; thermal of both
    assert len(tasks) == 2 + 2 + 2 * 2 + 1 + 2 * 2 + 2 * 2 * 2
    assert tasks["lps/glass/transport/replica-2/T400"].needs == "lps/glass/quench/replica-2"
    assert tasks["lps/crystal/transport/replica-2/T300"].needs == ""
    assert [name for name in tasks if "crystal/relax" in name] == ["lps/crystal/relax/replica-1"]
    seeds = [(task.model, task.material, task.task, task.settings.get("seed", 1)) for task in tasks.values()]
    assert len({seed for seed in seeds if seed[2] == "transport"}) == 8


def test_dopants_vacancies_and_strain(tmp_path):
    """Na2.875Sb0.875W0.125S4, strained: every task starts from the one structure in inputs."""
    from openmmlps.protocols.states import read_atoms

    text = (
        'title = "doped"\n[models]\nx = { needs = "any" }\n[[material]]\nname = "doped"\nstructure = "Na3SbS4"\nsupercell = [2, 2, 1]\n'
        'replace = ["1 Sb by W"]\nremove = ["1 Na"]\nstrain = [0.01, 0, 0, 0, 0, 0.02]\n[task.relax]\n[task.transport]\nreplicas = 2\n'
    ).replace("\nreplicas = 2", "")
    study = read_study(write(tmp_path, text), models={"x": PLACEHOLDER})
    with StudyFolder.create(tmp_path / "out", study, expand(study)) as folder:
        tasks = folder.tasks()
        assert {task.settings["structure"] for task in tasks} == {"inputs/structures/doped.extxyz"}
        assert all("supercell" not in task.settings and task.atoms == 63 for task in tasks)
        made = read_atoms(folder.path / "inputs/structures/doped.extxyz")
    assert made.get_chemical_formula() == "Na23S32Sb7W"
    np.testing.assert_allclose(np.array(made.cell) / 7.19, [[2.02, 0.04, 0], [0.04, 2, 0], [0, 0, 1]], atol=1e-9)
    assert made.get_masses()[made.symbols == "W"] == pytest.approx(183.84)


@pytest.mark.parametrize(("first", "area"), [("bcc:Li=3.6", 15), ("glass", 300)])
def test_interfaces(tmp_path, first, area):
    """Slabs of structures are in inputs; those of a glass are stacked when it is quenched, each replica on its own."""
    from openmmlps.protocols.states import read_atoms

    before = GLASS if first == "glass" else ""
    study = read_study(write(tmp_path, HEAD + before + SLABS + f'max_area = {area}\nfirst = "{first}"\n' + TASKS))
    with StudyFolder.create(tmp_path / "out", study, expand(study, PairEngine())) as folder:
        tasks = [task for task in folder.tasks() if task.material == "slabs"]
        assert [task.name for task in tasks] == [
            f"lps/slabs/transport/replica-{replica}/T{temperature}" for replica in (1, 2) for temperature in (300, 400)
        ]
        if first != "glass":
            atoms = read_atoms(folder.path / "inputs/structures/slabs.extxyz")
            assert {task.settings["structure"] for task in tasks} == {"inputs/structures/slabs.extxyz"}
            assert len(tasks[0].settings["interfaces"]) == 2 and not any(task.needs for task in tasks)
            assert len(atoms) == tasks[0].atoms == 12  # three layers of a cell on three, strained by 5 %
            return
        assert [task.needs for task in tasks[::2]] == [f"lps/glass/quench/replica-{replica}" for replica in (1, 2)]
        with pytest.raises((ValueError, OSError)):  # no glass yet
            carry_out(folder, tasks[0], PairEngine())


def test_models_of_a_file_are_replaced_by_name_or_all(tmp_path):
    text = HEAD + GLASS + 'models = ["a"]\n' + TASKS + '[models]\na = { needs = "one" }\nb = "lps"\n'
    file = write(tmp_path, text)
    assert read_study(file, models={"a": "lps"}).models == {"a": "lps", "b": "lps"}
    assert read_study(file, models={"c": "lps"}).materials[0].models == ("c",)


def test_dry_run(tmp_path):
    result = command(write(tmp_path, HEAD + GLASS + TASKS), "--dry-run", "--speed", "1000", "-o", tmp_path / "out")
    rows = [line.split() for line in result.output.splitlines()]
    # 112 atoms, and 0.1 ps, 0.1 ps and 0.1 ps at 1 fs, twice, at 1000 atoms x steps a second
    assert ["lps", "glass", "quench", "2", "112", f"{2 * 300 * 112 / 1000 / 3600:.2f}", "0.00"] in rows, rows
    assert ["lps", "glass", "transport", "4"] in [row[:4] for row in rows]
    assert not (tmp_path / "out").exists()


def test_tasks_are_what_one_protocol_would_do(undisturbed, tmp_path, monkeypatch):
    """Same random numbers; and joined, they are read as one protocol."""
    monkeypatch.setattr("openmmlps.app.run.Run._draw", lambda run: None)
    tables = tomllib.loads(TASKS)
    machine = {"platform": "Reference", "model": ""}
    values = tables["task"]["quench"] | machine | {"replicas": 2, "composition": "3Li2S-1P2S5"}
    quench.start(tmp_path / "quench", QuenchSettings.make(**values), engine=PairEngine())
    values = tables["task"]["transport"] | machine | {"replicas": 2, "temperatures_K": [300, 400]}
    settings = TransportSettings.make(**values, structure=str(tmp_path / "quench"))
    transport.start(tmp_path / "transport", settings, engine=PairEngine())
    joined = {name: path for name, path, _ in join(undisturbed)}
    for name, path in joined.items():
        kind = name.split("/")[-1]
        expected = sorted(file.relative_to(tmp_path / kind) for file in (tmp_path / kind).glob("*/*/**/trajectory.h5"))
        assert len(expected) == {"quench": 6, "transport": 8}[kind]
        for file in expected:
            assert_same(path / file, tmp_path / kind / file)


def assert_same(found, expected):
    names = ["step", "position", "velocity", "temperature"]
    found, expected = read_frames(found, names), read_frames(expected, names)
    for name in names:
        assert np.array_equal(found[name], expected[name]), name


def start_driver(folder):
    return subprocess.Popen([sys.executable, TASK, "DRIVER", folder], start_new_session=True)


def copy_of(undisturbed, path):
    """The same study before it began."""
    path.mkdir()
    shutil.copytree(undisturbed.inputs, path / "inputs")
    return StudyFolder.look(path)


def processes(folder):
    """Processes of a study: tasks, and the workers and pools of Parsl."""
    psutil = pytest.importorskip("psutil")
    found = {"task": [], "pool": [], "worker": []}
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(folder.path) not in line or "DRIVER" in line:
            continue
        if "app_task.py" in line:
            found["task"].append(process)
            found["worker"] += [process.parent()] if process.parent() else []
        elif "pool.py" in line and "bash" not in line:
            found["pool"].append(process)
    return found


def kill_at_random(folder, kills, seed, patience=60):
    """Carry out a study while its driver, pools, workers and tasks are killed, or it is stopped; what was done to it."""
    chance, killed = random.Random(seed), []
    driver, deadline = start_driver(folder.path), time.monotonic() + patience + 90 * len(kills)
    due = time.monotonic() + 3
    try:
        while driver.poll() != 0:
            assert time.monotonic() < deadline, (folder.status.read_text(), killed)
            if driver.poll() is not None:
                if killed[-1] != "stop" or driver.returncode != 1:  # a signal may come before the driver listens
                    assert driver.returncode == (-signal.SIGTERM if killed[-1] == "stop" else -signal.SIGKILL)
                else:
                    assert read_progress(folder).state == "interrupted" and not processes(folder)["task"]
                driver, due = start_driver(folder.path), time.monotonic() + 1
            if kills and time.monotonic() > due:
                victims = {**processes(folder), "driver": [driver], "stop": [driver]}[kills[0]]
                if victims and processes(folder)["task"]:
                    killed.append(kills.pop(0))
                    os.kill(chance.choice(victims).pid, signal.SIGTERM if killed[-1] == "stop" else signal.SIGKILL)
                    due = time.monotonic() + (chance.uniform(0.5, 8) if killed[-1] != "stop" else patience)
            time.sleep(0.05)
    finally:
        driver.kill()
    return killed


def test_kills_change_nothing(undisturbed, tmp_path):
    pytest.importorskip("parsl")
    check_kills(undisturbed, tmp_path / "out", ["task", "driver", "worker", "stop"])


@pytest.mark.long
def test_thirty_kills_change_nothing(tmp_path):
    text = HEAD.replace("replicas = 2", "replicas = 8") + GLASS + TASKS
    kills = ["task", "driver", "worker", "pool", "stop"] * 6
    check_kills(carried_out(tmp_path, text), tmp_path / "killed", kills)
    assert not kills, "the study was over too soon"


def check_kills(undisturbed, path, kills):
    folder = copy_of(undisturbed, path)
    kill_at_random(folder, kills, len(kills))
    assert_equal_studies(folder, undisturbed)
    progress, number = read_progress(folder), len(undisturbed.tasks())
    assert progress.state == "finished" and progress.counts() == f"{number} done"
    assert f"{number} done" in CliRunner().invoke(app, ["status", str(path)]).output.replace("\n", " ")
    assert f"{number} done" in folder.page.read_text() and "http-equiv" not in folder.page.read_text()


def assert_equal_studies(folder, undisturbed, part=""):
    """Every trajectory and final structure, of replicas whose folder holds `part`."""

    def files(study):
        found = [*study.tasks_folder.rglob("trajectory.h5"), *study.tasks_folder.rglob("final.extxyz")]
        return sorted(path for file in found if part in (path := file.relative_to(study.path)).parts[4])

    assert files(folder) == files(undisturbed)
    for file in files(undisturbed):
        if file.suffix == ".h5":
            assert_same(folder.path / file, undisturbed.path / file)
        else:
            assert (folder.path / file).read_bytes() == (undisturbed.path / file).read_bytes()


def test_what_cannot_succeed_is_tried_once(undisturbed, tmp_path):
    """A task that fails names its cause; what needs it is skipped, the rest is done. On an executor of the user."""
    pytest.importorskip("parsl")
    folder = copy_of(undisturbed, tmp_path / "out")
    (tmp_path / "my.py").write_text(
        "from parsl.executors import ThreadPoolExecutor as P\nexecutor = P(max_threads=2)\n"
    )
    own = TASKS.replace("[executor]", '[executor]\nkind = "file"\nfile = "my.py"')
    folder.change_executor(read_executor(write(tmp_path, HEAD + GLASS + own)))
    record = json.loads(folder.record_file.read_text())
    record["tasks"] = [task for task in record["tasks"] if "T400" not in task["name"]]
    record["tasks"][0]["settings"]["density_g_per_cm3"] = 30.0
    folder.record_file.write_text(json.dumps(record))
    assert start_driver(folder.path).wait(60) == 1
    states = {task.name.removeprefix("lps/glass/"): task for task in read_progress(folder).tasks}
    assert [task.state for task in states.values()] == ["failed", "done", "skipped", "done"]
    assert "start from a lower density" in states["quench/replica-1"].message
    assert 'class="failed"' in folder.page.read_text()


def test_folders_of_other_versions_say_why_not(undisturbed, tmp_path):
    folder = copy_of(undisturbed, tmp_path / "out")
    record = json.loads(folder.record_file.read_text())
    folder.record_file.write_text(json.dumps(record | {"folder_version": 0, "package_version": "0.0.1"}))
    result = command("--resume", "-o", folder.path)
    assert result.exit_code == 2 and "was made by openmm-lps 0.0.1 (version 0 of study folders)" in result.output
    folder.record_file.write_text(json.dumps(record | {"tasks": [{"name": "x"}]}))
    assert "is damaged" in command("status", folder.path).output
    message = CliRunner().invoke(app, ["report", str(folder.path)]).output
    assert "is the folder of a study; say openmm-lps study report" in " ".join(message.split())


def test_a_retry_is_free_for_a_task_that_came_further(undisturbed):
    task = undisturbed.tasks()[0]
    assert how_far(undisturbed, task) == (3, 0)
    name, folder = undisturbed.tasks()[-1].name, undisturbed.tasks_folder
    file = folder / name / "status.json"
    content = file.read_text()
    stage = "T400/replica-1/production"
    file.write_text(json.dumps(json.loads(content) | {"stage": stage}))
    assert how_far(undisturbed, undisturbed.tasks()[-1]) == (2, 200)
    file.write_text(content)


def test_tasks_know_whether_their_driver_is_there(tmp_path):
    token = DriverToken(tmp_path / "driver.json")
    watch = DriverWatch(token.path, token.value, 0.2)
    assert not watch.gone()
    time.sleep(0.3)
    assert "silent" in watch.gone()
    assert "another driver" in DriverWatch(token.path, "other", 60).gone()
    token.withdraw()
    assert "stopped" in watch.gone()


def test_a_pool_ends_with_its_driver(tmp_path):
    """Also one that begins after its driver was killed, and finds nobody to talk to."""
    pytest.importorskip("parsl")
    token = DriverToken(tmp_path / "driver.json")
    pool = Path(parsl_config.__file__).with_name("pool.py")
    options = "--max_workers_per_node=1 -a 127.0.0.1 -p 0 -c 1 -m None --poll 10 --port=1 --cert_dir None --logconf=None --block_id=0"
    options += " --hb_period=5 --hb_threshold=5 --drain_period=None --cpu-affinity none --mpi-launcher=mpiexec --available-accelerators"
    line = [
        sys.executable,
        pool,
        token.path,
        token.value,
        "5",
        *options.split()[:-1],
        f"--logdir={tmp_path}",
        options.split()[-1],
    ]
    with subprocess.Popen(line, stderr=subprocess.DEVNULL) as process:
        time.sleep(1)
        assert process.poll() is None
        token.withdraw()
        assert process.wait(15) == 0


def test_why_no_worker_starts():
    """From what the jobs of an executor left."""

    class Job:
        def __init__(self, state, message="sbatch: error: invalid partition\n"):
            self.state, self.message = type("State", (), {"name": state}), message
            self.stderr_summary = self.stdout_summary = None

    assert parsl_config._trouble({"0": Job("COMPLETED"), "10": Job("FAILED"), "9": Job("RUNNING")}) == (
        "no worker starts (sbatch: error: invalid partition); correct [executor], then --resume FILE"
    )
    assert not parsl_config._trouble({"0": Job("FAILED"), "1": Job("PENDING")})
    assert not parsl_config._trouble({str(i): Job("FAILED") for i in range(5)}, 6)


def test_slurm_without_its_commands(undisturbed, tmp_path, monkeypatch):
    pytest.importorskip("parsl")
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = copy_of(undisturbed, tmp_path / "out")
    folder.change_executor(folder.executor().changed(kind="slurm"))
    result = command("--resume", "-o", folder.path)
    assert result.exit_code == 2 and "sbatch and squeue and scancel cannot be found" in " ".join(result.output.split())


@pytest.mark.parametrize("name", shipped_studies())
def test_shipped_studies_can_be_carried_out(name, tmp_path):
    """The published size is read; the toy is carried out and reported, without a line of code."""
    pytest.importorskip("parsl")
    assert expand(read_study(name, models={"any": PLACEHOLDER})).tasks
    out = tmp_path / "out"
    result = command(name, "--size", "toy", "-o", out)
    assert result.exit_code == 0, result.output
    assert "finished" in command("status", out).output
    result = command("report", out)
    assert result.exit_code == 0 and "note:" not in result.output, result.output
    page = (out / "report.html").read_text()
    assert all(text in page for text in IN_REPORT[name])
