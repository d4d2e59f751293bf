"""Is a low drift a sign of belonging? Out-of-distribution detection on digits, and drift against error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from naign.data.corruptions import CORRUPTIONS
from naign.data.samples import TensorData
from naign.data.sets import Faces
from naign.evaluate import SEED
from naign.evaluate.distance import spearman
from naign.evaluate.restoration import damage
from naign.losses import distance
from naign.projection import drift, project

COUNT = 2_000  # test images, and as many outsiders of each kind
RESAMPLES = 200
NEIGHBOURS = 20_000  # training images among which the nearest is searched
BLOCK = 8  # side of the blocks that are shuffled


def measure(models: dict[str, nn.Module], data: TensorData, n: int = COUNT) -> dict:
    """How well the drift in MAE of some f, on the CPU, tells digits of the test part from outsiders, and its error.

    Returns
    -------
    dict
        auroc : score -> kind -> [value, low, high]; roc : score -> kind -> (51,) hit rates;
        correlation : model -> corruption -> Spearman of drift(x') and the error of f(x'), all x' damaged alike
    """
    x, training = data.test.take(slice(0, n)), data.take(slice(0, NEIGHBOURS))
    scores = {name: lambda images, f=f: drift(f, images, "l1").numpy() for name, f in models.items()}
    scores["nearest neighbour"] = lambda images: nearest_distance(images, training)
    kinds = outsiders(x)
    correlation = {name: {c: drift_and_error(f, c, x) for c in CORRUPTIONS} for name, f in models.items()}
    result = {"n": len(x), "auroc": {}, "roc": {}, "correlation": correlation}
    for name, score in scores.items():
        inside, outside = score(x), {kind: score(images) for kind, images in kinds.items()}
        result["auroc"][name] = {k: [float(auroc(inside, o)), *interval(inside, o)] for k, o in outside.items()}
        result["roc"][name] = {k: roc(inside, o) for k, o in outside.items()}
    return result


def outsiders(x: Tensor) -> dict[str, Tensor]:
    """What is no digit, made of digits x (n, 1, 32, 32) where it is not noise or faces: kind -> (m, 1, 32, 32)."""
    generator = torch.Generator().manual_seed(SEED)
    return {
        "noise": torch.randn(x.shape, generator=generator),
        "inverted": -x,
        "mirrored": x.flip(3),
        "turned by 90°": x.rot90(1, (2, 3)),
        "shuffled blocks": shuffled(x, generator),
        "faces": Faces(size=x.shape[-1]).load().take(slice(None)),
    }


def shuffled(x: Tensor, generator: torch.Generator) -> Tensor:
    """Each image with its blocks of 8 x 8 pixels in another order, an order of its own."""
    blocks = functional.unfold(x, BLOCK, stride=BLOCK)  # (n, C * 64, blocks)
    order = torch.rand(len(x), blocks.shape[2], generator=generator).argsort(1)
    blocks = blocks.gather(2, order[:, None].expand_as(blocks))
    return functional.fold(blocks, x.shape[2:], BLOCK, stride=BLOCK)


def auroc(inside: np.ndarray, outside: np.ndarray, axis: int = -1) -> np.ndarray:
    """Area under the ROC curve: the chance that an outsider scores higher than an insider; 1/2 for ties.

    The statistic of Mann and Whitney over the number of pairs; samples lie along `axis`, each gives an area.
    """
    from scipy.stats import mannwhitneyu

    inside, outside = inside.astype(float), outside.astype(float)
    pairs = inside.shape[axis] * outside.shape[axis]
    return mannwhitneyu(outside, inside, axis=axis, method="asymptotic").statistic / pairs


def interval(inside: np.ndarray, outside: np.ndarray) -> tuple[float, float]:
    """Bootstrap interval of the AUROC, 95%: both samples drawn again with replacement."""
    from scipy.stats import bootstrap

    options = {"n_resamples": RESAMPLES, "method": "percentile", "random_state": np.random.default_rng(SEED)}
    low, high = bootstrap((inside, outside), auroc, **options).confidence_interval
    return float(low), float(high)


def mean_auroc(values: dict[str, Sequence[float]]) -> float:
    """Over the kinds of outsiders."""
    return float(np.mean([v[0] for v in values.values()]))


def roc(inside: np.ndarray, outside: np.ndarray, points: int = 51) -> list[float]:
    """Share of outsiders found at even shares 0, ..., 1 of insiders wrongly taken for outsiders."""
    thresholds = np.quantile(inside, 1 - np.linspace(0, 1, points))
    found = [float((outside > t).mean()) for t in thresholds[:-1]]
    return [round(v, 4) for v in [*found, 1.0]]


def nearest_distance(x: Tensor, training: Tensor) -> np.ndarray:
    """Euclidean distance from each image to its nearest training image, (n,)."""
    y = training.flatten(1)
    return torch.cat([torch.cdist(part, y).min(1).values for part in x.flatten(1).split(500)]).numpy()


def drift_and_error(f: nn.Module, corruption: str, x: Tensor) -> float:
    """Spearman correlation, over images, of the drift of a damaged image and the MAE of what f restores."""
    damaged = damage(corruption, x)
    error = distance(project(f, damaged), x, "l1")
    return spearman(drift(f, damaged, "l1").numpy(), error.numpy())
