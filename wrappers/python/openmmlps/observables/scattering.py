# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Structure factors of glasses, weighted as neutrons and X-rays see them, with partials and published curves."""

from __future__ import annotations

from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.analysis.scattering import xray_structure_factor
from openmmlps.report.content import Figure, Headline, Measured, Section, rows_of
from openmmlps.report.style import DASHED, MUTED, SERIES, picture

from .observable import QUENCH, Curve, Needs, Observable, Result, Sample, Value

_Q_MAX, _Q_STEP = 10.0, 0.1  # 1/angstrom
_BROADENING = 0.1  # standard deviation of the Gaussian of the bold line, 1/angstrom
_LEAST_FRAMES = 10


def _compute(sample: Sample) -> Result:
    state, material = sample.coldest, sample.material
    trajectories = state.require(NEEDS, "structure factor")
    frames = max(_LEAST_FRAMES, NEEDS.frames // len(trajectories))
    each = [
        analysis.structure_factor_direct(
            Needs(frames).take(item), q_max=_Q_MAX, q_step=_Q_STEP, overrides=material.overrides()
        )
        for item in trajectories
    ]
    grid = np.arange(0.5, round(_Q_MAX / _Q_STEP)) * _Q_STEP
    grid = grid[(grid >= max(one.q_per_angstrom[0] for one in each))]
    put = lambda q, s: np.interp(grid, q, s)
    neutron = np.array([put(one.q_per_angstrom, one.neutron) for one in each])
    curves = {"neutron": neutron}
    concentrations = {element: count / sum(material.counts.values()) for element, count in material.counts.items()}
    try:
        curves["X-ray"] = np.array(
            [put(one.q_per_angstrom, xray_structure_factor(one, concentrations)) for one in each]
        )
    except ValueError:  # no form factor of an element
        pass
    partial = {
        pair: np.mean([put(one.q_per_angstrom, one.partial[pair]) for one in each], axis=0) for pair in each[0].partial
    }
    interference = np.mean([put(one.q_per_angstrom, one.neutron_interference_fm2) for one in each], axis=0)
    section, result = Section("scattering", sample.at("Structure factor", state)), Result()
    for kind, values in curves.items():
        mean = values.mean(0)
        section.add(_figure(sample, kind, grid, mean))
        result.curves.append(Curve("structure_factor", kind, grid, broadened(grid, mean), None, state.target_K))
        peaks = [_first_peak(grid, one) for one in values]
        found = Measured.of_samples([peak for peak in peaks if np.isfinite(peak)] or [np.nan])
        result.values.append(Value("structure_factor_peak", found, kind, state.target_K))
        if kind == "neutron":
            known = sample.references.quote("structure_factor_peak", kind) if sample.references else ""
            value = str(found) if np.isfinite(found.reach) else f"{found.value:.2f}"
            result.headlines.append(Headline("first peak of S(Q) (1/Å)", value, known))
    columns = ("q_per_angstrom", *(f"s_{kind}" for kind in curves), "interference_neutron_fm2")
    columns += tuple(f"s_{a}_{b}" for a, b in partial)
    section.add(_partials_figure(sample, grid, partial, columns, [*(v.mean(0) for v in curves.values()), interference]))
    isotopes = ", ".join(material.isotopes.values()) or "natural isotopes"
    section.paragraphs.append(
        f"Faber–Ziman, {isotopes}, from wave vectors of the cell, so there are no truncation ripples; below the first vector of "
        f"the cell there is no information. Bold: broadened by a Gaussian of {_BROADENING:g} Å⁻¹. The table of the partials also has "
        "the interference Σ c_a c_b b_a b_b (S_ab − 1), which is not normalized."
    )
    result.section = section
    return result


def broadened(q: np.ndarray, s: np.ndarray) -> np.ndarray:
    """S(Q) on an even grid, broadened by a Gaussian.

    Parameters
    ----------
    q, s : np.ndarray, [m]
        1/angstrom, and S(Q)

    Returns
    -------
    np.ndarray
        [m]
    """
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(s, _BROADENING / (q[1] - q[0]), mode="nearest")


def _first_peak(q: np.ndarray, s: np.ndarray) -> float:
    try:
        return float(analysis.first_sharp_diffraction_peak(q, s).position_per_angstrom)
    except ValueError:
        return float("nan")


def _figure(sample: Sample, kind: str, q: np.ndarray, s: np.ndarray) -> Figure:
    published = sample.references.curves("structure_factor", kind) if sample.references else {}

    def draw(axes: Any) -> None:
        axes.axhline(1, color="#9aa5af", linewidth=0.8)
        axes.plot(q, s, color=SERIES[0], alpha=0.35, linewidth=0.9)
        axes.plot(q, broadened(q, s), color=SERIES[0], label="this work")
        for color, (source, (x, y)) in zip(SERIES[1:], published.items(), strict=False):
            axes.plot(x, y, color=color, linestyle=DASHED, label=source)
        if published:
            axes.legend()
        axes.set(xlim=(0, _Q_MAX), xlabel="Q (Å⁻¹)", ylabel=f"S(Q), {kind}s")

    peaks = sample.references.find("structure_factor_peak", kind) if sample.references else []
    known = ""
    if peaks:
        known = f" Published peaks: {', '.join(str(row) for row in peaks)} Å⁻¹ ({peaks[0].source})."
    caption = f"Total structure factor as {kind}s see it.{known}"
    name = f"{sample.name}-sq" + ("" if kind == "neutron" else "-xray")
    return Figure(name, caption, picture(draw), ("q_per_angstrom", "s", "s_broadened"), rows_of(q, s, broadened(q, s)))


def _partials_figure(
    sample: Sample,
    q: np.ndarray,
    partial: dict[tuple[str, str], np.ndarray],
    columns: tuple[str, ...],
    whole: list[np.ndarray],
) -> Figure:
    pairs = [(min(pair), max(pair)) for pair in sample.material.pairs]

    def draw(axes: Any) -> None:
        for index, pair in enumerate(pairs):
            base, color = 2.0 * (len(pairs) - 1 - index), SERIES[index % len(SERIES)]
            axes.axhline(base, color=MUTED, linewidth=0.4)
            axes.plot(q, np.clip(broadened(q, partial[pair]) - 1, -1.5, 2.5) + base, color=color, linewidth=1.1)
            axes.text(_Q_MAX - 0.1, base + 0.4, f"{pair[0]}–{pair[1]}", color=color, ha="right", fontsize=9)
        axes.set(xlim=(0, _Q_MAX), xlabel="Q (Å⁻¹)", ylabel="$S_{ab}$(Q) − 1, shifted by 2", yticks=[])

    drawn = picture(draw, height=max(3.2, 0.6 * len(pairs) + 0.8))
    caption = "Partial structure factors, broadened and shifted (cut at −1.5 and 2.5)."
    return Figure(f"{sample.name}-sq-partial", caption, drawn, columns, rows_of(q, *whole, *partial.values()))


NEEDS = Needs(frames=34, average=True)
scattering = Observable("scattering", _compute, "structure-factor", NEEDS, (QUENCH,))
