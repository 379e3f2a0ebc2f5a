# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The long tests go on where they stopped, and their record holds nothing that did not pass."""

import csv
import fcntl
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "devtools"))
import long_tests
from long_tests import Part, Record, Sources

PASSED = (
    '<testsuite><testcase name="a" classname="m"/><testcase name="b" classname="m"><skipped/></testcase></testsuite>'
)
FAILED = '<testsuite><testcase name="a" classname="m"><failure/></testcase></testsuite>'


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A project of two sources, and a place for logs."""
    for name in ("core/a.cpp", "core/b.cpp", "docs/page.md", "docs/reliability.md"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(name)
    monkeypatch.setattr(long_tests, "ROOT", tmp_path)
    monkeypatch.setattr(long_tests, "LOGS", tmp_path / "logs")
    return tmp_path


def shell(name, command, *sources):
    return Part(name, ("sh", "-c", command), sources or ("core",))


def run(tree, *parts):
    return long_tests.run(parts, Record(tree / "record.csv"), Sources(tree))


def names(tree):
    return list(Record(tree / "record.csv").rows())


def test_what_has_passed_is_not_run_again(tree):
    part = shell("cpp-a", "echo once >> runs")
    assert run(tree, part) and run(tree, part)
    assert (tree / "runs").read_text() == "once\n"
    (tree / "docs/page.md").write_text("other")  # not one of its sources
    assert run(tree, part)
    assert (tree / "runs").read_text() == "once\n"
    (tree / "core/b.cpp").write_text("other")
    assert run(tree, part)
    assert (tree / "runs").read_text() == "once\nonce\n"


def test_places_of_results_are_no_sources(tree):
    part = shell("python-a", "echo once >> runs", "core", "docs")
    assert run(tree, part)
    (tree / "docs/reliability.md").write_text("figures of the last run")
    (tree / "docs/long-tests.csv").write_text("part")
    assert run(tree, part)
    assert (tree / "runs").read_text() == "once\n"
    assert Sources(tree).digest(("docs",)) == Sources(tree).digest(("docs/page.md",))


def test_failures_are_told_and_not_recorded(tree, capsys):
    parts = [shell("cpp-bad", "echo why; exit 3"), shell("cpp-good", "true")]
    assert not run(tree, *parts)
    assert names(tree) == ["cpp-good"]
    assert "cpp-bad: FAILED with 3" in capsys.readouterr().out
    assert (tree / "logs/cpp-bad.log").read_text() == "why\n"
    lines, left = long_tests.summary(parts, Record(tree / "record.csv"), Sources(tree))
    assert left == 1 and lines[0].startswith("cpp          1 of   2 parts")


@pytest.mark.parametrize(("report", "row"), [(PASSED, ["1", "1"]), (FAILED, None), ("<testsuite/>", None), ("", None)])
def test_reports_count_and_not_the_exit_status_alone(tree, report, row):
    part = Part("python-a", ("sh", "-c", f"printf '%s' '{report}' > {{report}}"), ("core",))
    assert run(tree, part) == (row is not None)
    found = Record(tree / "record.csv").rows().get("python-a")
    assert (found and [found["passed"], found["skipped"]]) == row


def test_file_whose_tests_are_all_skipped_passes(tree):
    report = '<testsuite><testcase name="a" classname="m"><skipped/></testcase></testsuite>'
    command = ("sh", "-c", f"printf '%s' '{report}' > {{report}}; exit 5")
    assert run(tree, Part("python-a", command, ("core",), (0, 5)))
    assert not run(tree, Part("python-b", command, ("core",)))
    assert Record(tree / "record.csv").rows()["python-a"]["skipped"] == "1"


def test_report_of_an_earlier_run_does_not_count(tree):
    (tree / "logs").mkdir()
    (tree / "logs/cpp-a.xml").write_text(FAILED)
    assert run(tree, shell("cpp-a", "true"))


def test_fuzzed_inputs_are_added_up(tree):
    text = "-- reader, 100 inputs\\nstat::number_of_executed_units: 1200\\nfile.pb  30 inputs,  2 accepted\\n"
    assert run(tree, shell("fuzz-1", f"printf '%b' '{text}'"))
    assert Record(tree / "record.csv").rows()["fuzz-1"]["passed"] == "1230"


def test_part_that_another_process_runs_is_left_to_it(tree):
    (tree / "logs").mkdir()
    with open(tree / "logs/cpp-a.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run(tree, shell("cpp-a", "true"), shell("cpp-b", "true"))
    assert names(tree) == ["cpp-b"]


def test_record_keeps_the_rows_of_other_parts(tree):
    for name in ("cpp-b", "cpp-a"):
        assert run(tree, shell(name, "true"))
    with open(tree / "record.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert tuple(rows[0]) == long_tests.COLUMNS
    assert [row[0] for row in rows[1:]] == ["cpp-a", "cpp-b"]


def test_parts_are_chosen_by_patterns(tree, monkeypatch, capsys):
    parts = [shell("cpp-a", "exit 1"), shell("cpp-b", "true"), shell("fuzz-a", "exit 1")]
    monkeypatch.setattr(long_tests, "all_parts", lambda: parts)
    monkeypatch.setattr(long_tests, "RECORD", tree / "record.csv")
    assert long_tests.main(["--list", "cpp-*"]) == 0
    assert capsys.readouterr().out == "cpp-a\ncpp-b\n"
    assert long_tests.main(["*-b"]) == 0
    assert names(tree) == ["cpp-b"]
    assert "2 of 3 parts left" in capsys.readouterr().out
    assert long_tests.main([]) == 1
    with pytest.raises(SystemExit, match="2"):
        long_tests.main(["cpp-*", "valgrind-*"])
    assert "no part is called valgrind-*; try 'cpp-*', 'fuzz-*'" in capsys.readouterr().err


def explanation_and_refusal(script, folder):
    """What a script prints with --help, and as an error with an argument that it does not know, when called from a folder."""
    path = long_tests.ROOT / script
    told = subprocess.run([path, "--help"], capture_output=True, text=True, cwd=folder)
    assert told.returncode == 0 and not told.stderr
    assert not re.search("SPDX|set -", told.stdout)
    refused = subprocess.run([path, "--lnog"], capture_output=True, text=True, cwd=folder)
    assert refused.returncode == 2 and not refused.stdout
    assert told.stdout in refused.stderr
    return told.stdout, refused.stderr


@pytest.mark.parametrize(
    "script", ["devtools/setup.sh", "devtools/test.sh", "devtools/valgrind.sh", "tests/fuzz/run.sh"]
)
def test_scripts_explain_themselves_and_refuse_what_they_do_not_know(script, tmp_path):
    told, refused = explanation_and_refusal(script, tmp_path)
    assert re.search(rf"^  {script} ", told, re.MULTILINE)
    assert refused.startswith(f"{script}: there is no argument '--lnog'")


@pytest.mark.parametrize("script", ["gpu_check.sh", "gpu_train.sh"])
def test_scripts_for_other_machines_explain_themselves_too(script, tmp_path):
    told, refused = explanation_and_refusal(f"devtools/{script}", tmp_path)
    assert "run" in told
    assert f"{script}: there is no argument '--lnog'" in refused


@pytest.mark.parametrize(("arguments", "unknown"), [(["-1"], "-1"), (["0", "1e5"], "1e5"), (["0", "0", "0", "7"], "7")])
def test_fuzzing_takes_up_to_three_numbers(arguments, unknown):
    refused = subprocess.run(["tests/fuzz/run.sh", *arguments], capture_output=True, text=True, cwd=long_tests.ROOT)
    assert refused.returncode == 2 and f"there is no argument '{unknown}'" in refused.stderr


def test_python_tests_depend_on_the_folders_that_they_name():
    here = Path(__file__).parent
    assert {"docs", "CHANGELOG.md"} <= set(long_tests.python_sources(here / "test_docs.py"))
    found = long_tests.python_sources(here / "test_summarize_tests.py")
    assert {"wrappers", "devtools", "tests/python/test_summarize_tests.py", "tests/python/conftest.py"} <= set(found)
    assert not {"training", "tests/soak", "tests/python/test_docs.py"} & set(found)


def test_programs_depend_on_their_own_source():
    assert "tests/force/TestDynamics.cpp" in long_tests.program_sources("TestDynamics")
    assert "tests/serialization/TestSerializeLPSForce.cpp" in long_tests.program_sources("TestSerializeLPSForce")
    assert not any("TestDynamics" in name for name in long_tests.program_sources("TestErrors"))
    assert long_tests.program_sources("TestBox") == long_tests.CORE


def test_builds_are_presets_and_suppressions_are_there():
    presets = json.loads((long_tests.ROOT / "CMakePresets.json").read_text())["configurePresets"]
    names = [build for build, _, environment in long_tests.BUILDS if environment]
    assert names and set(names) <= {preset["name"] for preset in presets}
    files = [
        path
        for *_, environment in long_tests.BUILDS
        for path in re.findall(r"[=:]suppressions=([^:]+)", " ".join(environment))
    ]
    assert files and all(Path(path).is_file() for path in files)
