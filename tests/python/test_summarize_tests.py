# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The summary at the end of devtools/test.sh: a run that proves nothing must not look like success."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "devtools" / "summarize_tests.py"

CTEST = (
    '<testsuite><testcase name="a" classname="a" status="run"/>'
    '<testcase name="b" classname="b" status="fail"><failure message="x"/></testcase>'
    '<testcase name="c" classname="c" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase></testsuite>'
)
PYTEST = '<testsuites><testsuite><testcase name="a" classname="m"/><testcase name="b" classname="m"/></testsuite></testsuites>'
PYTEST_ERROR = '<testsuites><testsuite><testcase name="a" classname="m"><error/></testcase></testsuite></testsuites>'


def summarize(tmp_path, *texts):
    arguments = []
    for i, text in enumerate(texts):
        path = tmp_path / f"{i}.xml"
        if text is not None:
            path.write_text(text)
        arguments.append(f"suite {i}={path}")
    result = subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    return result.returncode, result.stdout.splitlines()


def test_success(tmp_path):
    code, lines = summarize(tmp_path, PYTEST, PYTEST)
    assert (code, lines[-1]) == (0, "4 passed, 0 failed")


def test_failures_and_skips_are_added_up(tmp_path):
    code, lines = summarize(tmp_path, CTEST, PYTEST)
    assert (code, lines[-1]) == (1, "3 passed, 1 failed, 1 skipped")
    assert "    FAILED b::b" in lines and "    skipped c::c" in lines


def test_reports_of_one_name_make_one_line(tmp_path):
    for name, text in (("a", PYTEST), ("b", CTEST)):
        (tmp_path / name).write_text(text)
    arguments = [f"C++={tmp_path / 'a'}", f"Python={tmp_path / 'a'}", f"C++={tmp_path / 'b'}"]
    result = subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0] == "C++ 3 passed 1 failed 1 skipped"
    assert "Python 2 passed 0 failed 0 skipped" in lines
    assert (result.returncode, lines[-1]) == (1, "5 passed, 1 failed, 1 skipped")


@pytest.mark.parametrize("text", [None, "", "<testsuite>", "<testsuite/>", PYTEST_ERROR])
def test_missing_broken_and_empty_reports_fail(tmp_path, text):
    code, lines = summarize(tmp_path, PYTEST, text)
    assert (code, lines[-1]) == (1, "2 passed, 1 failed")


def test_nothing_at_all_fails(tmp_path):
    assert summarize(tmp_path)[0] == 1
