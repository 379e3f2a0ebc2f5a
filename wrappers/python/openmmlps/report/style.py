# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""One look for all pictures: sized so that they stay legible in a two-column page and on a phone."""

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

INK, MUTED, GRID = "#22303c", "#5f6c78", "#e6eaee"
ELEMENT_COLORS = {
    **dict.fromkeys(("Li", "Na", "K"), "#7a5cc4"),
    **dict.fromkeys(("Ag", "Cu"), "#8d99ae"),
    **dict.fromkeys(("P", "As", "Sb"), "#e07b39"),
    **dict.fromkeys(("S", "Se", "Te"), "#d9b310"),
    **dict.fromkeys(("Si", "Ge", "Sn", "B", "Al"), "#4d7ea8"),
    **dict.fromkeys(("Cl", "F"), "#3f9b4f"),
    **dict.fromkeys(("Br", "I"), "#8a4f7d"),
    **dict.fromkeys(("W", "Mo"), "#2f6f73"),
    "O": "#c8453d",
    "N": "#3566a8",
}
#: for lines and bars without an element; distinguishable also when colors are seen weakly
SERIES = ("#2a6f97", "#c8553d", "#3f8f5f", "#8a5a9e", "#b08a1e", "#5b6b78", "#d07a9a", "#4ba3a8")
DASHED = (0, (4, 3))
WIDTH, HEIGHT = 5.2, 3.6  # inches
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "openmm-lps",  # the same picture is the same file
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.handlelength": 1.4,
    "legend.borderaxespad": 0.3,
}
#: temperatures from cold to hot
_COLD, _MIDDLE, _HOT = (0.16, 0.44, 0.59), (0.45, 0.42, 0.55), (0.78, 0.33, 0.24)


@dataclass(frozen=True)
class Picture:
    """A drawn picture, or why there is none."""

    png: bytes  #: empty if it could not be drawn
    problem: str = ""
    svg: bytes = b""  #: the same as vectors


def picture(
    draw: Callable[[Any], None], height: float = HEIGHT, rows: int = 1, columns: int = 1, **subplots: Any
) -> Picture:
    """Draw a figure as PNG, with the Agg canvas whatever backend the surroundings ask for.

    A picture never ends what it illustrates: one that fails says why instead.

    Parameters
    ----------
    draw : callable
        called with the axes (one, or an array)
    height : float
        inches
    rows, columns : int
        of axes
    **subplots
        options of ``matplotlib.figure.Figure.subplots``

    Returns
    -------
    Picture
    """
    try:
        with _matplotlib():
            from matplotlib import rc_context
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.backends.backend_svg import FigureCanvasSVG
            from matplotlib.figure import Figure

            with rc_context(_STYLE):
                figure = Figure(figsize=(WIDTH, height), dpi=180, layout="constrained", facecolor="white")
                draw(figure.subplots(rows, columns, **subplots))
                memory = io.BytesIO()
                FigureCanvasAgg(figure).print_png(memory, metadata={"Software": None})
                # Laid out once: again for the vectors, it would take as long as the drawing.
                figure.set_layout_engine("none")
                vectors = io.BytesIO()
                FigureCanvasSVG(figure).print_svg(vectors, metadata={"Date": None, "Creator": None})
        return Picture(memory.getvalue(), "", vectors.getvalue())
    except Exception as error:  # noqa: BLE001  fonts, caches, versions: drawing fails in more ways than can be named
        return Picture(b"", f"{type(error).__name__}: {' '.join(str(error).split())}")


@contextlib.contextmanager
def _matplotlib() -> Iterator[None]:
    """Hides MPLBACKEND while Matplotlib is imported, which refuses to be with the name of a backend that is not there."""
    wanted = os.environ.pop("MPLBACKEND", None)
    try:
        yield
    finally:
        if wanted is not None:
            os.environ["MPLBACKEND"] = wanted


def heat(index: int, count: int) -> tuple[float, ...]:
    """Color of temperature number `index` of `count`, cold to hot."""
    share = index / max(1, count - 1)
    low, high, part = (_COLD, _MIDDLE, 2 * share) if share < 0.5 else (_MIDDLE, _HOT, 2 * share - 1)
    return tuple(a + part * (b - a) for a, b in zip(low, high, strict=True))


def element_color(symbol: str) -> str:
    """Color of an element."""
    return ELEMENT_COLORS.get(symbol, SERIES[5])


def chemical(text: str) -> str:
    """Formulas with subscripts and charges for matplotlib, as in PS$_4^{3-}$."""
    match = re.fullmatch(r"([A-Za-z0-9]+)(?:\((\d*)([+-])\))?(\*?)", text)
    if not match:
        return text
    formula, size, sign, star = match.groups()
    body = re.sub(r"(\d+)", r"$_{\1}$", formula)
    charge = f"$^{{{size if size not in ('', '1') else ''}{'−' if sign == '-' else '+'}}}$" if sign else ""
    return f"{body}{charge}{star}"
