"""What was measured, as curves and marks in panels: arrays in, a matplotlib Figure out."""

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import ArrayLike

from naign.pages.style import DATA, WIDEST, Text, below, done, grid, mark, own, style

Curve = tuple[Sequence[float], ArrayLike]  # x (k,), y (k,) or (seeds, k)
Histories = dict[str, Sequence[dict[str, list[float]]]]  # label -> one history a seed
TERMS = {"rec": "rec", "imle": "imle", "idem": "idem", "|tight|": "tight"}


def lines(
    panels: dict[str, dict[str, Curve]], x: Text, y: Text, each: bool = False, shades: bool = False, **look: object
) -> Figure:
    """Curves by label, in panels: the mean over seeds and, shaded, the smallest to the largest.

    Parameters
    ----------
    panels : title -> label -> curve, drawn as `naign.pages.style.style` says of the label
    each : a line a seed instead
    shades : colours from light to dark in the order of the labels instead, for the steps of one setting
    x, y, look : see `figure`; and points, for a dot at every point
    """
    dots = {"marker": ".", "ms": 4} if look.pop("points", False) else {}

    def draw(ax: Axes, curves: dict[str, Curve]) -> None:
        for i, (label, (at, values)) in enumerate(curves.items()):
            shade = plt.get_cmap("viridis_r")(0.15 + 0.85 * i / max(1, len(curves) - 1))
            line = {"color": shade} if shades else style(label)
            values = np.atleast_2d(values)
            for k, one in enumerate(values if each else [values.mean(0)]):
                ax.plot(at, one, label=None if k else label, lw=0.9 if each else 1.3, **line, **dots)
            if not each:
                ax.fill_between(at, values.min(0), values.max(0), color=line["color"], alpha=0.15, lw=0)

    return figure(panels, draw, x, y, **look)


def scatter(panels: dict[str, dict[str, ArrayLike]], x: Text, y: Text, fine: bool = False, **look: object) -> Figure:
    """Points by label, in panels.

    Parameters
    ----------
    panels : title -> label -> points (n, 2), drawn as `naign.pages.style.mark` says of the label
    fine : dots instead, for thousands of points
    x, y, look : see `figure`
    """

    def draw(ax: Axes, points: dict[str, ArrayLike]) -> None:
        for label, pairs in points.items():
            dots = {"s": 1.5, "lw": 0, "alpha": 0.35, "color": style(label)["color"], "rasterized": True}
            ax.scatter(*np.transpose(pairs), label=label, **(dots if fine else {"s": 30, **mark(label)}))

    return figure(panels, draw, x, y, **look)


def figure(
    panels: dict[str, dict],
    draw: Callable[[Axes, dict], None],
    x: Text,
    y: Text,
    columns: int = 3,
    share: str = "y",
    diagonal: bool = False,
    **axes: object,
) -> Figure:
    """A panel a title, and one legend below if a panel has several labels.

    Parameters
    ----------
    panels : title -> label -> what `draw` puts into the axes
    x, y : names of the axes; here and among `axes` a list holds one for each panel
    columns : at most so many panels side by side
    share : the axes that are the same for all panels: "", "x", "y" or "xy"
    diagonal : whether to draw the line y = x
    axes : level, the height of a dotted line, and as in `matplotlib.axes.Axes.set`: yscale, xlim, ...
    """
    columns = 2 if len(panels) == 4 else min(columns, len(panels))
    look = {"x": x, "y": y, "sharex": "x" in share, "sharey": "y" in share}
    result, places = grid(panels, 2.6, columns, WIDEST if columns > 1 else 5, **look)
    handles = {}
    for i, (ax, content) in enumerate(zip(places, panels.values(), strict=True)):
        draw(ax, content)
        if diagonal:
            ax.axline((0, 0), slope=1, color=DATA, ls=":", lw=1, zorder=1)
        settings = {name: own(value, i) for name, value in axes.items() if own(value, i) is not None}
        if "level" in settings:
            ax.axhline(settings.pop("level"), color=DATA, ls=":", lw=1)
        ax.set(**settings)
        for axis in (ax.xaxis, ax.yaxis):
            if axis.get_scale() == "log":
                _few_ticks(axis)
        handles |= {label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    if max(map(len, panels.values())) > 1:
        below(result, handles)
    return done(result)


def _few_ticks(axis: Axis) -> None:
    """Ticks at 1, 2 and 5 of every decade, in plain numbers; at 1 alone where an axis has more than two decades."""
    low, high = axis.get_view_interval()
    axis.set_minor_formatter(NullFormatter())
    if high / low <= 100:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")


def cells(panels: dict[str, pd.DataFrame], x: Text, y: Text, label: str, spec: str = ".2f") -> Figure:
    """The mean of a score for each pair of two settings, a coloured cell with mean and spread, on one scale.

    panels : title -> the scores of all runs at y (index) and x (columns), a list each, NaN where there is none
    spec : how numbers are written
    """
    means = {title: frame.map(np.mean) for title, frame in panels.items()}
    low, high = min(m.min(axis=None) for m in means.values()), max(m.max(axis=None) for m in means.values())
    figure, axes = grid(panels, 2.5, 2, x=x, y=y, sharex=True, sharey=True)
    for ax, (title, mean) in zip(axes, means.items(), strict=True):
        shown = ax.imshow(mean, vmin=low, vmax=high, cmap="cividis", aspect="auto", origin="lower")
        ax.set_xticks(range(len(mean.columns)), mean.columns)
        ax.set_yticks(range(len(mean.index)), mean.index)
        for (i, j), value in np.ndenumerate(mean):
            scores = np.atleast_1d(panels[title].iloc[i, j])
            text = f"{value:{spec}}" + (f"\n±{scores.std(ddof=1):{spec}}" if len(scores) > 1 else "")
            colour = "white" if value < (low + high) / 2 else "black"
            ax.text(j, i, text, ha="center", va="center", fontsize=9.5, color=colour)
    done(figure).colorbar(shown, ax=list(axes), label=label, shrink=0.85)
    return figure


def history(histories: Histories, term: str) -> dict[str, Curve]:
    """Steps and the size of a term of the loss by label, a row a seed; where a warm start leaves it out, a gap."""
    curves = {}
    for label, runs in histories.items():
        values = np.abs([run.get(term, [0.0] * len(run["step"])) for run in runs])
        if values.any():
            curves[label] = (runs[0]["step"], np.where(values == 0, np.nan, values))
    return curves


def losses(histories: Histories) -> Figure:
    """Every term of the loss against the step, a panel a term, a line a seed."""
    panels = {title: history(histories, term) for title, term in TERMS.items()}
    panels = {title: curves for title, curves in panels.items() if curves}
    return lines(panels, "step", "loss term (log scale)", each=True, share="", yscale="log")
