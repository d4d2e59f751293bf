"""What was measured, as curves and marks: arrays in, a matplotlib Figure out."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from naign.methods import METHODS
from naign.pages import style
from naign.pages.style import DATA, POINTS, Curve, done, grid

Histories = dict[str, Sequence[dict[str, list[float]]]]  # method -> one history a seed


def losses(histories: Histories) -> Figure:
    """Every loss term against the step, a panel a term, a line a seed: method -> histories."""
    terms = [t for t in ("rec", "imle", "idem", "tight") if any(any(h[0].get(t, ())) for h in histories.values())]
    titles = ["|tight|" if term == "tight" else term for term in terms]
    figure, axes = grid(titles, 10 / len(terms), 2.4, y="loss term (log scale)")
    for ax, term in zip(axes, terms, strict=True):
        _histories(ax, histories, term, alpha=0.8)
        ax.set(yscale="log")
        ax.legend(fontsize=7)
    return done(figure)


def winners(histories: dict[str, Histories]) -> Figure:
    """Share of distinct winners against the step, a panel a data set: data -> method -> histories."""
    figure, axes = grid(histories, 9 / len(histories), 2.3, y="distinct winners", sharey=True)
    for ax, methods in zip(axes, histories.values(), strict=True):
        _histories(ax, methods, "distinct")
        ax.set(ylim=(0, 1))
    return done(figure, axes[-1])


def _histories(ax: Axes, histories: Histories, term: str, **line: object) -> None:
    """A line a seed; where a warm start leaves the term out, a gap."""
    for method, runs in histories.items():
        for i, history in enumerate(runs):
            values = np.abs(history.get(term, ()))
            if values.any():
                look = {"color": style.colour(method), "label": METHODS[method].label if i == 0 else None}
                ax.plot(history["step"], np.where(values == 0, np.nan, values), lw=0.9, **look, **line)
    ax.set_xlabel("step")


def bands(panels: dict[str, dict[str, Curve]], x: str, y: Sequence[str], scale: str = "log") -> Figure:
    """Mean and, shaded, smallest to largest over seeds: panel title -> label -> curve; a y label a panel."""
    figure, axes = grid(panels, 4.2, 2.9, more=(1.8, 0), x=x, sharey=len(set(y)) == 1)
    for ax, curves, name in zip(axes, panels.values(), y, strict=True):
        style.banded(ax, curves, alpha=0.18, lw=1.3)
        ax.set(ylabel=name, yscale=scale)
    return done(figure, axes[-1], outside=True)


def levels(panels: dict[str, dict[str, Curve]], y: str = "MAE to the clean image") -> Figure:
    """A panel a corruption, against its level: title -> label -> curve; "damaged" is the input itself."""
    figure, axes = grid(panels, 2.7, 2.6, x="level", y=y)
    for ax, curves in zip(axes, panels.values(), strict=True):
        style.banded(ax, curves, lw=1.1, **POINTS)
        top = max(np.max(values) for label, (_, values) in curves.items() if label != "damaged")
        ax.set(ylim=(0, 1.15 * top))
    return done(figure, axes[-1], size=6)


def counts(panels: dict[str, Sequence[ArrayLike]], items: str) -> Figure:
    """How often each of n items was hit, most often first: label -> counts, one (n,) a seed; dotted: evenly."""
    labels = {"x": f"{items}, by rank", "y": "samples nearest to it"}
    figure, axes = grid(panels, 2.5, 2.3, more=(0.5, 0), **labels, sharey=True)
    for ax, (label, runs) in zip(axes, panels.items(), strict=True):
        values = np.sort(np.asarray(runs, float), axis=1)[:, ::-1]
        at = np.arange(1, values.shape[1] + 1)
        ax.fill_between(at, values.mean(0), step="mid", color=style.style(label)["color"], alpha=0.8, lw=0)
        ax.axhline(values.sum(1).mean() / values.shape[1], color=DATA, ls=":", lw=1)
        ax.set(yscale="symlog", ylim=0)
    return done(figure)


def cumulative(panels: dict[str, dict[str, ArrayLike]], x: str) -> Figure:
    """Shares of values below x: panel title -> label -> quantiles from 0 to 1, (k,); "training" is the data's own."""
    figure, axes = grid(panels, 3.6, 2.7, more=(1.8, 0), x=x, y="share of images", sharey=True)
    for ax, curves in zip(axes, panels.values(), strict=True):
        style.banded(ax, {label: (q, np.linspace(0, 1, len(q))) for label, q in curves.items()}, lw=1.3)
        ax.set(xlim=0)
    return done(figure, axes[-1], outside=True)


