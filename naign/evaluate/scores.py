"""The scores of one trained f, as they are stored with its run; they can be computed again at any time."""

import copy
import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn

from naign import losses
from naign.data.samples import TensorData
from naign.data.toys import Toy
from naign.evaluate import SEED, images, shares, validation
from naign.evaluate.clouds import Snapshots, each_snapshot
from naign.evaluate.distance import geometry
from naign.projection import generate, project


def scores(
    f: nn.Module,
    source: nn.Module,
    data: Toy | TensorData,
    distance: str = "l2",
    snapshots: Snapshots | None = None,
) -> tuple[dict, dict[str, Tensor]]:
    """Every score of f, nested by name, and of images some pictures, bytes (n, C, H, W) by name.

    The draws are the same for every f; neither f nor the source is changed.

    Parameters
    ----------
    f, source : on any device; images are scored where f is, all else on the CPU
    data : a toy or samples on the CPU; samples of three dimensions are images
    distance : see `naign.losses.distance`; images are scored in MAE
    snapshots : step -> parameters of f, for its scores during training
    """
    source = copy.deepcopy(source).cpu()
    if len(data.shape) == 3:
        device = next((p.device for p in f.parameters()), torch.device("cpu"))
        judge = images.Judge(data, device=device)
        metrics, pictures = images.measure(f, source, judge)
        metrics["data"] = images.floor(judge)
        if snapshots:
            metrics["probes"] = images.probes(f, source, snapshots, judge)
        ends = functools.partial(images.ends, source=source, judge=judge)
    else:
        f = copy.deepcopy(f).cpu()
        metrics, pictures = of_points(f, source, data, distance), {}
        ends = functools.partial(of_points, source=source, data=data, d=distance)
        if isinstance(data, Toy):
            metrics |= geometry(functools.partial(project, f), data)
    return metrics | best(f, source, data, snapshots or {}, ends), pictures


def best(f: nn.Module, source: nn.Module, data: Toy | TensorData, snapshots: Snapshots, ends: Callable) -> dict:
    """What `validation.by_step` finds, and under "best" the scores of f(z) and f(f(z)) at the step it names."""
    found = validation.by_step(f, source, data, snapshots)
    if not found:
        return {}
    then = dict(each_snapshot(f, {found["best"]: snapshots[found["best"]]}))[found["best"]]
    return {"validation": found, "best": {k: v for k, v in ends(then).items() if k != "data"}}


def of_points(f: nn.Module, source: nn.Module, data: Toy | TensorData, d: str, n: int = 10_000) -> dict:
    """Scores of f(z) and f(f(z)) against as many fresh samples of a toy, or each sample of a data set once."""
    toy, generator = isinstance(data, Toy), torch.Generator().manual_seed(SEED)
    x = data.sample(n, generator) if toy else data.take(slice(0, n))
    fz = generate(f, source, len(x), generator)
    ffz = project(f, fz)

    def judged(y: Tensor) -> dict:
        known = of_toy(data, x, y) if toy else {}
        if len(x) <= shares.NEIGHBOURS:  # too few for radii
            return known
        coverage, density = shares.coverage_density(x.flatten(1), y.flatten(1))
        return known | {"coverage": coverage, "density": density}

    result = {
        "n": len(x),
        "rec": losses.distance(x, project(f, x), d).mean().item(),
        "gap": losses.distance(fz, ffz, d).mean().item(),
        "fz": judged(fz),
        "ffz": judged(ffz),
    }
    if toy:  # fresh samples of the data: the best that n samples can score
        result["data"] = judged(data.sample(n, generator))
    return result


def of_toy(toy: Toy, x: Tensor, y: Tensor) -> dict:
    """Which modes of a toy samples y (n, D) are of, and on the line their exact W1 to samples x.

    Modes are counted as for GANs on toy mixtures: those with at least one high-quality sample.
    """
    labels, good = toy.assign(y), toy.is_high_quality(y)
    held = shares.mode_shares(labels, len(toy.shares))
    result = {
        "shares": [round(float(s), 6) for s in held],
        "modes": len(labels[good].unique()),
        "high_quality": float(good.float().mean()),
        "reverse_kl": shares.reverse_kl(held, toy.shares),
    }
    if toy.shape == (1,):
        from scipy.stats import wasserstein_distance

        result["w1"] = float(wasserstein_distance(x[:, 0], y[:, 0]))
    return result
