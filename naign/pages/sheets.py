"""Sheets of images, arrays in, a matplotlib Figure out."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from naign.data.corruptions import CORRUPTIONS
from naign.data.samples import TensorData
from naign.evaluate.restoration import damage
from naign.pages.style import WIDEST
from naign.projection import project
from naign.study.records import Run


def mosaic(rows: Sequence[ArrayLike], gap: int = 2) -> np.ndarray:
    """Rows of images in [-1, 1], each (n, C, H, W), as one picture (height, width, C) in [0, 1]."""
    padded = np.pad(np.stack(rows), [(0, 0)] * 3 + [(gap, gap)] * 2, constant_values=1.0)
    lines = np.concatenate(padded.swapaxes(0, 1), axis=-1)  # (rows, C, height, width)
    picture = np.concatenate(lines, axis=1).transpose(1, 2, 0)
    return np.clip((picture + 1) / 2, 0, 1)


def sheet(rows: Sequence[ArrayLike], labels: Sequence[str], columns: Sequence[str] = ()) -> Figure:
    """Rows of images in [-1, 1], each (n, C, H, W), with a label each, and one a column if given."""
    figure = sheets([[("", rows)]], labels)
    if columns:
        ax = figure.axes[0]
        side = ax.get_xlim()[1] / len(columns)
        ax.set_xticks(side * (np.arange(len(columns)) + 0.5), columns)
        ax.xaxis.tick_top()
    return figure


def sheets(panels: Sequence[Sequence[tuple[str, Sequence[ArrayLike]]]], labels: Sequence[str]) -> Figure:
    """Sheets with the same row labels side by side and below each other: lines of (title, rows)."""
    title, rows = panels[0][0]
    across, count, deep, above = len(panels[0]), len(rows[0]), len(rows), 0.3 * bool(title)
    beside = 0.2 + 0.09 * max(map(len, labels))  # inches, for the labels
    inch = min(0.55 if deep * len(panels) > 2 else 1.1, (WIDEST - beside) / (count * across))
    width, height = inch * count * across + beside, (inch * deep + above) * len(panels)
    place = {"left": beside / width, "right": 1, "bottom": 0, "top": 1 - above / height}
    place |= {"wspace": 0.04, "hspace": above / (inch * deep)}
    look = {"figsize": (width, height), "squeeze": False, "layout": "none", "gridspec_kw": place}
    figure, axes = plt.subplots(len(panels), across, **look)
    plt.close(figure)  # a notebook shows it once
    for ax, (title, rows) in zip(axes.flat, itertools.chain(*panels), strict=True):
        picture = mosaic(rows)
        ax.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        ax.set(title=title, xticks=[], yticks=[])
        if ax in axes[:, 0]:
            ax.set_yticks(picture.shape[0] * (np.arange(deep) + 0.5) / deep, labels)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    return figure


def of_run(run: Run, data: TensorData, directory: Path) -> list[Path]:
    """Pictures of what a run on images generates and restores, generated.png and restored.png."""
    generator = torch.Generator().manual_seed(0)
    z = run.source.sample(12, generator)
    test = data.test or data
    x = test.take(torch.randperm(len(test), generator=generator)[:12])
    generated = {"z": z.clamp(-1, 1), "f(z)": project(run.f, z), "f(f(z))": project(run.f, z, 2)}
    restored = {"x": x, "f(x)": project(run.f, x)}
    for name in CORRUPTIONS:
        damaged = damage(name, x)
        again = {f"{name}: f(x')": project(run.f, damaged), f"{name}: f(f(x'))": project(run.f, damaged, 2)}
        restored |= {name: damaged} | again
    paths = [directory / "generated.png", directory / "restored.png"]
    for rows, path in zip((generated, restored), paths, strict=True):
        sheet(list(rows.values()), list(rows)).savefig(path, bbox_inches="tight")
    return paths