def sweep(panels: dict[str, dict[str, Curve]], y: str) -> Figure:
    """One curve a setting, light to dark in their order: x label -> setting -> curve."""
    figure, axes = grid([""] * len(panels), 4.6, 2.9, y=y, sharey=True)
    for ax, (x, curves) in zip(axes, panels.items(), strict=True):
        for i, (label, (at, values)) in enumerate(curves.items()):
            shade = plt.get_cmap("viridis_r")(0.15 + 0.85 * i / max(1, len(curves) - 1))
            ax.plot(at, np.atleast_2d(values).mean(0), color=shade, label=label, lw=1.3, **POINTS)
        ax.set(xlabel=x, yscale="log")
    return done(figure, axes[-1])


def roc(panels: dict[str, dict[str, Sequence[float]]]) -> Figure:
    """Shares of outsiders found against even shares of false alarms: kind -> score -> hit rates."""
    columns = min(3, len(panels))
    labels = {"x": "false alarms", "y": "found"}
    figure, axes = grid(panels, 2.9, 2.6, columns, more=(1.7, 0), **labels, size=9, sharex=True, sharey=True)
    for ax, curves in zip(axes, panels.values(), strict=True):
        style.banded(ax, {label: (np.linspace(0, 1, len(r)), r) for label, r in curves.items()}, lw=1.2)
        ax.plot([0, 1], [0, 1], color="0.75", lw=0.7)
    return done(figure, axes[columns - 1], outside=True)


def tradeoff(points: dict[str, Sequence[tuple[float, float]]], x: str, y: str) -> Figure:
    """Two scores of every run against each other, a colour a method: method -> [(x, y), ...]."""
    figure, (ax,) = grid([""], 5, 3, x=x, y=y)
    for method, pairs in points.items():
        ax.scatter(*zip(*pairs, strict=True), color=style.colour(method), label=METHODS[method].label, s=28)
    ax.set(xlim=(0, 1), ylim=(0, None))
    return done(figure, ax, size=9)


def frontier(points: dict[str, Sequence[Sequence[tuple[float, float]]]], truth: tuple[float, float]) -> Figure:
    """Quality against shares: label -> runs of [f(z), f(f(z))], each (reverse KL, share within 3 sigma)."""
    labels = {"x": "reverse KL of the shares, nats", "y": "share within 3σ of a mode"}
    figure, axes = grid(["f(z)", "f(f(z))"], 4.7, 3.4, **labels, sharex=True, sharey=True)
    for k, ax in enumerate(axes):
        for label, runs in points.items():
            kl, quality = np.transpose([run[k] for run in runs])
            ax.scatter(kl, quality, s=30, label=label, **style.mark(label))
        ax.axhline(truth[1], color=DATA, ls=":", lw=1)
        ax.set(xscale="log", ylim=(0, 1.02))
    return done(figure, axes[-1], outside=True)


def kept(curves: dict[str, tuple[Sequence[float], Sequence[float], Sequence[float]]], fresh: float) -> Figure:
    """What is left after the draws of most drift: label -> (shares kept, shares within 3 sigma, reverse KLs)."""
    figure, axes = grid([""] * 2, 4.7, 3.2, x="share of the draws kept, those of least drift", sharex=True)
    for i, ax in enumerate(axes):
        style.banded(ax, {label: (at, scores[i]) for label, (at, *scores) in curves.items()}, lw=1.2, **POINTS)
    at = next(iter(curves.values()))[0]
    axes[0].axhline(fresh, color=DATA, ls=":", lw=1)
    axes[0].set(ylabel="share within 3σ of a mode", ylim=(0, 1.02), xlim=(max(at), min(at)))
    axes[1].set(ylabel="reverse KL of the shares, nats", yscale="log")
    return done(figure, axes[-1], outside=True)
