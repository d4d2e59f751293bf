"""Figures of matchings: who pulls whom, and what comes of it. Arrays in, a Figure out."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from naign.figures import COLOURS
from naign.tables import NAMES
from naign.toys import Mixture

_OURS, _BOTH = COLOURS["naign-balanced"], "#000000"
MATCHINGS = {  # a colour a matching; AdamW is hollow
    "balanced": {"color": _OURS, "marker": "o"},
    "balanced, long": {"color": _OURS, "marker": "*"},
    "balanced, 5 layers": {"color": _OURS, "marker": "X"},
    "balanced + rejection": {"color": _BOTH, "marker": "o"},
    "balanced + rejection, long": {"color": _BOTH, "marker": "*"},
    "balanced, AdamW": {"facecolors": "none", "edgecolors": _OURS, "marker": "o"},
    "assignment of a batch": {"color": "#44AA99", "marker": "D"},
    "entropic": {"color": "#999933", "marker": "v"},
    "prices": {"color": "#332288", "marker": "^"},
    "rejection": {"color": "#88CCEE", "marker": "s"},
    "NAIGN, Muon": {"color": COLOURS["naign"], "marker": "P"},
    "NAIGN": {"facecolors": "none", "edgecolors": COLOURS["naign"], "marker": "s"},
    "NAIGN-": {"facecolors": "none", "edgecolors": COLOURS["naign-minus"], "marker": "s"},
    "IGN": {"facecolors": "none", "edgecolors": COLOURS["ign"], "marker": "s"},
}


def pulls(panels: Sequence[tuple[str, ArrayLike, ArrayLike, Sequence[tuple[int, int]]]]) -> Figure:
    """Who is pulled to whom: panels of (title, f(z) (m, 2), x (n, 2), [(index of f(z), index of x), ...])."""
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.1 * columns, 2.9 * rows), squeeze=False)
    for ax in axes.flat[len(panels) :]:
        ax.remove()
    for (title, fz, x, pairs), ax in zip(panels, axes.flat, strict=False):
        fz, x = np.asarray(fz), np.asarray(x)
        for i, j in pairs:
            ax.annotate("", x[j], fz[i], arrowprops={"arrowstyle": "->", "color": "0.6", "lw": 0.7, "shrinkB": 1})
        pulled = np.isin(np.arange(len(fz)), [i for i, _ in pairs])
        ax.scatter(*x.T, s=26, color=COLOURS["data"], marker="x", lw=1.2, label="x")
        ax.scatter(*fz[pulled].T, s=16, color=COLOURS["source"], label="f(z)", zorder=3)
        ax.scatter(*fz[~pulled].T, s=16, facecolors="none", edgecolors=COLOURS["source"], label="f(z), no pull")
        ax.set_title(title, fontsize=8)
        ax.set(xticks=[], yticks=[], aspect="equal")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, ncols=3, fontsize=8, loc="lower center")
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    plt.close(figure)
    return figure


def curve_of_f(curves: dict[str, tuple[ArrayLike, ArrayLike]], toy: Mixture) -> Figure:
    """f on the line, method -> (z (n, 1), f(z) (n, 1)), the diagonal, and three widths around each mode in grey."""
    figure, ax = plt.subplots(figsize=(5.6, 3.4))
    for (centre,), sigma in zip(toy.centres, toy.sigmas, strict=True):
        for band in (ax.axhspan, ax.axvspan):
            band(centre - 3 * sigma, centre + 3 * sigma, color="0.92", lw=0, zorder=0)
    for method, (z, fz) in curves.items():
        ax.plot(np.ravel(z), np.ravel(fz), color=COLOURS[method], lw=1.2, label=NAMES[method])
    ends = [np.min(np.ravel(z)), np.max(np.ravel(z))]
    ax.plot(ends, ends, color=COLOURS["data"], ls=":", lw=1)
    ax.set(xlabel="z", ylabel="f(z)", xlim=ends)
    ax.legend(fontsize=7)
    figure.tight_layout()
    plt.close(figure)
    return figure


def frontier(points: dict[str, Sequence[Sequence[tuple[float, float]]]], truth: tuple[float, float]) -> Figure:
    """Quality against shares: label -> runs of [f(z), f(f(z))], each (reverse KL, share within 3 sigma)."""
    figure, axes = plt.subplots(1, 2, figsize=(9.4, 3.4), sharex=True, sharey=True)
    for k, (ax, title) in enumerate(zip(axes, ("f(z)", "f(f(z))"), strict=True)):
        for label, runs in points.items():
            kl, quality = np.transpose([run[k] for run in runs])
            ax.scatter(kl, quality, s=30, label=label, **MATCHINGS.get(label, {"color": "0.6", "marker": "+"}))
        ax.axhline(truth[1], color=COLOURS["data"], ls=":", lw=1)
        ax.set(title=title, xlabel="reverse KL of the shares, nats", xscale="log", ylim=(0, 1.02))
    axes[0].set_ylabel("share within 3σ of a mode")
    axes[1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    plt.close(figure)
    return figure


def kept(curves: dict[str, tuple[Sequence[float], Sequence[float], Sequence[float]]], fresh: float) -> Figure:
    """What is left after the draws of most drift: label -> (shares kept, shares within 3 sigma, reverse KLs)."""
    figure, axes = plt.subplots(1, 2, figsize=(9.4, 3.2), sharex=True)
    for label, (at, quality, kl) in curves.items():
        colour = _colour(label)
        for ax, values in zip(axes, (quality, kl), strict=True):
            ax.plot(at, values, color=colour, lw=1.2, marker=".", ms=4, label=label)
    axes[0].axhline(fresh, color=COLOURS["data"], ls=":", lw=1)
    axes[0].set(ylabel="share within 3σ of a mode", ylim=(0, 1.02), xlim=(max(at), min(at)))
    axes[1].set(ylabel="reverse KL of the shares, nats", yscale="log")
    for ax in axes:
        ax.set_xlabel("share of the draws kept, those of least drift")
    axes[1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    plt.close(figure)
    return figure


def _colour(label: str) -> str:
    look = MATCHINGS.get(label, {"color": "0.6"})
    return look.get("color", look.get("edgecolors"))
