"""Arrays in, a matplotlib Figure out: no computing, no files."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from naign.tables import LABELS

# One colour a method throughout: Okabe and Ito's, told apart by colour-blind readers.
COLOURS = {"naign": "#0072B2", "naign-minus": "#E69F00", "ign": "#D55E00", "data": "#4D4D4D", "source": "#009E73"}
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


def histograms(rows: dict[str, Sequence[ArrayLike]], limits: tuple[float, float]) -> Figure:
    """Figure 2: for each method five histograms on the line, the data's in grey behind the last three.

    rows : method -> (x, f(x), z, f(z), f(f(z))), each (n,)
    """
    figure, axes = plt.subplots(len(rows), 5, figsize=(10, 1.7 * len(rows)), sharex=True, squeeze=False)
    bins = np.linspace(*limits, 121)
    for line, (method, samples) in zip(axes, rows.items(), strict=True):
        for i, (ax, values) in enumerate(zip(line, samples, strict=True)):
            colour = {0: COLOURS["data"], 2: COLOURS["source"]}.get(i, COLOURS[method])
            if i >= 2:
                ax.hist(np.ravel(samples[0]), bins, density=True, color="0.82")
            ax.hist(np.ravel(values), bins, density=True, color=colour, alpha=0.85)
            ax.set_yticks([])
        line[0].set_ylabel(LABELS[method])
    _head(axes)
    for ax in axes[-1]:
        ax.set_xlabel("position")
    return _tight(figure)


def scatters(rows: dict[str, Sequence[ArrayLike]], limit: float) -> Figure:
    """Figure 3: for each method five clouds of points in the plane, the data's in grey behind the last two.

    rows : method -> (x, f(x), z, f(z), f(f(z))), each (n, 2)
    """
    figure, axes = plt.subplots(len(rows), 5, figsize=(10, 2.05 * len(rows)), sharex=True, sharey=True, squeeze=False)
    for line, (method, samples) in zip(axes, rows.items(), strict=True):
        for i, (ax, points) in enumerate(zip(line, samples, strict=True)):
            colour = {0: COLOURS["data"], 2: COLOURS["source"]}.get(i, COLOURS[method])
            if i >= 3:
                cloud(ax, samples[0], "0.8", 2)
            cloud(ax, points, colour)
            ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
        line[0].set_ylabel(LABELS[method])
    _head(axes)
    return _tight(figure)


def cloud(ax: plt.Axes, points: ArrayLike, colour: str, size: float = 1.2) -> None:
    """A scatter plot of (n, 2) points."""
    points = np.asarray(points)
    ax.scatter(points[:, 0], points[:, 1], s=size, c=colour, linewidths=0, rasterized=True)


def snapshots(rows: dict[str, dict[int, ArrayLike]], background: ArrayLike, limit: float) -> Figure:
    """f(z) after some numbers of steps, a row a method: method -> {step: (n, 2)}."""
    columns = max(len(r) for r in rows.values())
    figure, axes = plt.subplots(
        len(rows), columns, figsize=(10, 2.05 * len(rows)), sharex=True, sharey=True, squeeze=False
    )
    for line, (method, by_step) in zip(axes, rows.items(), strict=True):
        for ax, (step, points) in zip(line, sorted(by_step.items()), strict=True):
            cloud(ax, background, "0.8", 2)
            cloud(ax, points, COLOURS[method])
            ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
            if line is axes[0]:
                ax.set_title(f"step {step:,}")
        line[0].set_ylabel(LABELS[method])
    return _tight(figure)


def snapshot_histograms(rows: dict[str, dict[int, ArrayLike]], x: ArrayLike, limits: tuple[float, float]) -> Figure:
    """The same on the line, the data's histogram in grey: method -> {step: (n,)}."""
    columns = max(len(r) for r in rows.values())
    figure, axes = plt.subplots(len(rows), columns, figsize=(10, 1.7 * len(rows)), sharex=True, squeeze=False)
    bins = np.linspace(*limits, 121)
    for line, (method, by_step) in zip(axes, rows.items(), strict=True):
        for ax, (step, values) in zip(line, sorted(by_step.items()), strict=True):
            ax.hist(np.ravel(x), bins, density=True, color="0.82")
            ax.hist(np.ravel(values), bins, density=True, color=COLOURS[method], alpha=0.85)
            ax.set_yticks([])
            if line is axes[0]:
                ax.set_title(f"step {step:,}")
        line[0].set_ylabel(LABELS[method])
    for ax in axes[-1]:
        ax.set_xlabel("position")
    return _tight(figure)


