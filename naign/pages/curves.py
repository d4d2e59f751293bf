"""What was measured, as curves, marks, cells and bars in panels: arrays in, a matplotlib Figure out."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from naign.pages.style import COLOURS, SOURCE, Text, figure, mark, style

Curve = tuple[Sequence[float], ArrayLike]  # x (k,), y (k,) or (seeds, k)
Histories = dict[str, Sequence[dict[str, list[float]]]]  # label -> one history a seed
TERMS = {"rec": "rec", "imle": "imle", "idem": "idem", "|tight|": "tight"}
LOOK = {"share": "y", "alone": 5}


def lines(
    panels: dict[str, dict[str, Curve]], x: Text, y: Text, each: bool = False, shades: bool = False, **look: object
) -> Figure:
    """Curves by label, in panels: the mean over seeds and, shaded, the smallest to the largest.

    Parameters
    ----------
    panels : title -> label -> curve, drawn as `naign.pages.style.style` says of the label
    each : a line a seed instead
    shades : colours from light to dark in the order of the labels instead, for the steps of one setting
    x, y, look : see `naign.pages.style.figure`; and points, for a dot at every point
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

    return figure(panels, draw, x, y, **LOOK | look)


def scatter(panels: dict[str, dict[str, ArrayLike]], x: Text, y: Text, fine: bool = False, **look: object) -> Figure:
    """Points by label, in panels.

    Parameters
    ----------
    panels : title -> label -> points (n, 2), drawn as `naign.pages.style.mark` says of the label
    fine : dots instead, for thousands of points
    x, y, look : see `naign.pages.style.figure`
    """

    def draw(ax: Axes, points: dict[str, ArrayLike]) -> None:
        for label, pairs in points.items():
            dots = {"s": 1.5, "lw": 0, "alpha": 0.35, "color": style(label)["color"], "rasterized": True}
            ax.scatter(*np.transpose(pairs), label=label, **(dots if fine else {"s": 30, **mark(label)}))

    return figure(panels, draw, x, y, **LOOK | look)


def cells(panels: dict[str, pd.DataFrame], x: Text, y: Text, label: str, spec: str = ".2f") -> Figure:
    """The mean of a score for each pair of two settings, a coloured cell with mean and spread, on one scale.

    panels : title -> the scores of all runs at y (index) and x (columns), a list each, NaN where there is none
    spec : how numbers are written
    """
    means = [frame.map(np.mean) for frame in panels.values()]
    low, high = min(m.min(axis=None) for m in means), max(m.max(axis=None) for m in means)

    def draw(ax: Axes, frame: pd.DataFrame) -> None:
        mean = frame.map(np.mean)
        ax.imshow(mean, vmin=low, vmax=high, cmap="cividis", aspect="auto", origin="lower")
        ax.set_xticks(range(len(mean.columns)), mean.columns)
        ax.set_yticks(range(len(mean.index)), mean.index)
        for (i, j), value in np.ndenumerate(mean):
            scores = np.atleast_1d(frame.iloc[i, j])
            text = f"{value:{spec}}" + (f"\n±{scores.std(ddof=1):{spec}}" if len(scores) > 1 else "")
            colour = "white" if value < (low + high) / 2 else "black"
            ax.text(j, i, text, ha="center", va="center", fontsize=9.5, color=colour)

    return figure(panels, draw, x, y, height=2.5, share="xy", bar=label)


def mode_shares(
    shares: dict[str, ArrayLike], truth: ArrayLike, floor: ArrayLike | None = None, mode: str = "mode"
) -> Figure:
    """Each mode's share of f(z), a bar a method with the range over seeds: label -> (seeds, K)."""

    def draw(ax: Axes, seeds: dict[str, np.ndarray]) -> None:
        means = pd.DataFrame({label: values.mean(0) for label, values in seeds.items()})
        reach = [np.abs([v.min(0) - v.mean(0), v.max(0) - v.mean(0)]) for v in seeds.values()]
        look = {"width": 0.8, "color": COLOURS, "rot": 0, "error_kw": {"ecolor": "0.2", "elinewidth": 0.8}}
        means.plot.bar(ax=ax, yerr=np.stack(reach), legend=False, **look)
        x = np.arange(len(truth))
        ax.hlines(truth, x - 0.45, x + 0.45, "k", lw=1, label="true share")
        if floor is not None:
            ax.hlines(floor, x - 0.45, x + 0.45, SOURCE, linestyles="--", lw=1.4, label="mass floor")

    return figure({"": {label: np.atleast_2d(values) for label, values in shares.items()}}, draw, mode, "share of f(z)")


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
    panels = {title: curves for title, term in TERMS.items() if (curves := history(histories, term))}
    return lines(panels, "step", "loss term (log scale)", each=True, share="", yscale="log")
