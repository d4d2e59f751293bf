"""The scores of one trained f, as they are stored with its run; they can be computed again at any time."""

import copy
import functools

import torch
from torch import Tensor, nn

from naign.data.samples import TensorData
from naign.data.toys import Toy
from naign.evaluate import SEED, images, shares, validation
from naign.evaluate.clouds import Snapshots, each_snapshot
from naign.evaluate.distance import geometry
from naign.projection import project

SAMPLES = 10_000  # of points


def scores(
    f: nn.Module, source: nn.Module, data: Toy | TensorData, distance: str = "l2", snapshots: Snapshots | None = None
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
    source, snapshots = copy.deepcopy(source).cpu(), snapshots or {}
    if len(data.shape) == 3:
        judge = images.Judge(data, device=next((p.device for p in f.parameters()), "cpu"))
        z = judge.draws(source)
        metrics, pictures = images.measure(f, source, judge)
        metrics["data"] = images.floor(judge)
        if snapshots:
            metrics["probes"] = images.probes(f, source, snapshots, judge)
    else:
        f, generator, toy = copy.deepcopy(f).cpu(), torch.Generator().manual_seed(SEED), isinstance(data, Toy)
        x = data.sample(SAMPLES, generator) if toy else data.take(slice(0, SAMPLES))
        z, judge = source.sample(len(x), generator), shares.Points(data, x, distance)
        metrics, pictures = images.ends(f, z, judge), {}
        if toy:  # fresh samples of the data: the best that so many samples can score
            metrics["data"] = judge.scores(data.sample(SAMPLES, generator))
            metrics |= geometry(functools.partial(project, f), data)
    if found := validation.by_step(f, source, data, snapshots):
        ((_, then),) = each_snapshot(f, {found["best"]: snapshots[found["best"]]})
        metrics |= {"validation": found, "best": images.ends(then, z, judge)}
    return metrics, pictures
