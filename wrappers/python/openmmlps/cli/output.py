# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""How the command line speaks: errors without tracebacks, tables, progress."""

import functools
import os
import time

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from openmmlps.app.quantities import format_clock, format_time
from openmmlps.app.runner import Monitor
from openmmlps.app.stability import RunFailed

LINE_SECONDS = 30.0  # between lines of progress where there is no terminal


class _Console(Console):
    """A console whose reader may go away: that silences the output, but must not end a simulation."""

    def on_broken_pipe(self):
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


def console(**options):
    """Where results go. Names of files and contents of models may look like rich's markup, so text is printed as it is; styles take a Text."""
    return _Console(highlight=False, markup=False, emoji=False, **options)


def report_errors(command):
    """Decorate a command: mistakes of the user become one message and exit code 2, failed runs exit code 1."""

    @functools.wraps(command)
    def wrapped(*arguments, **options):
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


def fail(error, code):
    """Print an error and end the command."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        where = f": '{error.filename}'" if error.filename else ""
        text = f"openmm-lps: {error.strerror}{where}; check the path, its permissions and the room on the disk"
    console(stderr=True).print(Text.assemble(("Error", "bold red"), " ", text or type(error).__name__), soft_wrap=True)
    raise typer.Exit(code)


def table(rows, *headings, title=None):
    """A plain table; rows of strings."""
    result = Table(*headings, title=title, title_justify="left", show_header=bool(headings), box=None, pad_edge=False)
    if not headings:
        result.add_column(style="bold", no_wrap=True)
        result.add_column(overflow="fold")
    for row in rows:
        result.add_row(*row)
    return result


class ConsoleMonitor(Monitor):
    """Shows a run: a progress bar in a terminal, a line now and then elsewhere.

    A terminal that goes away must not end a simulation: from then on this keeps silent.
    """

    def __init__(self, timestep):
        self._console = console()
        self._timestep = timestep
        self._bar = None
        self._said = time.monotonic()
        self._silent = False

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._safely(self._stop)

    def message(self, text):
        self._safely(lambda: self._console.print(text, soft_wrap=True))

    def begin(self, total_steps, step, details):
        self._safely(lambda: self._begin(total_steps, step, details))

    def progress(self, step, total_steps, ns_per_day, seconds_left, values):
        self._safely(lambda: self._progress(step, total_steps, ns_per_day, seconds_left, values))

    def _safely(self, action):
        if not self._silent:
            try:
                action()
            except OSError:
                self._silent = True

    def _stop(self):
        if self._bar is not None:
            self._bar.stop()

    def _begin(self, total_steps, step, details):
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

    def _progress(self, step, total_steps, ns_per_day, seconds_left, values):
        temperature = f"{values['temperature_K']:.0f} K, " if values else ""
        speed = f"{ns_per_day:.3g} ns/day, {format_clock(seconds_left)} left"
        status = f"{format_time(step * self._timestep)}, {temperature}{speed}"
        if self._bar is not None:
            self._bar.update(self._task, completed=step, status=status)
        elif time.monotonic() - self._said > LINE_SECONDS:
            self._said = time.monotonic()
            self._console.print(f"{100 * step / total_steps:.0f} %  {status}")
