"""Arrays in, a matplotlib Figure out: no computing, no files."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from naign.tables import NAMES

# One colour a method throughout: Okabe and Ito's, told apart by colour-blind readers.
COLOURS = {
    "naign": "#0072B2",
    "naign-minus": "#E69F00",
    "ign": "#D55E00",
    "dae": "#CC79A7",
    "naign-balanced": "#882255",
    "data": "#4D4D4D",
    "source": "#009E73",
}
COLUMNS = (r"$p_{data}(x)$", r"$f(x)$", r"$p_Z(z)$", r"$f(z)$", r"$f(f(z))$")
STYLE = {
    "figure.dpi": 110,
    "savefig.facecolor": "white",  # opaque: readable on a dark page too
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 9,
    "legend.frameon": False,
}
plt.rcParams.update(STYLE)


def five_columns(rows: dict[str, Sequence[ArrayLike]], limits: tuple[float, float]) -> Figure:
    """Figures 2 and 3: a row a method, the data in grey behind p_Z, f(z) and f(f(z)).

    rows : method -> (x, f(x), z, f(z), f(f(z))), each (n, 1) or (n, 2)
    """
    flat = np.shape(next(iter(rows.values()))[0])[1] == 1
    figure, axes = _rows(len(rows), 5, flat)
    for line, (method, samples) in zip(axes, rows.items(), strict=True):
        for i, (ax, points) in enumerate(zip(line, samples, strict=True)):
            colour = {0: COLOURS["data"], 2: COLOURS["source"]}.get(i, COLOURS[method])
            _samples(ax, points, samples[0] if i >= 2 else None, colour, limits)
        line[0].set_ylabel(NAMES[method])
    for ax, title in zip(axes[0], COLUMNS, strict=True):
        ax.set_title(title)
    return _tight(figure)


def snapshots(rows: dict[str, dict[int, ArrayLike]], background: ArrayLike, limits: tuple[float, float]) -> Figure:
    """f(z) after some numbers of steps, a row a method: method -> {step: (n, 1) or (n, 2)}."""
    first = next(iter(rows.values()))
    figure, axes = _rows(len(rows), len(first), np.shape(background)[1] == 1)
    for line, (method, by_step) in zip(axes, rows.items(), strict=True):
        for ax, points in zip(line, by_step.values(), strict=True):
            _samples(ax, points, background, COLOURS[method], limits)
        line[0].set_ylabel(NAMES[method])
    for ax, step in zip(axes[0], first, strict=True):
        ax.set_title(f"step {step:,}")
    return _tight(figure)


def applied(
    clouds: Sequence[ArrayLike], background: ArrayLike, colour: str, title: str, limits: tuple[float, float]
) -> Figure:
    """z, f(z), f(f(z)), ... side by side, each (n, 1) or (n, 2)."""
    figure, axes = _rows(1, len(clouds), np.shape(background)[1] == 1)
    for k, (ax, points) in enumerate(zip(axes[0], clouds, strict=True)):
        _samples(ax, points, background, colour, limits)
        ax.set_title("$z$" if k == 0 else f"$f^{{{k}}}(z)$")
    figure.suptitle(title, fontsize=9)
    return _tight(figure)


def _rows(rows: int, columns: int, flat: bool) -> tuple[Figure, np.ndarray]:
    size = (2 * columns, (1.6 if flat else 2.05) * rows + 0.4)
    figure, axes = plt.subplots(rows, columns, figsize=size, sharex=True, sharey=not flat, squeeze=False)
    for ax in axes[-1]:
        ax.set_xlabel("position" if flat else "first coordinate", fontsize=8)
    return figure, axes


def _samples(ax: plt.Axes, points: ArrayLike, background: ArrayLike | None, colour: str, limits: tuple) -> None:
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


def losses(histories: dict[str, Sequence[dict[str, list[float]]]]) -> Figure:
    """Every loss term against the step, a panel a term, a line a seed: method -> histories."""
    terms = [t for t in ("rec", "imle", "idem", "tight") if any(any(h[0].get(t, ())) for h in histories.values())]
    figure, axes = plt.subplots(1, len(terms), figsize=(10, 2.4), squeeze=False)
    for ax, term in zip(axes[0], terms, strict=True):
        for method, runs in histories.items():
            for i, h in enumerate(runs):
                if term in h and any(h[term]):
                    label = NAMES[method] if i == 0 else None
                    ax.plot(h["step"], _present(np.abs(h[term])), color=COLOURS[method], lw=0.9, alpha=0.8, label=label)
        ax.set(yscale="log", xlabel="step", title=f"|{term}|" if term == "tight" else term)
        ax.legend(fontsize=7)
    axes[0, 0].set_ylabel("loss term (log scale)")
    return _tight(figure)


def _present(values: ArrayLike) -> np.ndarray:
    """The values without the zeros of a warm start, in which a term is not computed."""
    return np.where(np.asarray(values) == 0, np.nan, values)


def mode_shares(
    shares: dict[str, ArrayLike], truth: ArrayLike, floor: ArrayLike | None = None, mode: str = "mode"
) -> Figure:
    """Each mode's share of f(z), a bar a method with the range over seeds: method -> (seeds, K)."""
    truth = np.asarray(truth)
    figure, ax = plt.subplots(figsize=(9, 2.6))
    width = 0.8 / len(shares)
    for i, (method, values) in enumerate(shares.items()):
        values = np.atleast_2d(values)
        middle = values.mean(0)
        at = np.arange(len(truth)) + (i - (len(shares) - 1) / 2) * width
        spread = np.abs(np.stack([values.min(0), values.max(0)]) - middle)
        ax.bar(at, middle, width, color=COLOURS[method], label=NAMES[method])
        ax.errorbar(at, middle, spread, fmt="none", ecolor="0.2", elinewidth=0.8)
    ax.hlines(truth, np.arange(len(truth)) - 0.45, np.arange(len(truth)) + 0.45, "k", lw=1, label="true share")
    if floor is not None:
        x = np.arange(len(truth))
        ax.hlines(floor, x - 0.45, x + 0.45, COLOURS["source"], linestyles="--", lw=1.4, label="mass floor")
    ax.set(xlabel=mode, ylabel="share of f(z)", xticks=np.arange(len(truth)))
    ax.legend(ncols=5, fontsize=7, loc="upper center", bbox_to_anchor=(0.5, 1.22))
    return _tight(figure)


