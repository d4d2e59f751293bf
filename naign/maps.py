"""Figures of the plane as f sees it: drift, projection, density; and of detection. Arrays in, a Figure out."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from naign.figures import COLOURS
from naign.pictures import style
from naign.tables import NAMES

METHODS = set(NAMES.values())
Limits = Sequence[tuple[float, float]]


def heat(
    panels: Sequence[tuple[str, ArrayLike]],
    limits: Limits,
    label: str,
    manifold: ArrayLike | None = None,
    scale: tuple[float, float] | None = None,
    colours: str = "viridis",
    columns: int = 6,
) -> Figure:
    """Values at the points of one lattice, (n * n,), a panel each, on one colour scale.

    Parameters
    ----------
    manifold : (m, 2) points to draw on top
    scale : smallest and largest value of the colours, by default those of all panels
    """
    if len(limits) == 1:
        return _on_a_line(panels, limits[0], label, manifold, scale)
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    arrays = [np.asarray(v, float) for _, v in panels]
    low, high = scale or (min(a.min() for a in arrays), max(a.max() for a in arrays))
    figure, axes = plt.subplots(rows, columns, figsize=(2.1 * columns + 0.9, 2.25 * rows), squeeze=False)
    for ax in axes.flat[len(panels) :]:
        ax.remove()
    for (title, _), values, ax in zip(panels, arrays, axes.flat, strict=False):
        n = round(len(values) ** 0.5)
        extent = (*limits[0], *limits[1])
        picture = values.reshape(n, n)
        shown = ax.imshow(picture, origin="lower", extent=extent, vmin=low, vmax=high, cmap=colours, aspect="equal")
        if manifold is not None:
            ax.scatter(*np.asarray(manifold).T, s=0.4, color="white", lw=0)
        ax.set_title(title, fontsize=8)
        ax.tick_params(labelsize=6)
    figure.tight_layout()
    figure.colorbar(shown, ax=list(axes.flat[: len(panels)]), label=label, shrink=0.85)
    plt.close(figure)
    return figure


def _on_a_line(
    panels: Sequence[tuple[str, ArrayLike]],
    limits: tuple[float, float],
    label: str,
    manifold: ArrayLike | None,
    scale: tuple[float, float] | None,
) -> Figure:
    """`heat` for data on a line: a curve a panel, the manifold as dotted verticals."""
    figure, axes = plt.subplots(
        1, len(panels), figsize=(2.1 * len(panels) + 0.5, 2.2), sharex=True, sharey=True, squeeze=False
    )
    for (title, values), ax in zip(panels, axes[0], strict=True):
        n = len(np.asarray(values))
        at = limits[0] + (limits[1] - limits[0]) * (np.arange(n) + 0.5) / n
        for point in [] if manifold is None else np.unique(np.asarray(manifold)):
            ax.axvline(point, color=COLOURS["data"], ls=":", lw=1)
        ax.plot(at, values, color=style(title)["color"] if title in METHODS else COLOURS["naign"], lw=1.2)
        ax.set(xlim=limits, ylim=scale, xlabel="z")
        ax.set_title(title, fontsize=8)
    axes[0, 0].set_ylabel(label)
    figure.tight_layout()
    plt.close(figure)
    return figure


def arrows(panels: Sequence[tuple[str, ArrayLike, ArrayLike]], manifold: ArrayLike, columns: int = 2) -> Figure:
    """Where points go: panels of (title, points (n, 2), their projections (n, 2)), the manifold beneath."""
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4.2 * columns, 3.9 * rows), squeeze=False)
    for (title, start, end), ax in zip(panels, axes.flat, strict=True):
        start, end = np.asarray(start), np.asarray(end)
        line = start.shape[1] == 1
        if line:  # from z below up to f(z)
            start, end = np.c_[start, np.zeros(len(start))], np.c_[end, np.ones(len(end))]
            manifold = np.c_[np.asarray(manifold)[:, :1], np.ones(len(manifold))]
        ax.scatter(*np.asarray(manifold).T, s=1, color=COLOURS["naign"], lw=0, zorder=3)
        ax.quiver(
            *start.T, *(end - start).T, angles="xy", scale_units="xy", scale=1, width=0.0025, color=COLOURS["source"]
        )
        ax.scatter(*start.T, s=3, color=COLOURS["ign"], lw=0)
        reach = [(start[:, i].min() - 0.2, start[:, i].max() + 0.2) for i in range(2)]
        ax.set(title=title, xlim=reach[0], ylim=reach[1], aspect="equal")
        if line:
            ax.set(ylim=(-0.1, 1.1), yticks=[0, 1], yticklabels=["z", "f(z)"], aspect="auto")
        ax.tick_params(labelsize=7)
    figure.tight_layout()
    plt.close(figure)
    return figure


def against(panels: Sequence[tuple[str, ArrayLike, ArrayLike]], x: str, y: str) -> Figure:
    """Drift against distance, a panel a method, with the diagonal: (label, x (n,), y (n,))."""
    figure, axes = plt.subplots(
        1, len(panels), figsize=(2.6 * len(panels), 2.7), sharex=True, sharey=True, squeeze=False
    )
    top = max(float(np.max(np.asarray(a))) for _, a, _ in panels)
    for (label, a, b), ax in zip(panels, axes[0], strict=True):
        ax.scatter(a, b, s=1.5, lw=0, alpha=0.35, color=style(label)["color"], rasterized=True)
        ax.plot([0, top], [0, top], color=COLOURS["data"], ls=":", lw=1.2)
        ax.set(title=label, xlabel=x)
    axes[0, 0].set(ylabel=y, ylim=(0, 1.5 * top))
    figure.tight_layout()
    plt.close(figure)
    return figure


def by_k(curves: dict[str, tuple[Sequence[float], ArrayLike]], y: str) -> Figure:
    """A score against k: label -> (k (m,), values (seeds, m)); what is no method is grey and dotted."""
    figure, ax = plt.subplots(figsize=(5.2, 2.9))
    for label, (at, values) in curves.items():
        values = np.atleast_2d(values)
        look = style(label) if label in METHODS else {"color": COLOURS["data"], "ls": ":"}
        ax.plot(at, values.mean(0), label=label, marker=".", ms=4, lw=1.2, **look)
        ax.fill_between(at, values.min(0), values.max(0), color=look["color"], alpha=0.15, lw=0)
    ax.set(xlabel="k", ylabel=y, yscale="log")
    ax.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    plt.close(figure)
    return figure


def roc(panels: dict[str, dict[str, Sequence[float]]]) -> Figure:
    """Shares of outsiders found against even shares of false alarms: kind -> score -> hit rates."""
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.9 * columns + 1.7, 2.6 * rows), sharex=True, sharey=True, squeeze=False
    )
    for (kind, curves), ax in zip(panels.items(), axes.flat, strict=False):
        for label, rates in curves.items():
            look = style(label) if label in METHODS else DETECTORS[label]
            ax.plot(np.linspace(0, 1, len(rates)), rates, label=label, lw=1.2, **look)
        ax.plot([0, 1], [0, 1], color="0.75", lw=0.7)
        ax.set_title(kind, fontsize=9)
    for ax in axes[-1]:
        ax.set_xlabel("false alarms")
    for ax in axes[:, 0]:
        ax.set_ylabel("found")
    axes[0, -1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    plt.close(figure)
    return figure


DETECTORS = {
    "autoencoder": {"color": COLOURS["dae"], "ls": "--"},
    "nearest neighbour": {"color": COLOURS["data"], "ls": ":"},
}
