# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""A validation as sections of figures and tables, in the form of a report."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from openmmlps.report.content import Figure, Findings, Headline, Section, Table, rows_of
from openmmlps.report.style import INK, SERIES, element_color, picture

from .data import elements_of
from .errors import binned, summary
from .validation import BOUNDS, Validation

_POINTS = 2000  # of a parity figure
_SOFT = 0.97  # slope of forces below which a potential is called soft


def findings(found: Validation) -> Findings:
    """Everything that the page of a validation shows.

    Parameters
    ----------
    found : Validation
        what was measured

    Returns
    -------
    Findings
        for :func:`openmmlps.report.html.render`
    """
    frames = int(found.errors["frames"])
    result = Findings("", "validation", Path(found.model).name, f"{frames} labelled frames")
    result.results = _results(found)
    result.methods = [
        ("model", found.model),
        ("data", ", ".join(item.frames.name for item in found.sets)),
        ("level of theory", found.level or "not stated by the data"),
        ("committee", f"{found.members} models" if found.members else "none"),
    ]
    result.warnings = _warnings(found)
    result.add(_sets(found), _parity(found), _dependence(found), _committee(found), _stability(found))
    return result


def _results(found: Validation) -> list[Headline]:
    units = {"energy": "meV/atom", "energy shifted": "meV/atom", "force": "eV/Å", "virial": "meV/atom", "slope": ""}
    names = {
        "energy": "energy",
        "energy shifted": "energy, constants per element fitted",
        "force": "force",
        "virial": "virial",
        "slope": "slope of forces",
    }
    lines = []
    order = [*units, *(name for name in found.errors if name.startswith(("force ", "slope ")) and "mae" not in name)]
    for name in order:
        value = found.errors.get(name)
        if value is None:
            continue
        unit = units.get(name, units[name.split()[0]])
        mae = found.errors.get(f"{name} mae")
        label = names.get(name) or name.replace("force ", "force on ").replace("slope ", "slope of forces on ")
        bound = found.bounds.get(name)
        must = "" if bound is None else f"{bound:g} {BOUNDS[name.split()[0]]}"
        detail = "" if mae is None else f"mean absolute {mae:.3g}"
        kind = "" if name.startswith("slope") else "RMSE of the "
        lines.append(Headline(kind + label, f"{value:.3g} {unit}".strip(), must, detail))
    lines.append(Headline("time of an evaluation", f"{found.microseconds_per_atom:.3g} µs/atom"))
    return lines


def _warnings(found: Validation) -> list[str]:
    said = [f"Not good enough: {text}." for text in found.failures]
    slope = found.errors["slope"]
    if slope < _SOFT:
        said.append(
            f"The forces are too soft (slope {slope:.3f}). A surface that is softer by a factor acts like a higher temperature, "
            "so diffusion comes out too fast; correct it with labels of the reference."
        )
    shifted = found.errors.get("energy shifted")
    if shifted is not None and found.errors["energy"] > 3 * shifted + 1:
        said.append(
            "Most of the energy error is a constant per element: another level of theory, or other pseudopotentials."
        )
    return said


def _sets(found: Validation) -> Section:
    elements = elements_of(item.frames for item in found.sets)
    rows = []
    for item in found.sets:
        values = summary([item])
        cells: list[Any] = [item.frames.name, len(item.frames), item.atoms, values["energy"], values["force"]]
        cells += [values.get(f"force {symbol}", "–") for symbol in elements]
        rows.append((*cells, values.get("virial", "–"), values["slope"]))
    columns = ("data", "frames", "atoms", "energy (meV/atom)", "force (eV/Å)", *(f"on {symbol}" for symbol in elements))
    section = Section("errors", "Errors of every system")
    section.add(Table("errors", "Root mean square errors.", (*columns, "virial (meV/atom)", "slope"), tuple(rows)))
    return section


def _parity(found: Validation) -> Section:
    section = Section("parity", "Prediction against label")
    random = np.random.default_rng(1)
    for symbol in elements_of(item.frames for item in found.sets):
        chosen = [(item, item.frames.symbols == symbol) for item in found.sets]
        reference = np.concatenate([item.reference[:, mask].ravel() for item, mask in chosen])
        predicted = np.concatenate([item.force[:, mask].ravel() for item, mask in chosen])
        pick = random.permutation(len(reference))[:_POINTS]
        section.add(_scatter(f"parity-{symbol}", f"Forces on {symbol}.", reference[pick], predicted[pick], symbol))
    reference = np.concatenate([1e3 * (i.frames.energy - np.mean(i.frames.energy)) / i.atoms for i in found.sets])
    predicted = np.concatenate([1e3 * (i.energy - np.mean(i.frames.energy)) / i.atoms for i in found.sets])
    caption = "Energies less the mean of the labels of their system."
    section.add(_scatter("parity-energy", caption, reference, predicted, "", "meV/atom"))
    return section


