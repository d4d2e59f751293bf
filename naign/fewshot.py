"""Samples of a model trained on few images: do they cover them, vary, repeat them?"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

FEW = 1_000  # training images up to which every one of them can be asked for
SAMPLES = 1_000
QUANTILES = 21


def scores(fz: Tensor, x: Tensor) -> dict[str, dict]:
    """`compared` in pixels, and in orientation histograms if the images are large enough for these.

    Parameters
    ----------
    fz, x : (m, C, H, W) samples and (n, C, H, W) training images, in [-1, 1]
    """
    result = {"pixels": compared(fz.flatten(1), x.flatten(1))}
    if x.shape[-1] >= 2 * CELL:
        result["shapes"] = compared(hog(fz), hog(x))
    return result


def compared(fz: Tensor, x: Tensor) -> dict[str, float | list]:
    """How samples lie among the training points, by Euclidean distance.

    Parameters
    ----------
    fz, x : (m, D), (n, D), both with two points or more

    Returns
    -------
    dict
        covered : share of training points that are some sample's nearest one
        effective : exp of the entropy of the samples' shares: the number of training points
            that would serve them evenly, 1 to n
        diversity : mean distance between two samples over that between two training points
        ratio : median distance of a sample to its nearest training point over that of a training
            point to its nearest other; 0 for copies
        samples, training : quantiles of these two distances, the latter's median as unit
        counts : samples a training point, (n,)
    """
    if len(fz) < 2 or len(x) < 2:
        raise ValueError(f"{len(fz)} samples and {len(x)} training points: at least 2 of each are needed.")
    to_training, index = torch.cdist(fz, x).min(1)
    among = torch.cdist(x, x)
    others = among.clone().fill_diagonal_(math.inf).min(1).values
    counts = torch.bincount(index, minlength=len(x))
    shares = counts[counts > 0] / len(fz)
    unit = others.median().clamp_min(1e-12)
    at = torch.linspace(0, 1, QUANTILES)
    return {
        "covered": (counts > 0).float().mean().item(),
        "effective": math.exp(-(shares * shares.log()).sum().item()),
        "diversity": (_mean_off_diagonal(torch.cdist(fz, fz)) / _mean_off_diagonal(among).clamp_min(1e-12)).item(),
        "ratio": (to_training.median() / unit).item(),
        "samples": [round(q, 4) for q in (to_training / unit).quantile(at).tolist()],
        "training": [round(q, 4) for q in (others / unit).quantile(at).tolist()],
        "counts": counts.tolist(),
    }


def _mean_off_diagonal(distances: Tensor) -> Tensor:
    n = len(distances)
    return distances.sum() / (n * (n - 1))


CELL, BINS = 8, 9


def hog(images: Tensor) -> Tensor:
    """Histograms of oriented gradients (Dalal and Triggs 2005): shapes rather than colours.

    Cells of 8 x 8 pixels, 9 unsigned orientations, blocks of 2 x 2 cells with Euclidean norm 1; of
    several channels each pixel takes the steepest.

    Parameters
    ----------
    images : (n, C, H, W) in [-1, 1], H and W at least 16

    Returns
    -------
    (n, D)
    """
    images = images.float().add(1).div(2)
    row, column = torch.zeros_like(images), torch.zeros_like(images)
    row[:, :, 1:-1] = images[:, :, 2:] - images[:, :, :-2]
    column[:, :, :, 1:-1] = images[:, :, :, 2:] - images[:, :, :, :-2]
    size, steepest = torch.hypot(row, column).max(1, keepdim=True)
    angle = torch.rad2deg(torch.atan2(row.gather(1, steepest), column.gather(1, steepest))) % 180
    which = (angle / (180 / BINS)).long().clamp_max(BINS - 1)
    planes = torch.zeros(len(images), BINS, *images.shape[2:]).scatter_(1, which, size)
    cells = functional.avg_pool2d(planes, CELL)
    blocks = functional.unfold(cells, 2).transpose(1, 2)  # (n, blocks, BINS * 4)
    return (blocks / (blocks.square().sum(2, keepdim=True) + 1e-10).sqrt()).flatten(1)
