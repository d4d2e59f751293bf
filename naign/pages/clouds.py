"""Samples on the line and in the plane, and the shares of their modes: arrays in, a matplotlib Figure out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from naign.data.toys import Gaussians
from naign.methods import METHODS
from naign.pages.style import DATA, SOURCE, Pair, colour, done, grid

COLUMNS = (r"$p_{data}(x)$", r"$f(x)$", r"$p_Z(z)$", r"$f(z)$", r"$f(f(z))$")
Cloud = tuple[ArrayLike, ArrayLike | None, str]  # points (n, 1) or (n, 2), what lies behind them, colour


def five_columns(rows: dict[str, Sequence[ArrayLike]], limits: Pair) -> Figure:
    """Figures 2 and 3: a row a method, the data in grey behind p_Z, f(z) and f(f(z)).

    rows : method -> (x, f(x), z, f(z), f(f(z))), each (n, 1) or (n, 2)
    """
    lines = {}
    for method, samples in rows.items():
        colours = [DATA, colour(method), SOURCE, colour(method), colour(method)]
        behind = [None, None, *[samples[0]] * 3]
        lines[METHODS[method].label] = list(zip(samples, behind, colours, strict=True))
    return done(_clouds(lines, COLUMNS, limits))


def snapshots(rows: dict[str, dict[int, ArrayLike]], background: ArrayLike, limits: Pair) -> Figure:
    """f(z) after some numbers of steps, a row a method: method -> {step: (n, 1) or (n, 2)}."""
    steps = next(iter(rows.values()))
    lines = {
        METHODS[method].label: [(points, background, colour(method)) for points in by_step.values()]
        for method, by_step in rows.items()
    }
    return done(_clouds(lines, [f"step {step:,}" for step in steps], limits))


def applied(clouds: Sequence[ArrayLike], background: ArrayLike, colour: str, title: str, limits: Pair) -> Figure:
    """z, f(z), f(f(z)), ... side by side, each (n, 1) or (n, 2)."""
    titles = ["$z$", *(f"$f^{{{k}}}(z)$" for k in range(1, len(clouds)))]
    figure = _clouds({"": [(points, background, colour) for points in clouds]}, titles, limits)
    figure.suptitle(title, fontsize=9)
    return done(figure)


def _clouds(rows: dict[str, Sequence[Cloud]], titles: Sequence[str], limits: Pair) -> Figure:
    flat = np.shape(next(iter(rows.values()))[0][0])[1] == 1
    height, count = 1.6 if flat else 2.05, len(titles)
    above = [*titles, *[""] * (len(rows) - 1) * count]
    figure, axes = grid(above, 2, height, count, more=(0, 0.4), sharex=True, sharey=not flat)
    lines = axes.reshape(-1, count)
    for line, (label, clouds) in zip(lines, rows.items(), strict=True):
        for ax, cloud in zip(line, clouds, strict=True):
            _samples(ax, *cloud, limits)
        line[0].set_ylabel(label)
    for ax in lines[-1]:
        ax.set_xlabel("position" if flat else "first coordinate", fontsize=8)
    return figure


def _samples(ax: Axes, points: ArrayLike, background: ArrayLike | None, colour: str, limits: Pair) -> None:
    """A histogram of (n, 1) points, cut at twice the background's height, or a scatter plot of (n, 2) points."""
    points = np.asarray(points)
    if points.shape[1] == 1:
        bins = np.linspace(*limits, 121)
        if background is not None:
            height, _, _ = ax.hist(np.ravel(background), bins, density=True, color="0.82")
            ax.set_ylim(0, 2 * height.max())
        ax.hist(points[:, 0], bins, density=True, color=colour, alpha=0.85)
        ax.set_yticks([])
    else:
        if background is not None:
            ax.scatter(*np.asarray(background).T, s=2, c="0.8", linewidths=0, rasterized=True)
        ax.scatter(*points.T, s=1.2, c=colour, linewidths=0, rasterized=True)
        ax.set(xlim=limits, ylim=limits, aspect="equal")