def _scatter(name: str, caption: str, x: np.ndarray, y: np.ndarray, symbol: str, unit: str = "eV/Å") -> Figure:
    def draw(axes: Any) -> None:
        axes.plot(
            x, y, ".", markersize=2, alpha=0.5, color=element_color(symbol) if symbol else SERIES[0], rasterized=True
        )
        axes.axline((0, 0), slope=1, color=INK, linewidth=0.7)
        axes.set(xlabel=f"label ({unit})", ylabel=f"prediction ({unit})")

    return Figure(name, caption, picture(draw), (f"label ({unit})", f"prediction ({unit})"), rows_of(x, y))


def _dependence(found: Validation) -> Section:
    section = Section("dependence", "Where the errors are")
    size = np.concatenate([np.linalg.norm(item.reference, axis=2).ravel() for item in found.sets])
    error = np.concatenate([np.linalg.norm(item.force_error, axis=2).ravel() for item in found.sets])
    section.add(
        _bins("error-by-force", "Error of the force on an atom, by the size of its label.", size, error, "force (eV/Å)")
    )
    known = [item for item in found.sets if item.frames.kelvin is not None]
    if known:
        kelvin = np.concatenate([item.frames.kelvin for item in known if item.frames.kelvin is not None])
        rms = np.concatenate([np.sqrt((item.force_error**2).mean(axis=(1, 2))) for item in known])
        stated = np.isfinite(kelvin)
        if len(set(kelvin[stated])) > 1:
            caption = "Error of the forces of a frame, by its temperature."
            section.add(_bins("error-by-temperature", caption, kelvin[stated], rms[stated], "temperature (K)"))
    return section


def _bins(name: str, caption: str, keys: np.ndarray, errors: np.ndarray, label: str) -> Figure:
    means, squares, members = binned(keys, errors)

    def draw(axes: Any) -> None:
        axes.plot(means, squares, "o-", color=SERIES[0], markersize=4)
        axes.set(xlabel=label, ylabel="RMSE (eV/Å)", ylim=(0, None))

    columns = (label, "RMSE (eV/Å)", "members")
    return Figure(name, caption, picture(draw), columns, rows_of(means, squares, members.astype(float)))


def _committee(found: Validation) -> Section | None:
    if not found.committee:
        return None
    quality = found.committee
    section = Section("committee", "Does the committee know?")
    section.paragraphs.append(
        f"{found.members} models. The deviation follows the true error of the first with a rank correlation of "
        f"{quality['atoms']:.2f} over atoms and {quality['frames']:.2f} over frames (largest values)."
    )
    if not math.isnan(quality["threshold"]):
        section.paragraphs.append(
            f"{100 * quality['wrong']:.0f} % of the frames have a largest error above three times the median. A threshold of "
            f"{quality['threshold']:.3g} eV/Å flags 90 % of them, and {100 * quality['flagged']:.0f} % of all frames."
        )
    spread = np.concatenate([item.deviation.max(axis=1) for item in found.sets if item.deviation is not None])
    error = np.concatenate([np.linalg.norm(item.force_error, axis=2).max(axis=1) for item in found.sets])

    def draw(axes: Any) -> None:
        axes.loglog(error, spread, ".", color=SERIES[0])
        axes.set(xlabel="largest error of a frame (eV/Å)", ylabel="largest deviation (eV/Å)")

    columns = ("largest error (eV/Å)", "largest deviation (eV/Å)")
    section.add(
        Figure(
            "committee", "Deviation of the committee against the error.", picture(draw), columns, rows_of(error, spread)
        )
    )
    return section


def _stability(found: Validation) -> Section | None:
    if not found.runs:
        return None
    rows = [(r.name, r.atoms, r.kelvin, r.picoseconds, r.problem or "held") for r in found.runs]
    section = Section("stability", "Short simulations at constant volume")
    section.add(Table("stability", "Runs from the first frame.", ("start", "atoms", "K", "ps", "outcome"), tuple(rows)))
    return section
