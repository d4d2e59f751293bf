"""Figures of images and of what was measured on them: arrays in, a matplotlib Figure out."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from naign.figures import COLOURS
from naign.tables import NAMES

Curve = tuple[Sequence[float], ArrayLike]  # x (k,), y (seeds, k)


def mosaic(rows: Sequence[ArrayLike], gap: int = 2) -> np.ndarray:
    """Rows of images in [-1, 1], each (n, C, H, W), as one picture (height, width, C) in [0, 1]."""
    lines = []
    for images in rows:
        padded = np.pad(np.asarray(images), ((0, 0), (0, 0), (gap, gap), (gap, gap)), constant_values=1.0)
        lines.append(np.concatenate(list(padded), axis=2))
    picture = np.concatenate(lines, axis=1).transpose(1, 2, 0)
    return np.clip((picture + 1) / 2, 0, 1)


def sheet(rows: Sequence[ArrayLike], labels: Sequence[str], columns: Sequence[str] = ()) -> Figure:
    """Rows of images in [-1, 1], each (n, C, H, W), with a label each, and one a column if given."""
    figure = sheets([[("", rows)]], labels)
    if columns:
        ax = figure.axes[0]
        side = ax.get_xlim()[1] / len(columns)
        ax.set_xticks(side * (np.arange(len(columns)) + 0.5), columns, fontsize=8)
        ax.xaxis.tick_top()
        figure.tight_layout()
    return figure


def sheets(panels: Sequence[Sequence[tuple[str, Sequence[ArrayLike]]]], labels: Sequence[str]) -> Figure:
    """Sheets with the same row labels side by side and below each other: lines of (title, rows)."""
    title, rows = panels[0][0]
    width, height = len(rows[0]) * len(panels[0]), len(rows) * len(panels)
    inch = min(0.55 if height > 2 else 1.1, 11 / width)
    size = (inch * width + 1.1, inch * height + 0.3 * len(panels) * bool(title))
    figure, axes = plt.subplots(len(panels), len(panels[0]), figsize=size, squeeze=False)
    for line, axs in zip(panels, axes, strict=True):
        for i, ((title, rows), ax) in enumerate(zip(line, axs, strict=True)):
            picture = mosaic(rows)
            ax.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            side = picture.shape[0] / len(rows)
            ax.set(xticks=[], yticks=side * (np.arange(len(rows)) + 0.5) if i == 0 else [])
            if i == 0:
                ax.set_yticklabels(labels, fontsize=8)
            ax.tick_params(length=0)
            ax.spines[:].set_visible(False)
            ax.set_title(title, fontsize=8)
    return _done(figure)


def style(label: str) -> dict[str, str]:
    """Colour by method; solid: our settings, dash-dotted: wider, dashed: the paper's, dotted: clamped."""
    method = {v: k for k, v in NAMES.items()}.get(label.split(",")[0], "data")
    line = "--" if "paper" in label else ":" if "clamp" in label else "-." if "wider" in label else "-"
    return {"color": COLOURS[method], "ls": line}


