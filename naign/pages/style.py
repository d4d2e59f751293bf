"""The one look of all figures: what a label is drawn with, panels in a grid, and how a figure is finished."""

from collections.abc import Iterable
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from naign.methods import METHODS
from naign.study.plan import COMPARED

Pair = tuple[float, float]
Text = str | list[str]  # one for all panels, or one for each

plt.rcParams |= {
    "figure.dpi": 110,
    "savefig.facecolor": "white",  # opaque: readable on a dark page too
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 9,
    "legend.frameon": False,
}

DATA, SOURCE = "#4D4D4D", "#009E73"
P_DATA, P_Z = r"$p_{data}(x)$", r"$p_Z(z)$"
OTHERS = {  # what is no method of its own and yet compared: colour, marker
    "autoencoder": (METHODS["dae"].colour, "o"),
    "assignment of a batch": ("#44AA99", "D"),
    P_DATA: (DATA, "o"),
    P_Z: (SOURCE, "o"),
}
COLOURS = {entry.label: entry.colour for entry in METHODS.values()} | {k: c for k, (c, _) in OTHERS.items()}
LINES = {"paper": "--", "autoencoder": "--", "clamp": ":", "wider": "-."}  # by a word of the label
BEYOND = [entry.label for name, entry in METHODS.items() if name not in COMPARED]
MARKERS = dict(zip(BEYOND, cycle("osv<>ph"), strict=False)) | {k: m for k, (_, m) in OTHERS.items()}
CHANGES = {"long": "*", "5 layers": "X", "Muon": "P"}  # a marker by what follows the comma


def style(label: str) -> dict[str, str]:
    """Colour and line of a curve: the colour of what stands before the comma, the line of the settings after it.

    Solid: our settings; dashed: the paper's; dotted: clamped; dash-dotted: wider. What is no method, such as
    the data's own scores, is dotted grey.
    """
    method = label.split(",")[0]
    if method not in COLOURS:
        return {"color": DATA, "ls": ":"}
    return {"color": COLOURS[method], "ls": next((line for word, line in LINES.items() if word in label), "-")}


def mark(label: str) -> dict[str, str]:
    """Colour and marker of a run: hollow if AdamW trained it, which the paper's methods are unless Muon is said."""
    method, _, change = label.partition(", ")
    if method not in COLOURS:
        return {"color": "0.6", "marker": "+"}
    marker = {"marker": CHANGES.get(change, MARKERS.get(method, "s"))}
    if change == "AdamW" or (method not in MARKERS and change != "Muon"):
        return marker | {"facecolors": "none", "edgecolors": COLOURS[method]}
    return marker | {"color": COLOURS[method]}


def grid(
    titles: Iterable[str], width: float, height: float, columns: int = 99, more: Pair = (0, 0), **look: object
) -> tuple[Figure, np.ndarray]:
    """A figure with a panel a title, line by line, and the axes of these panels (n,).

    Parameters
    ----------
    width, height : of a panel, in inches
    columns : at most so many side by side
    more : width and height of what stands beside the panels, in inches
    look : x and y, the names of the axes, shown where nothing is below or to the left, or everywhere if they are
        lists; size, of the titles; sharex, sharey, as in `matplotlib.pyplot.subplots`
    """
    titles = list(titles)
    columns = min(columns, len(titles))
    rows = -(-len(titles) // columns)
    x, y, size = look.pop("x", ""), look.pop("y", ""), look.pop("size", "large")
    inches = (width * columns + more[0], height * rows + more[1])
    figure, axes = plt.subplots(rows, columns, figsize=inches, squeeze=False, **look)
    for ax in axes.flat[len(titles) :]:
        ax.remove()
    axes = axes.flat[: len(titles)]
    for i, (ax, title) in enumerate(zip(axes, titles, strict=True)):
        ax.set_title(title, fontsize=size)
        if isinstance(x, list) or i + columns >= len(titles):
            ax.set_xlabel(own(x, i))
        if isinstance(y, list) or i % columns == 0:
            ax.set_ylabel(own(y, i))
    return figure, axes


def own(value: object, i: int) -> object:
    """What panel i has of a value for all, or of a list with one for each."""
    return value[i] if isinstance(value, list) else value


def done(figure: Figure, **room: object) -> Figure:
    """The figure, laid out; room : rect, as in `matplotlib.figure.Figure.tight_layout`."""
    figure.tight_layout(**room)
    plt.close(figure)  # a notebook would show it twice
    return figure
