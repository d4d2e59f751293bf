"""Samples on the line and in the plane, and the shares of their modes: arrays in, a matplotlib Figure out."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from naign.pages.style import COLOURS, DATA, P_DATA, P_Z, SOURCE, WIDEST, Pair, figure

COLUMNS = (P_DATA, r"$f(x)$", P_Z, r"$f(z)$", r"$f(f(z))$")
Pull = tuple[ArrayLike, ArrayLike, Sequence[tuple[int, int]]]


def five_columns(rows: dict[str, Sequence[ArrayLike]], limits: Pair) -> Figure:
    """Figures 2 and 3: a row a method, the data in grey behind p_Z, f(z) and f(f(z)).

    rows : label -> (x, f(x), z, f(z), f(f(z))), each (n, 1) or (n, 2), x the same for all
    """
    data = next(iter(rows.values()))[0]
    return samples({label: dict(zip(COLUMNS, row, strict=True)) for label, row in rows.items()}, data, limits)


def samples(rows: dict[str, dict[str, ArrayLike]], data: ArrayLike, limits: Pair) -> Figure:
    """Clouds of points by label and column, the data in grey behind them.

    Parameters
    ----------
    rows : label -> title of a column -> (n, 1) or (n, 2)
    data : (m, 1) or (m, 2)
    limits : smallest and largest coordinate
    """
    titles, line = list(next(iter(rows.values()))), np.shape(data)[1] == 1
    high = 1.3 if line else WIDEST / (len(titles) + 0.5)
    look = {"figsize": (WIDEST, high * len(rows) + 0.5), "sharex": True, "sharey": not line, "squeeze": False}
    result, axes = plt.subplots(len(rows), len(titles), **look)
    plt.close(result)  # a notebook shows it once
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title)
    for places, (label, clouds) in zip(axes, rows.items(), strict=True):
        places[0].set_ylabel(label)
        for ax, (column, points) in zip(places, clouds.items(), strict=True):
            behind = None if column in COLUMNS[:2] else data
            _cloud(ax, np.asarray(points), behind, COLOURS.get(column, COLOURS[label]), limits)
    result.supxlabel("position" if line else "first coordinate", fontsize="medium")
    return result


def _cloud(ax: Axes, points: np.ndarray, data: ArrayLike | None, colour: str, limits: Pair) -> None:
    """A histogram of (n, 1) points, cut at twice the data's height, or a scatter plot of (n, 2) points."""
    if points.shape[1] == 1:
        bins, look = np.linspace(*limits, 121), {"density": True, "histtype": "stepfilled"}
        if data is not None:
            height, _, _ = ax.hist(np.ravel(data), bins, color="0.82", **look)
            ax.set_ylim(0, 2 * height.max())
        ax.hist(points[:, 0], bins, color=colour, alpha=0.85, **look)
        ax.set_yticks([])
    else:
        if data is not None:
            ax.scatter(*np.transpose(data), s=2, c="0.8", linewidths=0, rasterized=True)
        ax.scatter(*points.T, s=1.2, c=colour, linewidths=0, rasterized=True)
        ax.set(xlim=limits, ylim=limits, aspect="equal")


def pulls(panels: dict[str, Pull]) -> Figure:
    """Who is pulled to whom: title -> f(z) (m, 2), x (n, 2), [(index of f(z), index of x), ...]."""

    def draw(ax: Axes, pull: Pull) -> None:
        fz, x = map(np.asarray, pull[:2])
        for i, j in pull[2]:
            ax.annotate("", x[j], fz[i], arrowprops={"arrowstyle": "->", "color": "0.6", "lw": 0.7, "shrinkB": 1})
        pulled = np.isin(np.arange(len(fz)), [i for i, _ in pull[2]])
        ax.scatter(*x.T, s=26, color=DATA, marker="x", lw=1.2, label="x")
        ax.scatter(*fz[pulled].T, s=16, color=SOURCE, label="f(z)", zorder=3)
        ax.scatter(*fz[~pulled].T, s=16, facecolors="none", edgecolors=SOURCE, label="f(z), no pull")
        ax.set(xticks=[], yticks=[], aspect="equal")

    return figure(panels, draw, height=2.5)


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
