"""Clouds, pulls, drift and projections on the line and in the plane: arrays in, a matplotlib Figure out."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from naign.evaluate.distance import lattice
from naign.pages import curves
from naign.pages.style import COLOURS, DATA, P_DATA, P_Z, SOURCE, WIDEST, Pair, figure, side_by_side

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


def heat(
    panels: dict[str, ArrayLike],
    limits: Sequence[Pair],
    label: str,
    manifold: ArrayLike = (),
    scale: Pair | None = None,
    colours: str = "viridis",
) -> Figure:
    """Values at the points of one lattice, (n * n,), a panel each, on one colour scale; on a line (n,), as curves.

    Parameters
    ----------
    panels : title -> values
    limits : smallest and largest coordinate of the lattice, a pair a dimension
    manifold : (m, 2) points to draw on top; on a line (m, 1), as dotted verticals
    scale : smallest and largest value of the colours, by default those of all panels
    """
    arrays, manifold = {title: np.asarray(values, float) for title, values in panels.items()}, np.asarray(manifold)
    low, high = scale or (min(a.min() for a in arrays.values()), max(a.max() for a in arrays.values()))
    if len(limits) == 1:
        content = {}
        for title, values in arrays.items():
            content[title] = {title if title in COLOURS else "NAIGN": (lattice(limits, len(values))[:, 0], values)}
        result = curves.lines(content, "z", label, share="xy", xlim=limits[0], ylim=(low, high))
        for ax in result.axes:
            for point in np.unique(manifold):
                ax.axvline(point, color=DATA, ls=":", lw=1)
        return result

    def draw(ax: Axes, values: np.ndarray) -> None:
        n = round(len(values) ** 0.5)
        place = {"origin": "lower", "extent": (*limits[0], *limits[1]), "aspect": "equal"}
        ax.imshow(values.reshape(n, n), vmin=low, vmax=high, cmap=colours, **place)
        ax.scatter(*manifold.reshape(-1, 2).T, s=0.4, color="white", lw=0)

    across, up = (b - a for a, b in limits)
    return figure(arrays, draw, height=(WIDEST / side_by_side(arrays) - 0.7) * up / across + 0.5, bar=label)


def arrows(panels: dict[str, tuple[ArrayLike, ArrayLike]], manifold: ArrayLike) -> Figure:
    """Where points go: title -> (points (n, 2), their projections (n, 2)), the manifold (m, 2) beneath.

    On a line, where they are (n, 1) and (m, 1), arrows go from z below up to f(z).
    """
    line = np.shape(manifold)[1] == 1

    def placed(points: ArrayLike, height: float) -> np.ndarray:
        return np.c_[points, np.full(len(points), height)] if line else np.asarray(points)

    def draw(ax: Axes, move: tuple[ArrayLike, ArrayLike]) -> None:
        start, end = placed(move[0], 0.0), placed(move[1], 1.0)
        ax.scatter(*placed(manifold, 1.0).T, s=1, color=COLOURS["NAIGN"], lw=0, zorder=3)
        heads = {"width": 0.004, "headwidth": 4.5, "headlength": 5.5, "headaxislength": 5, "minlength": 0}
        ax.quiver(*start.T, *(end - start).T, angles="xy", scale_units="xy", scale=1, color=SOURCE, **heads)
        ax.scatter(*start.T, s=3, color=COLOURS["IGN"], lw=0)
        reach = [(start[:, i].min() - 0.2, start[:, i].max() + 0.2) for i in range(2)]
        ax.set(xlim=reach[0], ylim=reach[1], aspect="equal")
        if line:
            ax.set(ylim=(-0.1, 1.1), yticks=[0, 1], yticklabels=["z", "f(z)"], aspect="auto")

    return figure(panels, draw)


def falling(noise: ArrayLike, after: ArrayLike, data: ArrayLike, limit: float, label: str) -> str:
    """Points on their way from z (n, 2) to f(z), over and over, and data (m, 2) at rest: HTML, a still for who asks.

    limit : largest coordinate of the picture, in x; it is half as high
    label : what stands in the place of the picture for who cannot see it
    """
    start, end, rest = (100 * np.asarray(points, float) * (1, -1) for points in (noise, after, data))
    dots = [f'<circle cx="{x:.0f}" cy="{y:.0f}" r="5" fill="#888"/>' for x, y in rest]
    for (x, y), (dx, dy) in zip(start, end - start, strict=True):
        move = f"--move: translate({dx:.0f}px, {dy:.0f}px)"
        dots.append(f'<circle class="falls" cx="{x:.0f}" cy="{y:.0f}" r="6" fill="{COLOURS["NAIGN"]}" style="{move}"/>')
    size = 100 * limit
    box = f"{-size:.0f} {-size / 2:.0f} {2 * size:.0f} {size:.0f}"
    return f'<div><svg viewBox="{box}" width="100%" role="img" aria-label="{label}">{"".join(dots)}</svg></div>'
