# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""index.html of a study: a page without a server that shows where every task is, and reloads itself while tasks run."""

from __future__ import annotations

from html import escape
from pathlib import Path

from openmmlps.app.quantities import format_clock
from openmmlps.app.replace import replace_file

from .progress import StudyProgress, TaskProgress
from .study_folder import StudyFolder

_STYLE = (Path(__file__).resolve().parent.parent / "report" / "style.css").read_text(encoding="utf-8")
_OWN = """
header, main { max-width: 1160px; }
td.bar { width: 22%; min-width: 90px; }
.track { background: var(--soft); border: 1px solid var(--line); border-radius: 3px; height: 12px; }
.track div { background: var(--accent); height: 100%; border-radius: 2px; }
.failed, .skipped { color: var(--warn); }
.whole { max-width: 520px; margin: 14px 0; }
"""


def write_page(folder: StudyFolder, found: StudyProgress) -> None:
    """Replace index.html.

    Parameters
    ----------
    folder : StudyFolder
        of the study
    found : StudyProgress
        what is shown
    """
    refresh = '<meta http-equiv="refresh" content="10">' if found.state == "running" else ""
    left = f", {format_clock(found.seconds_left)} left" if found.seconds_left is not None else ""
    report = '<p><a href="report.html">Report</a></p>' if (folder.path / "report.html").is_file() else ""
    rows = "".join(_row(folder, item) for item in found.tasks)
    content = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
{refresh}<link rel="icon" href="data:,"><title>{escape(found.title)}: {100 * found.fraction:.0f} %</title>
<style>{_STYLE}{_OWN}</style></head><body>
<header><p class="kind">Study, {escape(found.state)}</p><h1>{escape(found.title)}</h1>
<p class="about">{100 * found.fraction:.1f} % done{left}. {escape(found.counts())}. Updated {escape(found.updated)}.</p>
<div class="whole">{_bar(found.fraction)}</div>{report}</header>
<main><div class="scroll"><table><thead><tr><th>task</th><th>state</th><th>done</th><th>stage</th><th>ns/day</th><th>left</th>
<th>stops</th></tr></thead><tbody>{rows}</tbody></table></div></main></body></html>
"""
    replace_file(folder.page, content.encode(), synchronise=False)


def _row(folder: StudyFolder, item: TaskProgress) -> str:
    log = folder.logs / f"{item.name}.log"
    name = escape(item.name)
    if item.state in ("failed", "skipped") and log.is_file():
        name = f'<a href="logs/{name}.log">{name}</a>'
    state = escape(item.state) + (f"<br><small>{escape(item.message)}</small>" if item.message else "")
    speed = f"{item.ns_per_day:.3g}" if item.ns_per_day else ""
    left = format_clock(item.seconds_left) if item.seconds_left is not None else ""
    cells = (escape(item.stage), speed, left, str(item.tries or ""))
    return (
        f'<tr><td>{name}</td><td class="{item.state}">{state}</td><td class="bar">{_bar(item.fraction)}</td>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
    )


def _bar(fraction: float) -> str:
    return f'<div class="track" title="{100 * fraction:.1f} %"><div style="width: {100 * fraction:.1f}%"></div></div>'
