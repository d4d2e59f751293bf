"""The line and the plane as f sees them: drift, projection, density. Arrays in, a matplotlib Figure out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from naign.pages.style import COLOURS, DATA, POINTS, SOURCE, Curve, Pair, banded, colour, done, grid, style

Panels = Sequence[tuple[str, ArrayLike]]  # title, values


def heat(
    panels: Panels,
    limits: Sequence[Pair],
    label: str,
    manifold: ArrayLike | None = None,
    scale: Pair | None = None,
    colours: str = "viridis",
    columns: int = 6,
) -> Figure:
    """Values at the points of one lattice, (n * n,), a panel each, on one colour scale; on a line (n,), as curves.

    Parameters
    ----------
    limits : smallest and largest coordinate of the lattice, a pair a dimension
    manifold : (m, 2) points to draw on top; on a line (m, 1)
    scale : smallest and largest value of the colours, by default those of all panels
    """
    if len(limits) == 1:
        return _on_a_line(panels, limits[0], label, manifold, scale)
    arrays = [np.asarray(v, float) for _, v in panels]
    low, high = scale or (min(a.min() for a in arrays), max(a.max() for a in arrays))
    figure, axes = grid([title for title, _ in panels], 2.1, 2.25, columns, more=(0.9, 0), size=8)
    for values, ax in zip(arrays, axes, strict=True):
        n = round(len(values) ** 0.5)
        extent = (*limits[0], *limits[1])
        picture = values.reshape(n, n)
        shown = ax.imshow(picture, origin="lower", extent=extent, vmin=low, vmax=high, cmap=colours, aspect="equal")
        if manifold is not None:
            ax.scatter(*np.asarray(manifold).T, s=0.4, color="white", lw=0)
        ax.tick_params(labelsize=6)
    done(figure).colorbar(shown, ax=list(axes), label=label, shrink=0.85)
    return figure


def _on_a_line(panels: Panels, limits: Pair, label: str, manifold: ArrayLike | None, scale: Pair | None) -> Figure:
    """`heat` for data on a line: a curve a panel, the manifold as dotted verticals."""
    titles = [title for title, _ in panels]
    figure, axes = grid(titles, 2.1, 2.2, more=(0.5, 0), x="z", y=label, size=8, sharex=True, sharey=True)
    for (title, values), ax in zip(panels, axes, strict=True):
        n = len(np.asarray(values))
        at = limits[0] + (limits[1] - limits[0]) * (np.arange(n) + 0.5) / n
        for point in [] if manifold is None else np.unique(np.asarray(manifold)):
            ax.axvline(point, color=DATA, ls=":", lw=1)
        ax.plot(at, values, color=COLOURS.get(title, colour("naign")), lw=1.2)
        ax.set(xlim=limits, ylim=scale)
    return done(figure)


def arrows(panels: Sequence[tuple[str, ArrayLike, ArrayLike]], manifold: ArrayLike, columns: int = 2) -> Figure:
    """Where points go: panels of (title, points (n, 2), their projections (n, 2)), the manifold (m, 2) beneath.

    On a line, where they are (n, 1) and (m, 1), arrows go from z below up to f(z).
    """
    figure, axes = grid([title for title, *_ in panels], 4.2, 3.9, columns)
    manifold = np.asarray(manifold)
    line = manifold.shape[1] == 1
    if line:
        manifold = np.c_[manifold, np.ones(len(manifold))]
    for (_, start, end), ax in zip(panels, axes, strict=True):
        start, end = np.asarray(start), np.asarray(end)
        if line:
            start, end = np.c_[start, np.zeros(len(start))], np.c_[end, np.ones(len(end))]
        ax.scatter(*manifold.T, s=1, color=colour("naign"), lw=0, zorder=3)
        ax.quiver(*start.T, *(end - start).T, angles="xy", scale_units="xy", scale=1, width=0.0025, color=SOURCE)
        ax.scatter(*start.T, s=3, color=colour("ign"), lw=0)
        reach = [(start[:, i].min() - 0.2, start[:, i].max() + 0.2) for i in range(2)]
        ax.set(xlim=reach[0], ylim=reach[1], aspect="equal")
        if line:
            ax.set(ylim=(-0.1, 1.1), yticks=[0, 1], yticklabels=["z", "f(z)"], aspect="auto")
        ax.tick_params(labelsize=7)
    return done(figure)


def against(panels: Sequence[tuple[str, ArrayLike, ArrayLike]], x: str, y: str) -> Figure:
    """Drift against distance, a panel a method, with the diagonal: (label, x (n,), y (n,))."""
    figure, axes = grid([label for label, *_ in panels], 2.6, 2.7, x=x, y=y, sharex=True, sharey=True)
    top = max(float(np.max(np.asarray(a))) for _, a, _ in panels)
    for (label, a, b), ax in zip(panels, axes, strict=True):
        ax.scatter(a, b, s=1.5, lw=0, alpha=0.35, color=style(label)["color"], rasterized=True)
        ax.plot([0, top], [0, top], color=DATA, ls=":", lw=1.2)
    axes[0].set(ylim=(0, 1.5 * top))
    return done(figure)


def by_k(curves: dict[str, Curve], y: str) -> Figure:
    """A score against k: label -> (k (m,), values (seeds, m)); what is no method is grey and dotted."""
    figure, (ax,) = grid([""], 5.2, 2.9, x="k", y=y)
    banded(ax, curves, lw=1.2, **POINTS)
    ax.set(yscale="log")
    return done(figure, ax, outside=True)