def bands(panels: dict[str, dict[str, Curve]], x: str, y: Sequence[str], scale: str = "log") -> Figure:
    """Mean and, shaded, smallest to largest over seeds: panel title -> label -> curve; a y label a panel."""
    figure, axes = plt.subplots(
        1, len(panels), figsize=(4.2 * len(panels) + 1.8, 2.9), sharey=len(set(y)) == 1, squeeze=False
    )
    for ax, (title, curves), name in zip(axes[0], panels.items(), y, strict=True):
        for label, (at, values) in curves.items():
            values = np.atleast_2d(values)
            ax.plot(at, values.mean(0), label=label, lw=1.3, **style(label))
            ax.fill_between(at, values.min(0), values.max(0), color=style(label)["color"], alpha=0.18, lw=0)
        ax.set(xlabel=x, ylabel=name, title=title, yscale=scale)
    axes[0, -1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    return _done(figure)


def levels(panels: dict[str, dict[str, Curve]], y: str = "MAE to the clean image") -> Figure:
    """A panel a corruption, against its level: title -> label -> curve; "damaged" is the input itself."""
    figure, axes = plt.subplots(1, len(panels), figsize=(2.7 * len(panels), 2.6), squeeze=False)
    for ax, (title, curves) in zip(axes[0], panels.items(), strict=True):
        for label, (at, values) in curves.items():
            values = np.atleast_2d(values)
            look = {"color": COLOURS["data"], "ls": ":"} if label == "damaged" else style(label)
            ax.plot(at, values.mean(0), label=label, marker=".", ms=4, lw=1.1, **look)
            ax.fill_between(at, values.min(0), values.max(0), color=look["color"], alpha=0.15, lw=0)
        top = max(np.max(v) for label, (_, v) in curves.items() if label != "damaged")
        ax.set(xlabel="level", title=title, ylim=(0, 1.15 * top))
    axes[0, 0].set_ylabel(y)
    axes[0, -1].legend(fontsize=6)
    return _done(figure)


def counts(panels: dict[str, Sequence[ArrayLike]], items: str) -> Figure:
    """How often each of n items was hit, most often first: label -> counts, one (n,) a seed; dotted: evenly."""
    figure, axes = plt.subplots(1, len(panels), figsize=(2.5 * len(panels) + 0.5, 2.3), sharey=True, squeeze=False)
    for ax, (label, runs) in zip(axes[0], panels.items(), strict=True):
        values = np.sort(np.asarray(runs, float), axis=1)[:, ::-1]
        at = np.arange(1, values.shape[1] + 1)
        ax.fill_between(at, values.mean(0), step="mid", color=style(label)["color"], alpha=0.8, lw=0)
        ax.axhline(values.sum(1).mean() / values.shape[1], color=COLOURS["data"], ls=":", lw=1)
        ax.set(title=label, xlabel=f"{items}, by rank", yscale="symlog", ylim=0)
    axes[0, 0].set_ylabel("samples nearest to it")
    return _done(figure)


def cumulative(panels: dict[str, dict[str, ArrayLike]], x: str) -> Figure:
    """Shares of values below x: panel title -> label -> quantiles from 0 to 1, (k,); "training" is the data's own."""
    figure, axes = plt.subplots(1, len(panels), figsize=(3.6 * len(panels) + 1.8, 2.7), sharey=True, squeeze=False)
    for ax, (title, curves) in zip(axes[0], panels.items(), strict=True):
        for label, quantiles in curves.items():
            look = {"color": COLOURS["data"], "ls": ":"} if label == "training" else style(label)
            ax.plot(quantiles, np.linspace(0, 1, len(quantiles)), label=label, lw=1.3, **look)
        ax.set(title=title, xlabel=x, xlim=0)
    axes[0, 0].set_ylabel("share of images")
    axes[0, -1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    return _done(figure)


def sweep(panels: dict[str, dict[str, Curve]], y: str) -> Figure:
    """One curve a setting, light to dark in their order: x label -> setting -> curve."""
    figure, axes = plt.subplots(1, len(panels), figsize=(4.6 * len(panels), 2.9), sharey=True, squeeze=False)
    for ax, (x, curves) in zip(axes[0], panels.items(), strict=True):
        for i, (label, (at, values)) in enumerate(curves.items()):
            colour = plt.get_cmap("viridis_r")(0.15 + 0.85 * i / max(1, len(curves) - 1))
            ax.plot(at, np.atleast_2d(values).mean(0), color=colour, label=label, lw=1.3, marker=".", ms=4)
        ax.set(xlabel=x, yscale="log")
    axes[0, 0].set_ylabel(y)
    axes[0, -1].legend(fontsize=7)
    return _done(figure)


def _done(figure: Figure) -> Figure:
    figure.tight_layout()
    plt.close(figure)  # a notebook would show it twice
    return figure
