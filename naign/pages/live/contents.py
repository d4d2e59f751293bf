"""What each kind of live figure shows besides the networks: data, measures of drift, and its still."""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from naign.data.samples import TensorData, as_bytes
from naign.evaluate import lenet
from naign.evaluate.distance import lattice
from naign.methods import METHODS
from naign.pages.live import networks
from naign.projection import drift, generate, project, unnormalised_density
from naign.study.records import Run

Runs = dict[str, Run]
Content = tuple[dict, Figure, str]  # for the script; the still; what it shows
DIGITS = ("mnist", "digits")  # the data sets whose images the LeNet can read
INPUTS = 16  # images to choose from
DATA, SOURCE = "#4D4D4D", "#009E73"  # as in the scripts


def _still(width: float, height: float, panels: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure of a size in inches, and its panels side by side."""
    figure = Figure((width, height), dpi=90, layout="constrained")
    return figure, list(figure.subplots(1, panels, squeeze=False)[0])


def _sheet(rows: dict[str, Tensor]) -> Figure:
    """Rows of images in [-1, 1], each (n, C, H, W), with their labels."""
    picture = torch.cat([torch.cat(list(images), 2) for images in rows.values()], 1)
    high, wide = picture.shape[1:]
    figure, (ax,) = _still(8, 0.2 + 7 * high / wide)
    ax.imshow(picture.permute(1, 2, 0).squeeze(2).clamp(-1, 1).add(1).div(2).numpy(), cmap="gray")
    ax.set_yticks((np.arange(len(rows)) + 0.5) * high / len(rows), list(rows))
    ax.set_xticks([])
    return figure


def _colour(run: Run) -> str:
    return METHODS[run.config["method"]].colour


def _draws(first: Run, data: object, n: int) -> tuple[Tensor, Tensor]:
    """n samples of the data, none where they are not given; and what tells how far the figure must reach."""
    shape = tuple(first.config["shape"])
    x = data.sample(n, torch.Generator().manual_seed(0)) if data else torch.zeros(0, *shape)
    return x, x if len(x) else generate(first.f, first.source, n, torch.Generator().manual_seed(0))


def plane(runs: Runs, shown: Runs, data: object, payloads: dict[str, dict]) -> Content:
    """Runs in the plane."""
    first = next(iter(runs.values()))
    x, reach = _draws(first, data, 600)
    limit = round(max(3.5, 1.15 * reach.abs().max().item()), 1)
    fine, coarse = (lattice([(-reach, reach)] * 2, n) for reach, n in ((limit, 61), (0.7 * limit, 9)))
    start = coarse[(drift(first.f, coarse) - limit / 3).abs().argmin()]  # a point that f moves, but not too far
    figure, axes = _still(7, 3.7, len(shown))
    for (label, run), ax in zip(shown.items(), axes, strict=True):
        colours = LinearSegmentedColormap.from_list("", ["white", _colour(run)])
        density = unnormalised_density(run.f, fine).reshape(61, 61).numpy()
        ax.imshow(density, origin="lower", extent=(-limit, limit) * 2, cmap=colours, vmax=1.6)
        some = fine.reshape(61, 61, 2)[2::4, 2::4].reshape(-1, 2)
        moved = (project(run.f, some) - some).numpy()
        ax.quiver(*some.numpy().T, *moved.T, angles="xy", scale_units="xy", scale=2, alpha=0.5, width=3e-3)
        ax.scatter(*x.numpy().T, s=2, color=DATA, alpha=0.4, lw=0)
        ax.plot(*torch.cat([project(run.f, start[None], k) for k in range(3)]).numpy().T, "ko-", mfc=_colour(run))
        ax.set(xlim=(-limit, limit), ylim=(-limit, limit), xticks=[], yticks=[], title=label)
    content = {"limit": limit, "start": [round(v, 2) for v in start.tolist()], "data": networks.encoded(x)}
    text = f"The plane under f of {' and '.join(shown)}: data, drift, and a point with its image."
    return content, figure, text


def line(runs: Runs, shown: Runs, data: object, payloads: dict[str, dict]) -> Content:
    """Runs on the line, and the modes' markers over the source."""
    x, reach = _draws(next(iter(runs.values())), data, 4000)
    low, high = round(min(-3.5, reach.min().item() - 0.4), 1), round(max(3.5, reach.max().item() + 0.4), 1)
    at = torch.linspace(low, high, 800)
    figure, (ax,) = _still(7, 4.5)
    ax.axline((0, 0), slope=1, color=DATA, ls=":")
    for label, run in shown.items():
        ax.plot(at.numpy(), project(run.f, at[:, None]).numpy(), color=_colour(run), label=label)
    bell = low + 0.9 * torch.exp(-(at**2) / 2)
    ax.fill_between(at.numpy(), low, bell.numpy(), color=SOURCE, alpha=0.3, lw=0, label="source")
    if len(x):
        shares, edges = np.histogram(x.numpy(), 80, (low, high), density=True)
        ax.stairs(high - shares, edges, baseline=high, orientation="horizontal", fill=True, color="0.8", label="data")
    ax.set(xlim=(low, high), ylim=(low, high), xlabel="z", ylabel="f(z)")
    ax.legend(loc="upper left")
    content = {"low": low, "high": high, "data": networks.encoded(x), "modes": []}
    if hasattr(data, "centres"):
        modes = zip(np.ravel(data.centres), data.sigmas, data.shares, strict=True)
        content["modes"] = [[float(c), float(s), float(share)] for c, s, share in modes]
    return content, figure, f"f of {' and '.join(shown)} on the line, the source and the data."


def repair(runs: Runs, shown: Runs, data: object, payloads: dict[str, dict]) -> Content:
    """Images to damage and restore: test images where data are given, else what f makes of noise."""
    first, generator = next(iter(runs.values())), torch.Generator().manual_seed(0)
    held = (data.test or data) if isinstance(data, TensorData) else None
    x = held.take(slice(INPUTS)) if held else generate(first.f, first.source, INPUTS, generator)
    content = {"shape": list(x.shape[1:]), "images": networks.encoded(as_bytes(x), "u1") if held else "", "reader": ""}
    if first.config["data"] in DIGITS and x.shape[1:] == (1, 32, 32):
        content["reader"] = networks.enter(payloads, lenet.load()[0], (1, 32, 32))
    content["scales"] = {label: _scale(run, held) for label, run in runs.items()}
    x = x[:10]
    damaged = x + 0.5 * torch.randn(x.shape, generator=generator)
    rows = {"x": x, "x' = x + noise": damaged}
    for label, run in shown.items():
        rows |= {f"{label}: f(x')": project(run.f, damaged), f"{label}: f(f(x'))": project(run.f, damaged, 2)}
    return content, _sheet(rows), f"Images, damaged by noise, and restored by f of {' and '.join(shown)}."


def _scale(run: Run, held: TensorData | None) -> list[list]:
    """What drift is usual: [name, quantile of 5%, of 50%, of 95%] for images that belong to the data, and for noise."""
    z = run.source.sample(200, torch.Generator().manual_seed(0))
    kinds = {"test images": held.take(slice(500))} if held else {"f(z)": project(run.f, z)}
    at = torch.tensor([0.05, 0.5, 0.95])
    found = {name: drift(run.f, x, "l1").quantile(at) for name, x in (kinds | {"noise": z}).items()}
    return [[name, *(round(v, 4) for v in quantiles.tolist())] for name, quantiles in found.items()]


def gallery(runs: Runs, shown: Runs, data: object, payloads: dict[str, dict]) -> Content:
    """New images from noise, and walks between two noises."""
    rows = {f"{m}: f(z)": generate(r.f, r.source, 12, torch.Generator().manual_seed(0)) for m, r in shown.items()}
    shape = list(next(iter(runs.values())).config["shape"])
    return {"shape": shape}, _sheet(rows), f"New images from noise by f of {' and '.join(shown)}."


KINDS = {"line": line, "plane": plane, "gallery": gallery, "repair": repair}


def fitting(shape: tuple[int, ...]) -> list[str]:
    """The kinds of figure that can show samples of a shape, the usual one first."""
    if len(shape) == 3 and shape[1] == shape[2] and shape[0] in (1, 3):
        return ["gallery", "repair"]
    return {(1,): ["line"], (2,): ["plane"]}.get(shape, [])
