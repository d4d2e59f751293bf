"""Samples on the line and in the plane, and the shares of their modes: arrays in, a matplotlib Figure out."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from naign.pages.style import COLOURS, DATA, P_DATA, P_Z, SOURCE, WIDEST, Pair, below, done, grid

COLUMNS = (P_DATA, r"$f(x)$", P_Z, r"$f(z)$", r"$f(f(z))$")


def five_columns(rows: dict[str, Sequence[ArrayLike]], limits: Pair) -> Figure:
    """Figures 2 and 3: a row a method, the data in grey behind p_Z, f(z) and f(f(z)).

    rows : label -> (x, f(x), z, f(z), f(f(z))), each (n, 1) or (n, 2), x the same for all
    """
    data = next(iter(rows.values()))[0]
    return samples({label: dict(zip(COLUMNS, row, strict=True)) for label, row in rows.items()}, data, limits)


def samples(rows: dict[str, dict[str, ArrayLike]], data: ArrayLike, limits: Pair, title: str = "") -> Figure:
    """Clouds of points by label and column, the data in grey behind them.

    Parameters
    ----------
    rows : label -> title of a column -> (n, 1) or (n, 2)
    data : (m, 1) or (m, 2)
    limits : smallest and largest coordinate
    title : of the figure
    """
    columns, line = list(next(iter(rows.values()))), np.shape(data)[1] == 1
    titles = [*columns, *[""] * (len(rows) - 1) * len(columns)]
    look = {"x": "position" if line else "first coordinate", "sharex": True, "sharey": not line}
    figure, axes = grid(titles, 1.3 if line else WIDEST / (len(columns) + 0.5), len(columns), more=0.5, **look)
    for places, (label, clouds) in zip(axes.reshape(-1, len(columns)), rows.items(), strict=True):
        places[0].set_ylabel(label)
        for ax, (column, points) in zip(places, clouds.items(), strict=True):
            behind = None if column in COLUMNS[:2] else data
            _cloud(ax, np.asarray(points), behind, COLOURS.get(column, COLOURS[label]), limits)
    figure.suptitle(title, fontsize=11)
    return done(figure)


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
            ax.scatter(*np.asarray(data).T, s=2, c="0.8", linewidths=0, rasterized=True)
        ax.scatter(*points.T, s=1.2, c=colour, linewidths=0, rasterized=True)
        ax.set(xlim=limits, ylim=limits, aspect="equal")


def pulls(panels: Sequence[tuple[str, ArrayLike, ArrayLike, Sequence[tuple[int, int]]]]) -> Figure:
    """Who is pulled to whom: panels of (title, f(z) (m, 2), x (n, 2), [(index of f(z), index of x), ...])."""
    figure, axes = grid([title for title, *_ in panels], 2.5, 3)
    for (_, fz, x, pairs), ax in zip(panels, axes, strict=True):
        fz, x = np.asarray(fz), np.asarray(x)
        for i, j in pairs:
            ax.annotate("", x[j], fz[i], arrowprops={"arrowstyle": "->", "color": "0.6", "lw": 0.7, "shrinkB": 1})
        pulled = np.isin(np.arange(len(fz)), [i for i, _ in pairs])
        ax.scatter(*x.T, s=26, color=DATA, marker="x", lw=1.2, label="x")
        ax.scatter(*fz[pulled].T, s=16, color=SOURCE, label="f(z)", zorder=3)
        ax.scatter(*fz[~pulled].T, s=16, facecolors="none", edgecolors=SOURCE, label="f(z), no pull")
        ax.set(xticks=[], yticks=[], aspect="equal")
    handles, names = axes[0].get_legend_handles_labels()
    below(figure, dict(zip(names, handles, strict=True)))
    return done(figure)


def mode_shares(
    shares: dict[str, ArrayLike], truth: ArrayLike, floor: ArrayLike | None = None, mode: str = "mode"
) -> Figure:
    """Each mode's share of f(z), a bar a method with the range over seeds: label -> (seeds, K)."""
    figure, (ax,) = grid([""], 2.6, y="share of f(z)")
    seeds, x = {label: np.atleast_2d(values) for label, values in shares.items()}, np.arange(len(truth))
    means = pd.DataFrame({label: values.mean(0) for label, values in seeds.items()})
    reach = [np.abs([v.min(0) - v.mean(0), v.max(0) - v.mean(0)]) for v in seeds.values()]
    look = {"width": 0.8, "color": COLOURS, "rot": 0, "error_kw": {"ecolor": "0.2", "elinewidth": 0.8}}
    means.plot.bar(ax=ax, yerr=np.stack(reach), xlabel=mode, legend=False, **look)
    ax.hlines(truth, x - 0.45, x + 0.45, "k", lw=1, label="true share")
    if floor is not None:
        ax.hlines(floor, x - 0.45, x + 0.45, SOURCE, linestyles="--", lw=1.4, label="mass floor")
    handles, names = ax.get_legend_handles_labels()
    below(figure, dict(zip(names, handles, strict=True)))
    return done(figure)
