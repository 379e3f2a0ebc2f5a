# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The long form of the tests, part by part. `devtools/test.sh --long [PATTERN ...]` builds what it needs and calls it.

A part is a test program, a round of fuzzing, a file of Python tests, the wheel, or a test under valgrind. What has passed stands in
docs/long-tests.csv, with a hash of the sources that can change its outcome, and is not run again as long as they are the
same, so an interrupted run goes on where it stopped, on another machine too. Patterns, such as 'python-*', choose parts;
several calls at once share the work. What a part printed lies in build/long/PART.log.

Columns of the record: part; sources, first digits of their SHA-256; finished, date and time in UTC; seconds; passed, tests
or fuzzed inputs; skipped. Exits with 1 if a part failed or, when all were asked for, has not passed.
"""

import argparse
import csv
import fcntl
import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from fnmatch import fnmatch
from pathlib import Path

from summarize_tests import count

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "docs" / "long-tests.csv"
LOGS = ROOT / "build" / "long"
COLUMNS = ("part", "sources", "finished", "seconds", "passed", "skipped")

CORE = (
    "CMakeLists.txt",
    "devtools/cmake",
    "model",
    "tests/data",
    "wrappers/python/openmmlps/models",
)
PLUGIN = (*CORE, "openmmapi", "platforms", "serialization")
PRESETS = ("CMakePresets.json",)
FUZZED = (*CORE, *PRESETS, "wrappers", "tests/fuzz")
#: What tests in Python may depend on besides; they name it.
NAMED = (
    "benchmarks",
    "devtools",
    "docs",
    "examples",
    "packaging",
    "tests/fuzz",
    "tests/golden",
    "tests/soak",
    "training",
)
#: What the documentation is made of.
DOCUMENTED = ("docs", "examples", "training", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
#: Where results are written down, and what tests and the documentation make.
NO_SOURCES = ("docs/long-tests.csv", "docs/reliability.md", "docs/_generated/*", "tests/soak/record/*", "*.pyc")

#: Folder of a build, kind of its parts, and what the sanitizers are told. Four threads, however many processors there are.
BUILDS = (
    ("venv", "cpp", ()),
    (
        "sanitize-plugin",
        "sanitized",
        ("OPENMM_CPU_THREADS=4", f"LSAN_OPTIONS=suppressions={ROOT}/devtools/lsan.supp:print_suppressions=0"),
    ),
    ("sanitize-thread", "threads", ("OPENMM_CPU_THREADS=4",)),
)
#: Programs that test what compilers of others make of the kernels; nothing of ours runs in them for a sanitizer to see.
COMPILERS = ("TestCudaKernels", "TestHipKernels")
FUZZ_ROUNDS = 10
PYTEST_PASSED = (0, 5)  # 5: all tests of the file are skipped


@dataclass(frozen=True)
class Part:
    """Something to run that passes or fails; `{report}` in its command is the JUnit report that it writes."""

    name: str
    command: tuple[str, ...]
    sources: tuple[str, ...]  #: files and folders, relative to the root
    passing: tuple[int, ...] = (0,)  #: exit statuses


class Sources:
    """Hashes of files and folders of a tree."""

    def __init__(self, root: Path):
        self.root = root
        self._known: dict[tuple[str, ...], str] = {}

    def digest(self, names: tuple[str, ...]) -> str:
        """First digits of the SHA-256 of names and contents of all files."""
        if names not in self._known:
            digest = hashlib.sha256()
            for path in sorted({path for name in names for path in self._files(name)}):
                digest.update(path.relative_to(self.root).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
            self._known[names] = digest.hexdigest()[:12]
        return self._known[names]

    def _files(self, name: str) -> list[Path]:
        path = self.root / name
        files = [path] if path.is_file() else path.rglob("*")
        return [
            file
            for file in files
            if file.is_file() and not any(fnmatch(file.relative_to(self.root).as_posix(), no) for no in NO_SOURCES)
        ]


class Record:
    """What has passed. Processes that work at once do not lose each other's rows."""

    def __init__(self, path: Path):
        self.path = path

    def rows(self) -> dict[str, dict[str, str]]:
        """The row of each part."""
        if not self.path.exists():
            return {}
        with open(self.path, newline="") as file:
            return {row["part"]: row for row in csv.DictReader(file)}

    def add(self, row: dict[str, str]) -> None:
        """Write a row in place of the earlier one of its part, so that the file is the old or the new one at any moment."""
        with open(LOGS / "record.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            rows = self.rows() | {row["part"]: row}
            new = self.path.with_suffix(".new")
            with open(new, "w", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows[name] for name in sorted(rows))
            new.replace(self.path)


def outcome(log: str, report: Path) -> tuple[int, int]:
    """Passed and skipped tests of a report; without one, fuzzed inputs as the log tells them, or one."""
    if report.exists():
        passed, failed, skipped = count(report)
        return (0 if failed else passed), len(skipped)
    inputs = re.findall(r"number_of_executed_units:\s*(\d+)|(\d+) inputs, ", log)
    return (sum(int(number) for found in inputs for number in found if number) if inputs else 1), 0


def run_part(part: Part, digest: str) -> dict[str, str] | None:
    """Run a part; its row of the record, or None if it failed."""
    report, log = LOGS / f"{part.name}.xml", LOGS / f"{part.name}.log"
    report.unlink(missing_ok=True)
    begin = time.monotonic()
    with open(log, "w") as output:
        command = [word.replace("{report}", str(report)) for word in part.command]
        status = subprocess.run(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, check=False).returncode
    seconds = round(time.monotonic() - begin)
    passed, skipped = outcome(log.read_text(errors="replace"), report)
    if status not in part.passing or passed + skipped == 0:
        print(f"{part.name}: FAILED with {status}, {seconds} s; see {log}", flush=True)
        return None
    print(f"{part.name}: {passed} passed, {skipped} skipped, {seconds} s", flush=True)
    finished = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M")
    return dict(zip(COLUMNS, (part.name, digest, finished, str(seconds), str(passed), str(skipped)), strict=True))


def run(parts: Iterable[Part], record: Record, sources: Sources) -> bool:
    """Run the parts that have not passed with these sources and that no other process runs; whether none failed."""
    good = True
    LOGS.mkdir(parents=True, exist_ok=True)
    for part in parts:
        digest = sources.digest(part.sources)
        with open(LOGS / f"{part.name}.lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if record.rows().get(part.name, {}).get("sources") != digest:
                row = run_part(part, digest)
                if row:
                    record.add(row)
                good = good and row is not None
    return good


def summary(parts: list[Part], record: Record, sources: Sources) -> tuple[list[str], int]:
    """One line for each kind of parts, and how many parts are left."""
    rows, left = record.rows(), 0
    kinds: dict[str, list[dict[str, str] | None]] = {}
    for part in parts:
        row = rows.get(part.name)
        if row and row["sources"] != sources.digest(part.sources):
            row = None
        kinds.setdefault(part.name.split("-")[0], []).append(row)
        left += row is None
    lines = []
    for kind, found in kinds.items():
        done = [row for row in found if row]
        passed, skipped, seconds = (sum(int(row[name]) for row in done) for name in ("passed", "skipped", "seconds"))
        lines.append(
            f"{kind:10} {len(done):3} of {len(found):3} parts, {passed:8,} passed, {skipped:3} skipped, {seconds / 60:5.0f} minutes"
            + (
                f", from {min(row['finished'] for row in done)} to {max(row['finished'] for row in done)}"
                if done
                else ""
            )
        )
    return lines, left


def programs(build: str) -> list[str]:
    """The test programs of a build."""
    listed = subprocess.run(["ctest", "--test-dir", build, "-N"], cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(set(re.findall(r"Test +#\d+: (\w+)", listed.stdout)))


def valgrind_tests() -> list[list[str]]:
    """Program and name of each test that is run under valgrind."""
    command = ["devtools/valgrind.sh", "--list"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [line.split() for line in listed.stdout.splitlines()]


def program_sources(program: str) -> tuple[str, ...]:
    """What a test program of the plugin depends on; those of the model core lie in model/tests."""
    own = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").glob(f"*/{program}.cpp")]
    return (*PLUGIN, "tests/CMakeLists.txt", "tests/support", *own) if own else CORE


def python_sources(file: Path) -> tuple[str, ...]:
    """What a file of Python tests depends on: plugin and package, the modules that it shares with others, folders that it names."""
    text = file.read_text()
    shared = [path for path in sorted(file.parent.glob("*.py")) if re.search(rf"\b{path.stem}\b", text)]
    shared += [file, file.with_name("conftest.py")]
    text = "".join(path.read_text() for path in shared)
    named = [folder for folder in NAMED if re.search(rf"\b{Path(folder).name}\b", text)]
    if "docs" in named:
        named += DOCUMENTED
    return (
        *PLUGIN,
        "wrappers",
        "pyproject.toml",
        "README.md",
        *(path.relative_to(ROOT).as_posix() for path in shared),
        *named,
    )


def all_parts() -> list[Part]:
    """Every part, in the order in which they are run. The builds must be there."""
    parts = []
    for build, kind, environment in BUILDS:
        for program in programs(f"build/{build}"):
            if environment and program in COMPILERS:
                continue
            ctest = f"ctest --test-dir build/{build} -R ^{program}[./] --parallel {os.cpu_count()}".split()
            ctest += ["--timeout", "7200", "--output-on-failure", "--output-junit", "{report}"]
            sources = program_sources(program) + (PRESETS if environment else ())
            parts.append(Part(f"{kind}-{program}", ("env", *environment, *ctest), sources))
    for file in sorted((ROOT / "tests" / "python").glob("test_*.py")):
        pytest = (sys.executable, "-m", "pytest", f"tests/python/{file.name}", "-q", "-m", "long or not long")
        pytest += ("--junitxml", "{report}")
        parts.append(Part(f"python-{file.stem}", pytest, python_sources(file), PYTEST_PASSED))
    for number in range(1, FUZZ_ROUNDS + 1):  # each goes on from the inputs that the earlier ones found
        parts.append(Part(f"fuzz_native-{number:02}", ("tests/fuzz/run.sh", "100000", "0", "0"), FUZZED))
        parts.append(Part(f"fuzz_importers-{number:02}", ("tests/fuzz/run.sh", "0", "10000", "0"), FUZZED))
    parts.append(Part("fuzz_structured-all", ("tests/fuzz/run.sh", "0", "0", "2000"), FUZZED))
    wheel = ("packaging/build_wheel.sh", sys.executable)
    parts.append(Part("wheel-all", wheel, (*PLUGIN, "wrappers", "pyproject.toml", "README.md", "LICENSE", wheel[0])))
    for program, test in valgrind_tests():  # suppressions are no sources: they only forgive
        name = f"valgrind-{program}.{test}".replace("/", "-")
        parts.append(Part(name, ("devtools/valgrind.sh", program, test), program_sources(program)))
    return parts


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        "long_tests.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "patterns", metavar="PATTERN", nargs="*", help="names of parts, such as 'valgrind-*'; all of them by default"
    )
    parser.add_argument("--list", action="store_true", help="print the names of the parts, and run nothing")
    asked = parser.parse_args(arguments)
    patterns, parts = asked.patterns or ["*"], all_parts()
    unknown = [pattern for pattern in patterns if not any(fnmatch(part.name, pattern) for part in parts)]
    if unknown:
        kinds = dict.fromkeys(f"'{part.name.split('-')[0]}-*'" for part in parts)
        parser.error(f"no part is called {' or '.join(unknown)}; try {', '.join(kinds)}, or --list for all names")
    chosen = [part for part in parts if any(fnmatch(part.name, pattern) for pattern in patterns)]
    if asked.list:
        print("\n".join(part.name for part in chosen))
        return 0
    record, sources = Record(RECORD), Sources(ROOT)
    good = run(chosen, record, sources)
    lines, left = summary(parts, record, sources)
    print("\n".join(lines) + f"\n{left} of {len(parts)} parts left")
    return 0 if good and (asked.patterns or not left) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
