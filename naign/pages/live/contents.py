"""What each kind of live figure shows besides the networks: data, measures of drift, and its still."""

from __future__ import annotations

import io

import numpy as np
import torch
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from naign.data.samples import TensorData, as_bytes
from naign.evaluate import lenet
from naign.evaluate.distance import lattice
from naign.methods import METHODS
from naign.pages.live import networks
from naign.pages.sheets import sheet
from naign.pages.style import DATA, SOURCE, done, grid
from naign.projection import drift, generate, project, unnormalised_density
from naign.study.records import Run

Content = tuple[dict, bytes, str]
DIGITS = ("mnist", "digits")  # the data sets whose images the LeNet can read
INPUTS = 16  # images to choose from


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90, bbox_inches="tight")
    return buffer.getvalue()


def _some(runs: dict[str, Run], shown: int) -> dict[str, Run]:
    return dict(list(runs.items())[:shown])


def _colour(run: Run) -> str:
    return METHODS[run.config["method"]].colour


def _draws(data: object, n: int, shape: tuple[int, ...]) -> Tensor:
    """n samples of the data, none where they are not given."""
    return data.sample(n, torch.Generator().manual_seed(0)) if data else torch.zeros(0, *shape)


def plane(runs: dict[str, Run], data: object, shown: int, payloads: dict[str, dict]) -> Content:
    """Runs in the plane."""
    first = next(iter(runs.values()))
    x = _draws(data, 600, (2,))
    reach = x if len(x) else generate(first.f, first.source, 600)
    limit = round(max(3.5, 1.15 * reach.abs().max().item()), 1)
    fine, coarse = lattice(((-limit, limit),) * 2, 61), lattice(((-0.7 * limit, 0.7 * limit),) * 2, 9)
    start = coarse[(drift(first.f, coarse) - limit / 3).abs().argmin()]  # a point that f moves, but not too far
    figure, axes = grid(_some(runs, shown), 3.4, 3.4)
    for run, ax in zip(_some(runs, shown).values(), axes, strict=True):
        colours = LinearSegmentedColormap.from_list("", ["white", _colour(run)])
        density = unnormalised_density(run.f, fine).reshape(61, 61).numpy()
        ax.imshow(density, origin="lower", extent=(-limit, limit) * 2, cmap=colours, vmax=1.6)
        some = fine.reshape(61, 61, 2)[2::4, 2::4].reshape(-1, 2)
        moved = (project(run.f, some) - some).numpy()
        ax.quiver(*some.numpy().T, *moved.T, angles="xy", scale_units="xy", scale=2, alpha=0.5, width=3e-3)
        ax.scatter(*x.numpy().T, s=2, color=DATA, alpha=0.4, lw=0)
        ax.plot(*torch.cat([project(run.f, start[None], k) for k in range(3)]).numpy().T, "ko-", mfc=_colour(run))
        ax.set(xlim=(-limit, limit), ylim=(-limit, limit), xticks=[], yticks=[])
    content = {"limit": limit, "start": [round(v, 2) for v in start.tolist()], "data": networks.encoded(x)}
    text = f"The plane under f of {' and '.join(_some(runs, shown))}: data, drift, and a point with its image."
    return content, _png(done(figure)), text


def line(runs: dict[str, Run], data: object, shown: int, payloads: dict[str, dict]) -> Content:
    """Runs on the line, and the modes' markers over the source."""
    x = _draws(data, 4000, (1,))
    reach = x if len(x) else generate(next(iter(runs.values())).f, next(iter(runs.values())).source, 4000)
    low, high = round(min(-3.5, reach.min().item() - 0.4), 1), round(max(3.5, reach.max().item() + 0.4), 1)
    at = torch.linspace(low, high, 800)[:, None]
    figure, (ax,) = grid([""], 6, 4, x="z", y="f(z)")
    ax.axline((0, 0), slope=1, color=DATA, ls=":")
    for label, run in _some(runs, shown).items():
        ax.plot(at.numpy(), project(run.f, at).numpy(), color=_colour(run), label=label)
    bell = torch.exp(-(at[:, 0] ** 2) / 2)
    ax.fill_between(at[:, 0].numpy(), low, (low + 0.9 * bell).numpy(), color=SOURCE, alpha=0.3, lw=0, label="source")
    if len(x):
        ax.hist(
            x[:, 0].numpy(),
            80,
            range=(low, high),
            density=True,
            orientation="horizontal",
            color=DATA,
            alpha=0.3,
            bottom=low,
        )
    ax.set(xlim=(low, high), ylim=(low, high))
    ax.legend()
    content = {"low": low, "high": high, "data": networks.encoded(x), "modes": []}
    if hasattr(data, "centres"):
        modes = zip(np.ravel(data.centres), data.sigmas, data.shares, strict=True)
        content["modes"] = [[float(c), float(s), float(share)] for c, s, share in modes]
    return content, _png(done(figure)), f"f of {' and '.join(_some(runs, shown))} on the line, the source and the data."