def pulls(panels: Sequence[tuple[str, ArrayLike, ArrayLike, Sequence[tuple[int, int]]]]) -> Figure:
    """Who is pulled to whom: panels of (title, f(z) (m, 2), x (n, 2), [(index of f(z), index of x), ...])."""
    figure, axes = grid([title for title, *_ in panels], 3.1, 2.9, columns=3, size=8)
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
    figure.legend(handles, names, ncols=3, fontsize=8, loc="lower center")
    return done(figure, rect=(0, 0.05, 1, 1))


def curve_of_f(curves: dict[str, tuple[ArrayLike, ArrayLike]], toy: Gaussians) -> Figure:
    """f on the line, method -> (z (n, 1), f(z) (n, 1)), the diagonal, and three widths around each mode in grey."""
    figure, (ax,) = grid([""], 5.6, 3.4, x="z", y="f(z)")
    for (centre,), sigma in zip(toy.centres, toy.sigmas, strict=True):
        for span in (ax.axhspan, ax.axvspan):
            span(centre - 3 * sigma, centre + 3 * sigma, color="0.92", lw=0, zorder=0)
    for method, (z, fz) in curves.items():
        ax.plot(np.ravel(z), np.ravel(fz), color=colour(method), lw=1.2, label=METHODS[method].label)
    ends = [np.min(np.ravel(z)), np.max(np.ravel(z))]
    ax.plot(ends, ends, color=DATA, ls=":", lw=1)
    ax.set(xlim=ends)
    return done(figure, ax)


def mass_floor(
    at: ArrayLike, source: ArrayLike, data: ArrayLike, intervals: Sequence[Pair], floor: ArrayLike
) -> Figure:
    """The densities of p_Z and the data on the line; the mass of p_Z that lies on the data is shaded."""
    figure, (ax,) = grid([""], 8, 2.8, x="position", y="density")
    ax.plot(at, data, color=DATA, label=r"$p_{data}$")
    ax.plot(at, source, color=SOURCE, label=r"$p_Z$")
    for (low, high), mass in zip(intervals, floor, strict=True):
        inside = (np.asarray(at) >= low) & (np.asarray(at) <= high)
        ax.fill_between(at, source, where=inside, color=SOURCE, alpha=0.35)
        ax.annotate(f"{mass:.1%}", ((low + high) / 2, 0.02), ha="center", fontsize=9)
    return done(figure, ax, size=9)


def mode_shares(
    shares: dict[str, ArrayLike], truth: ArrayLike, floor: ArrayLike | None = None, mode: str = "mode"
) -> Figure:
    """Each mode's share of f(z), a bar a method with the range over seeds: method -> (seeds, K)."""
    figure, (ax,) = grid([""], 9, 2.6, x=mode, y="share of f(z)")
    x, width = np.arange(len(truth)), 0.8 / len(shares)
    for i, (method, values) in enumerate(shares.items()):
        values = np.atleast_2d(values)
        middle = values.mean(0)
        at = x + (i - (len(shares) - 1) / 2) * width
        spread = np.abs(np.stack([values.min(0), values.max(0)]) - middle)
        ax.bar(at, middle, width, color=colour(method), label=METHODS[method].label)
        ax.errorbar(at, middle, spread, fmt="none", ecolor="0.2", elinewidth=0.8)
    ax.hlines(truth, x - 0.45, x + 0.45, "k", lw=1, label="true share")
    if floor is not None:
        ax.hlines(floor, x - 0.45, x + 0.45, SOURCE, linestyles="--", lw=1.4, label="mass floor")
    ax.set(xticks=x)
    ax.legend(ncols=5, fontsize=7, loc="upper center", bbox_to_anchor=(0.5, 1.22))
    return done(figure)
