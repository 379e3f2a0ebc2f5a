# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""How the command line speaks: errors without tracebacks, tables, progress, in any encoding."""

from __future__ import annotations

import codecs
import functools
import os
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from openmmlps.app.monitor import Monitor
from openmmlps.app.quantities import format_clock, format_time
from openmmlps.app.stability import RunFailed

LINE_SECONDS = 30.0  # between lines of progress where there is no terminal
ASCII = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "θ": "theta", "λ": "lambda", "μ": "u", "µ": "u", "σ": "sigma",
    "τ": "tau", "χ": "chi", "Δ": "Delta", "Ω": "Ohm", "°": "deg", "±": "+/-", "×": "x", "·": "*", "−": "-", "–": "-",
    "—": "-", "→": "->", "≤": "<=", "≥": ">=", "≈": "~", "√": "sqrt", "∞": "inf", "⟨": "<", "⟩": ">", "“": '"', "”": '"',
    "‘": "'", "’": "'", "⁻": "^-", "²": "^2", "³": "^3", "¹": "^1", "━": "-", "╸": "-", "╺": "-", "─": "-", "│": "|",
    "•": "*",
}  # fmt: skip

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def to_ascii(text: str) -> str:
    """Readable ASCII for characters that an encoding lacks; bytes of file names that are no text become \\xff.

    Parameters
    ----------
    text : str
        any characters

    Returns
    -------
    str
        the same in ASCII
    """
    found = []
    for character in text:
        plain = ASCII.get(character) or unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
        if "\udc80" <= character <= "\udcff":
            plain = f"\\x{ord(character) - 0xDC00:02x}"
        found.append(plain or "?")
    return "".join(found)


def print_anywhere() -> None:
    """Let the standard streams replace what their encoding lacks, instead of raising UnicodeEncodeError."""

    def replace(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        return to_ascii(error.object[error.start : error.end]), error.end

    codecs.register_error("openmm-lps", replace)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="openmm-lps")


class _Console(Console):
    """A console whose reader may go away: that silences the output, but must not end a simulation."""

    def on_broken_pipe(self) -> None:
        """Print to nowhere from now on."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


def console(stderr: bool = False) -> Console:
    """Where results go.

    Names of files and contents of models may look like rich's markup, so text is printed as it is; styles take a Text.

    Parameters
    ----------
    stderr : bool
        print to the standard error

    Returns
    -------
    Console
        a new console
    """
    return _Console(highlight=False, markup=False, emoji=False, stderr=stderr)


def report_errors(command: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Decorate a command: mistakes of the user become one message and exit code 2, failed runs exit code 1.

    Parameters
    ----------
    command : callable
        the command

    Returns
    -------
    callable
        the command that ends with typer.Exit instead of a traceback
    """

    @functools.wraps(command)
    def wrapped(*arguments: _Parameters.args, **options: _Parameters.kwargs) -> _Result:
        import openmm

        try:
            return command(*arguments, **options)
        except RunFailed as error:
            fail(error, 1)
        except (ValueError, OSError, ImportError, openmm.OpenMMException) as error:
            fail(error, 2)
        except KeyboardInterrupt:
            fail("stopped at once; what was saved before is kept", 130)

    return wrapped


def fail(error: object, code: int) -> NoReturn:
    """Print an error and end the command.

    Parameters
    ----------
    error : object
        an exception, or a message
    code : int
        exit code
    """
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        where = f": '{error.filename}'" if error.filename else ""
        text = f"openmm-lps: {error.strerror}{where}; check the path, its permissions and the room on the disk"
    console(stderr=True).print(Text.assemble(("Error", "bold red"), " ", text or type(error).__name__), soft_wrap=True)
    raise typer.Exit(code)


def table(rows: Iterable[tuple[str, ...]], *headings: str, title: str | None = None) -> Table:
    """A plain table.

    Parameters
    ----------
    rows : iterable of tuple of str
        the cells of each row
    headings : str
        one for each column; none for a table of names and values
    title : str, optional
        what stands above

    Returns
    -------
    Table
        for console().print()
    """
    result = Table(*headings, title=title, title_justify="left", show_header=bool(headings), box=None, pad_edge=False)
    if not headings:
        result.add_column(style="bold", no_wrap=True)
        result.add_column(overflow="fold")
    for row in rows:
        result.add_row(*row)
    return result


class ConsoleMonitor(Monitor):
    """Shows runs and stages of protocols: a progress bar in a terminal, a line now and then elsewhere.

    A terminal that goes away must not end a simulation: from then on this keeps silent.
    """

    def __init__(self) -> None:
        self._console = console()
        self._timestep = 0.0  # ps
        self._passed_over: set[str] = set()
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._said = time.monotonic()
        self._silent = False

    def __enter__(self) -> ConsoleMonitor:
        return self

    def __exit__(self, *exception: object) -> None:
        self._safely(self._stop)

    def message(self, text: str) -> None:
        """Print a sentence; what is passed over is the same for every stage, and said once."""
        if text.startswith("Passed over:"):
            if text in self._passed_over:
                return
            self._passed_over.add(text)
        self._safely(lambda: self._console.print(text, soft_wrap=True))

    def stage(self, name: str, number: int, total: int) -> None:
        """Print a heading."""
        self._safely(self._stop)
        heading = Text.assemble((f"{number} of {total}", "bold"), f" {name}")
        self._safely(lambda: self._console.print(heading, soft_wrap=True))

    def begin(self, total_steps: int, step: int, timestep: float, details: Mapping[str, str]) -> None:
        """Say what starts, and show the bar."""
        self._timestep = timestep
        self._safely(self._stop)
        self._safely(lambda: self._begin(total_steps, step, details))

    def progress(
        self, step: int, total_steps: int, ns_per_day: float, seconds_left: float | None, values: Mapping[str, float]
    ) -> None:
        """Move the bar, or print a line when the last one is old enough."""
        self._safely(lambda: self._progress(step, total_steps, ns_per_day, seconds_left, values))

    def _safely(self, action: Callable[[], None]) -> None:
        if not self._silent:
            try:
                action()
            except OSError:
                self._silent = True

    def _stop(self) -> None:
        if self._bar is not None:
            bar, self._bar = self._bar, None
            bar.stop()

    def _begin(self, total_steps: int, step: int, details: Mapping[str, str]) -> None:
        self._console.print(
            Text.assemble(
                f"{details['atoms']} atoms ({details['formula']}), {details['ensemble']}, "
                f"{format_time(total_steps * self._timestep)} in {total_steps} steps, platform ",
                (details["platform"], "bold"),
            )
        )
        if self._console.is_terminal:
            self._bar = Progress(
                BarColumn(bar_width=None),
                TaskProgressColumn(),
                TextColumn("{task.fields[status]}", markup=False),
                console=self._console,
                expand=True,
            )
            self._task = self._bar.add_task("run", total=total_steps, completed=step, status="")
            self._bar.start()

    def _progress(
        self, step: int, total_steps: int, ns_per_day: float, seconds_left: float | None, values: Mapping[str, float]
    ) -> None:
        temperature = f"{values['temperature_K']:.0f} K, " if values else ""
        speed = f"{ns_per_day:.3g} ns/day, {format_clock(seconds_left)} left"
        status = f"{format_time(step * self._timestep)}, {temperature}{speed}"
        if self._bar is not None:
            self._bar.update(self._task, completed=step, status=status)
        elif time.monotonic() - self._said > LINE_SECONDS:
            self._said = time.monotonic()
            self._console.print(f"{100 * step / total_steps:.0f} %  {status}")