def repair(runs: dict[str, Run], data: object, shown: int, payloads: dict[str, dict]) -> Content:
    """Images to damage and restore: test images where data are given, else what f makes of noise."""
    first = next(iter(runs.values()))
    shape = tuple(first.config["shape"])
    held = (data.test or data) if isinstance(data, TensorData) else None
    x = (
        generate(first.f, first.source, INPUTS, torch.Generator().manual_seed(0))
        if held is None
        else held.take(slice(INPUTS))
    )
    content = {"shape": list(shape), "images": networks.encoded(as_bytes(x), "u1") if held else "", "reader": ""}
    if first.config["data"] in DIGITS and shape == (1, 32, 32):
        payload = networks.network(lenet.load()[0], shape) | {"source": None}
        content["reader"] = networks.key(payload)
        payloads[content["reader"]] = payload
    content["scales"] = {label: _scale(run, held) for label, run in runs.items()}
    damaged = x[:10] + 0.5 * torch.randn(x[:10].shape, generator=torch.Generator().manual_seed(0))
    rows = {"x": x[:10], "x' = x + noise": damaged}
    for label, run in _some(runs, shown).items():
        rows |= {f"{label}: f(x')": project(run.f, damaged), f"{label}: f(f(x'))": project(run.f, damaged, 2)}
    text = f"Images, damaged by noise, and restored by f of {' and '.join(_some(runs, shown))}."
    return content, _png(sheet(list(rows.values()), list(rows))), text


def _scale(run: Run, held: TensorData | None) -> list[list]:
    """What drift is usual: [name, quantile of 5%, of 50%, of 95%] for images that belong to the data, and for noise."""
    generator = torch.Generator().manual_seed(0)
    z = run.source.sample(200, generator)
    kinds = {"f(z)": project(run.f, z)} if held is None else {"test images": held.take(slice(500))}
    at = torch.tensor([0.05, 0.5, 0.95])
    found = {name: drift(run.f, x, "l1").quantile(at) for name, x in (kinds | {"noise": z}).items()}
    return [[name, *(round(v, 4) for v in quantiles.tolist())] for name, quantiles in found.items()]


def gallery(runs: dict[str, Run], data: object, shown: int, payloads: dict[str, dict]) -> Content:
    """New images from noise, and walks between two noises."""
    some = _some(runs, shown)
    rows = {label: generate(run.f, run.source, 12, torch.Generator().manual_seed(0)) for label, run in some.items()}
    text = f"New images from noise by f of {' and '.join(some)}."
    shape = list(next(iter(runs.values())).config["shape"])
    return {"shape": shape}, _png(sheet(list(rows.values()), [f"{label}: f(z)" for label in rows])), text


KINDS = {"line": line, "plane": plane, "gallery": gallery, "repair": repair}


def usual(shape: tuple[int, ...]) -> str:
    """The kind of figure for samples of a shape, "" if there is none."""
    return {(1,): "line", (2,): "plane"}.get(shape, "gallery" if fits("gallery", shape) else "")


def fits(kind: str, shape: tuple[int, ...]) -> bool:
    """Whether a kind of figure can show samples of a shape."""
    if kind in ("line", "plane"):
        return shape == ((1,) if kind == "line" else (2,))
    return len(shape) == 3 and shape[1] == shape[2] and shape[0] in (1, 3)
