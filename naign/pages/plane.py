"""The line and the plane as f sees them: drift, projection, density. Arrays in, a matplotlib Figure out."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from naign.pages import curves
from naign.pages.style import COLOURS, DATA, SOURCE, WIDEST, Pair, figure, side_by_side


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
        ((left, right),) = limits
        content = {}
        for title, values in arrays.items():
            at = left + (right - left) * (np.arange(len(values)) + 0.5) / len(values)
            content[title] = {title if title in COLOURS else "NAIGN": (at, values)}
        result = curves.lines(content, "z", label, share="xy", xlim=(left, right), ylim=(low, high))
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