def mass_floor(
    grid: ArrayLike, source: ArrayLike, data: ArrayLike, intervals: Sequence[tuple[float, float]], floor: ArrayLike
) -> Figure:
    """The densities of p_Z and the data on the line; the mass of p_Z that lies on the data is shaded."""
    figure, ax = plt.subplots(figsize=(8, 2.8))
    ax.plot(grid, data, color=COLOURS["data"], label=r"$p_{data}$")
    ax.plot(grid, source, color=COLOURS["source"], label=r"$p_Z$")
    for (low, high), mass in zip(intervals, floor, strict=True):
        inside = (np.asarray(grid) >= low) & (np.asarray(grid) <= high)
        ax.fill_between(grid, source, where=inside, color=COLOURS["source"], alpha=0.35)
        ax.annotate(f"{mass:.1%}", ((low + high) / 2, 0.02), ha="center", fontsize=9)
    ax.set(xlabel="position", ylabel="density")
    ax.legend()
    return _tight(figure)


def tradeoff(points: dict[str, Sequence[tuple[float, float]]], x: str, y: str) -> Figure:
    """Two scores of every run against each other, a colour a method: method -> [(x, y), ...]."""
    figure, ax = plt.subplots(figsize=(5, 3))
    for method, pairs in points.items():
        ax.scatter(*zip(*pairs, strict=True), color=COLOURS[method], label=NAMES[method], s=28)
    ax.set(xlabel=x, ylabel=y, xlim=(0, 1), ylim=(0, None))
    ax.legend()
    return _tight(figure)


def _tight(figure: Figure) -> Figure:
    figure.tight_layout()
    plt.close(figure)  # a notebook would show it twice
    return figure


def winners(histories: dict[str, dict[str, Sequence[dict[str, list[float]]]]]) -> Figure:
    """Share of distinct winners against the step, a panel a data set: data -> method -> histories."""
    figure, axes = plt.subplots(1, len(histories), figsize=(9, 2.3), sharey=True, squeeze=False)
    for ax, (data, methods) in zip(axes[0], histories.items(), strict=True):
        for method, runs in methods.items():
            for i, h in enumerate(runs):
                label = NAMES[method] if i == 0 else None
                ax.plot(h["step"], _present(h["distinct"]), color=COLOURS[method], lw=0.9, label=label)
        ax.set(title=data, xlabel="step", ylim=(0, 1))
    axes[0, 0].set_ylabel("distinct winners")
    axes[0, -1].legend(fontsize=7)
    return _tight(figure)