def losses(histories: dict[str, Sequence[dict[str, list[float]]]]) -> Figure:
    """Every loss term against the step, a panel a term, a line a seed: method -> histories."""
    terms = [t for t in ("rec", "imle", "idem", "tight") if any(t in h[0] for h in histories.values())]
    figure, axes = plt.subplots(1, len(terms), figsize=(10, 2.4), squeeze=False)
    for ax, term in zip(axes[0], terms, strict=True):
        for method, runs in histories.items():
            for i, h in enumerate(runs):
                if term in h and any(h[term]):
                    label = LABELS[method] if i == 0 else None
                    ax.plot(h["step"], np.abs(h[term]), color=COLOURS[method], lw=0.9, alpha=0.8, label=label)
        ax.set(yscale="log", xlabel="step", title=f"|{term}|" if term == "tight" else term)
        ax.legend(fontsize=7)
    axes[0, 0].set_ylabel("loss term (log scale)")
    return _tight(figure)


def mode_shares(shares: dict[str, ArrayLike], truth: ArrayLike, floor: ArrayLike | None = None) -> Figure:
    """Each mode's share of f(z), a bar a method with the range over seeds: method -> (seeds, K)."""
    truth = np.asarray(truth)
    figure, ax = plt.subplots(figsize=(9, 2.6))
    width = 0.8 / len(shares)
    for i, (method, values) in enumerate(shares.items()):
        values = np.atleast_2d(values)
        middle = values.mean(0)
        at = np.arange(len(truth)) + (i - (len(shares) - 1) / 2) * width
        spread = np.abs(np.stack([values.min(0), values.max(0)]) - middle)
        ax.bar(at, middle, width, color=COLOURS[method], label=LABELS[method])
        ax.errorbar(at, middle, spread, fmt="none", ecolor="0.2", elinewidth=0.8)
    ax.hlines(truth, np.arange(len(truth)) - 0.45, np.arange(len(truth)) + 0.45, "k", lw=1, label="true share")
    if floor is not None:
        x = np.arange(len(truth))
        ax.hlines(floor, x - 0.45, x + 0.45, COLOURS["source"], linestyles="--", lw=1.4, label="mass floor")
    ax.set(xlabel="mode", ylabel="share of f(z)", xticks=np.arange(len(truth)))
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


def applied(clouds: Sequence[ArrayLike], background: ArrayLike, colour: str, title: str, limits: ArrayLike) -> Figure:
    """z, f(z), f(f(z)), ... side by side, in the plane (n, 2) or on the line (n, 1)."""
    figure, axes = plt.subplots(1, len(clouds), figsize=(2.4 * len(clouds) + 1, 2.7), sharex=True, squeeze=False)
    low, high = limits
    for k, (ax, points) in enumerate(zip(axes[0], clouds, strict=True)):
        points = np.asarray(points)
        if points.shape[1] == 1:
            bins = np.linspace(low, high, 121)
            ax.hist(np.ravel(background), bins, density=True, color="0.82")
            ax.hist(np.ravel(points), bins, density=True, color=colour, alpha=0.85)
            ax.set(yticks=[], xlabel="position")
        else:
            cloud(ax, background, "0.8", 2)
            cloud(ax, points, colour)
            ax.set(xlim=(low, high), ylim=(low, high), aspect="equal")
        ax.set_title("$z$" if k == 0 else f"$f^{{{k}}}(z)$")
    figure.suptitle(title, fontsize=9)
    return _tight(figure)


def sheet(rows: Sequence[ArrayLike], labels: Sequence[str]) -> Figure:
    """Rows of images in [-1, 1]: each (n, C, H, W)."""
    count = len(rows[0])
    figure, axes = plt.subplots(len(rows), count, figsize=(0.62 * count + 1, 0.72 * len(rows)), squeeze=False)
    for line, images, label in zip(axes, rows, labels, strict=True):
        for ax, image in zip(line, np.asarray(images), strict=True):
            picture = np.clip((image.transpose(1, 2, 0) + 1) / 2, 0, 1)
            ax.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
        line[0].set_ylabel(label, rotation=0, ha="right", va="center")
    return _tight(figure)


def _head(axes: np.ndarray) -> None:
    for ax, title in zip(axes[0], COLUMNS, strict=True):
        ax.set_title(title)


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
                ax.plot(
                    h["step"], h["distinct"], color=COLOURS[method], lw=0.9, label=LABELS[method] if i == 0 else None
                )
        ax.set(title=data, xlabel="step", ylim=(0, 1))
    axes[0, 0].set_ylabel("distinct winners")
    axes[0, -1].legend(fontsize=7)
    return _tight(figure)
