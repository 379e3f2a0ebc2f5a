# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""One look for all pictures: sized so that they stay legible in a two-column page and on a phone."""

import io

INK, MUTED, GRID = "#22303c", "#5f6c78", "#e6eaee"
ELEMENT_COLOURS = {"Li": "#7a5cc4", "P": "#e07b39", "S": "#d9b310", "Si": "#4d7ea8", "Cl": "#3f9b4f", "Ge": "#4d7ea8"}
#: for lines and bars without an element; distinguishable also when colours are seen weakly
SERIES = ("#2a6f97", "#c8553d", "#3f8f5f", "#8a5a9e", "#b08a1e", "#5b6b78", "#d07a9a", "#4ba3a8")
WIDTH, HEIGHT = 5.2, 3.6  # inches
_STYLE = {
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
_COLD, _HOT = (0.16, 0.44, 0.59), (0.78, 0.33, 0.24)


def picture(draw, height=HEIGHT, rows=1, columns=1, **subplots):
    """Draw a figure and return it as PNG bytes.

    :param draw: called with the axes (one, or an array)
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, height), dpi=180, layout="constrained", facecolor="white")
        axes = figure.subplots(rows, columns, **subplots)
        draw(axes)
        memory = io.BytesIO()
        FigureCanvasAgg(figure).print_png(memory, metadata={"Software": None})
    return memory.getvalue()


def heat(index, count):
    """Colour of temperature number `index` of `count`, cold to hot."""
    share = index / max(1, count - 1)
    middle = (0.45, 0.42, 0.55)
    low, high, part = (_COLD, middle, 2 * share) if share < 0.5 else (middle, _HOT, 2 * share - 1)
    return tuple(a + part * (b - a) for a, b in zip(low, high, strict=True))


def element_colour(symbol):
    """Colour of an element."""
    return ELEMENT_COLOURS.get(symbol, "#5b6b78")


def chemical(text):
    """Formulas with subscripts and charges for matplotlib, as in PS$_4^{3-}$."""
    import re

    match = re.fullmatch(r"([A-Za-z0-9]+)(?:\((\d*)([+-])\))?(\*?)", text)
    if not match:
        return text
    formula, size, sign, star = match.groups()
    body = re.sub(r"(\d+)", r"$_{\1}$", formula)
    charge = f"$^{{{size if size not in ('', '1') else ''}{'−' if sign == '-' else '+'}}}$" if sign else ""
    return f"{body}{charge}{star}"
