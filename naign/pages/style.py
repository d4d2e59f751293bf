"""The one look of all figures (`style.mplstyle`): what a label is drawn with, and panels side by side."""

import textwrap
from collections.abc import Callable, Sized
from itertools import cycle
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from naign.methods import METHODS
from naign.study.plan import COMPARED

Pair = tuple[float, float]
Text = str | list[str]  # one for all panels, or one for each

WIDEST = 6.6  # inches; a page shows them as wide as its text, beside which type of 11 points is then as large
plt.style.use("naign.pages.style")

DATA, SOURCE = "#4D4D4D", "#009E73"
P_DATA, P_Z = r"$p_{data}(x)$", r"$p_Z(z)$"
COLOURS = {entry.label: entry.colour for entry in METHODS.values()} | {P_DATA: DATA, P_Z: SOURCE}
COLOURS |= {"autoencoder": METHODS["dae"].colour, "assignment of a batch": "#44AA99"}  # no methods of their own
LINES = {"paper": "--", "autoencoder": "--", "clamp": ":", "bf16": ":", "wider": "-."}  # by a word of the label
BEYOND = [entry.label for name, entry in METHODS.items() if name not in COMPARED]
MARKERS = dict(zip(BEYOND, cycle("osv<>ph"), strict=False)) | {"assignment of a batch": "D"}
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


def figure(
    panels: dict[str, Any],
    draw: Callable[[Axes, Any], None],
    x: Text = "",
    y: Text = "",
    height: float = 2.6,
    alone: float = WIDEST,
    share: str = "",
    diagonal: bool = False,
    bar: str = "",
    **axes: object,
) -> Figure:
    """A panel a title, at most three side by side, and one legend below if a panel has several labels.

    Parameters
    ----------
    panels : title -> what `draw` puts into the axes
    x, y : names of the axes; here and among `axes` a list holds one for each panel
    height : of a panel, in inches
    alone : width of the figure, in inches, if it has one panel
    share : the axes that are the same for all panels: "", "x", "y" or "xy"
    diagonal : whether to draw the line y = x
    bar : name of the colours, on the one scale of all images
    axes : level, the height of a dotted line, and as in `matplotlib.axes.Axes.set`: yscale, xlim, ...
    """
    count, columns = len(panels), side_by_side(panels)
    size = (WIDEST if columns > 1 else alone, height * -(-count // columns))
    look = {"squeeze": False, "sharex": "x" in share, "sharey": "y" in share}
    result, places = plt.subplots(-(-count // columns), columns, figsize=size, **look)
    plt.close(result)  # a notebook shows it once
    for ax in places.flat[count:]:
        ax.remove()
    letters = int(11 * size[0] / columns)
    for i, (ax, title) in enumerate(zip(result.axes, panels, strict=True)):
        draw(ax, panels[title])
        if diagonal:
            ax.axline((0, 0), slope=1, color=DATA, ls=":", lw=1, zorder=1)
        settings = {name: _own(value, i) for name, value in axes.items() if _own(value, i) is not None}
        if "level" in settings:
            ax.axhline(settings.pop("level"), color=DATA, ls=":", lw=1)
        ax.set(title=title if "$" in title else textwrap.fill(title, letters), **settings)
        if isinstance(x, list) or i + columns >= count:
            ax.set_xlabel(textwrap.fill(_own(x, i), letters))
            ax.tick_params(labelbottom=True)
        if isinstance(y, list) or i % columns == 0:
            ax.set_ylabel(textwrap.fill(_own(y, i), int(12 * height)))
        for axis in (ax.xaxis, ax.yaxis):
            if axis.get_scale() == "log":
                _few_ticks(axis)
            elif columns > 1 and axis.get_view_interval()[1] > 9_999:  # long numbers, which would run into each other
                axis.set_major_locator(MaxNLocator(3))
    if bar:
        result.colorbar(result.axes[0].images[0], ax=result.axes, label=bar, shrink=0.85)
    _legend(result)
    return result


def side_by_side(panels: Sized) -> int:
    """How many panels stand in a line."""
    return 2 if len(panels) in (2, 4) else min(len(panels), 3)


def _own(value: object, i: int) -> object:
    """What panel i has of a value for all, or of a list with one for each."""
    return value[i] if isinstance(value, list) else value


def _few_ticks(axis: Axis) -> None:
    """Ticks at 1, 2 and 5 of every decade, in plain numbers; at 1 alone where an axis has more than two decades."""
    low, high = axis.get_view_interval()
    axis.set_minor_formatter(NullFormatter())
    if high / low <= 100:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")


def _legend(figure: Figure) -> None:
    """Below all panels, in as many columns as its longest label leaves room for."""
    named = [dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True)) for ax in figure.axes]
    if max(map(len, named)) > 1:
        handles = {label: handle for one in named for label, handle in one.items()}
        columns = max(1, min(len(handles), int(11 * figure.get_figwidth() / (max(map(len, handles)) + 5))))
        figure.set_figheight(figure.get_figheight() + 0.2 * -(-len(handles) // columns))
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=columns)
