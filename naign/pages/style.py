"""The one look of all figures: what a label is drawn with, panels in a grid, and how a figure is finished."""

import textwrap
from collections.abc import Iterable
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from naign.methods import METHODS
from naign.study.plan import COMPARED

Pair = tuple[float, float]
Text = str | list[str]  # one for all panels, or one for each

WIDEST = 6.6  # inches; a page shows them as wide as its text, beside which type of 11 points is then as large
MANY = 4  # panels side by side, whose one x name stands below them all
plt.rcParams |= {
    "figure.dpi": 150,
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "white",  # opaque: readable on a dark page too
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 11,
    "axes.titlesize": 11,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 10,
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
    titles: Iterable[str], height: float, columns: int = 99, width: float = WIDEST, more: float = 0, **look: object
) -> tuple[Figure, np.ndarray]:
    """A figure with a panel a title, line by line, and the axes of these panels (n,).

    Parameters
    ----------
    height : of a panel, in inches
    columns : at most so many side by side
    width : of the figure, in inches
    more : height of what stands above or below the panels, in inches
    look : x and y, the names of the axes, one for all panels or a list with one for each; sharex, sharey, as in
        `matplotlib.pyplot.subplots`
    """
    titles = list(titles)
    columns = min(columns, len(titles))
    rows = -(-len(titles) // columns)
    x, y, letters = look.pop("x", ""), look.pop("y", ""), int(11 * width / columns)
    figure, axes = plt.subplots(rows, columns, figsize=(width, height * rows + more), squeeze=False, **look)
    for ax in axes.flat[len(titles) :]:
        ax.remove()
    axes = axes.flat[: len(titles)]
    for i, (ax, title) in enumerate(zip(axes, titles, strict=True)):
        ax.set_title(title if "$" in title else textwrap.fill(title, letters))
        if i + columns >= len(titles):
            ax.tick_params(labelbottom=True)
        if isinstance(x, list) or (columns < MANY and i + columns >= len(titles)):
            ax.set_xlabel(textwrap.fill(own(x, i), letters))
        if isinstance(y, list) or i % columns == 0:
            ax.set_ylabel(textwrap.fill(own(y, i), int(12 * height)))
    if isinstance(x, str) and columns >= MANY:
        figure.supxlabel(x, fontsize="medium")
    return figure, axes


def below(figure: Figure, handles: dict[str, Artist]) -> None:
    """One legend under all panels, in as many columns as its longest label leaves room for."""
    columns = max(1, min(len(handles), int(11 * figure.get_figwidth() / (max(map(len, handles)) + 5))))
    figure.set_figheight(figure.get_figheight() + 0.2 * -(-len(handles) // columns))
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=columns)


def own(value: object, i: int) -> object:
    """What panel i has of a value for all, or of a list with one for each."""
    return value[i] if isinstance(value, list) else value


def done(figure: Figure) -> Figure:
    """The figure, which a notebook shows once."""
    plt.close(figure)
    return figure
