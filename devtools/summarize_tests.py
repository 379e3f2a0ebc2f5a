# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Adds up JUnit reports: `summarize_tests.py NAME=FILE ...`. Exits with 1 if a test failed or a report is missing or empty.

Reports of the same name make one line.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree


def count(path: Path) -> tuple[int, list[str], list[str]]:
    """Passed, names of failed, and names of skipped tests of one report. A report that does not exist counts as one failure."""
    try:
        cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        return 0, [f"no report: {error}"], []
    if not cases:
        return 0, [f"no tests in {path}"], []
    failed = [
        name(case)
        for case in cases
        if case.get("status") == "fail" or case.find("failure") is not None or case.find("error") is not None
    ]
    skipped = [
        name(case) for case in cases if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled")
    ]
    return len(cases) - len(failed) - len(skipped), failed, skipped


def name(case: ElementTree.Element) -> str:
    """What a test is called."""
    return f"{case.get('classname')}::{case.get('name')}"


def main(arguments: list[str]) -> int:
    suites: dict[str, tuple[int, list[str], list[str]]] = {}
    for argument in arguments:
        suite, path = argument.split("=", 1)
        earlier, report = suites.get(suite, (0, [], [])), count(Path(path))
        suites[suite] = (earlier[0] + report[0], earlier[1] + report[1], earlier[2] + report[2])
    passed, failed, skipped = 0, 0, 0
    for suite, (good, bad, left) in suites.items():
        print(f"{suite:16} {good:5} passed {len(bad):5} failed {len(left):5} skipped")
        for test in bad:
            print(f"    FAILED {test}")
        for test in left:
            print(f"    skipped {test}")
        passed, failed, skipped = passed + good, failed + len(bad), skipped + len(left)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
