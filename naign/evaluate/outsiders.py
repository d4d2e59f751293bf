"""Is a low drift a sign of belonging? Out-of-distribution detection on digits, and drift against error."""

import functools

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


def measure(
    models: dict[str, nn.Module], data: TensorData, others: dict[str, Tensor] | None = None, n: int = COUNT
) -> dict:
    """How well the drift in MAE of some f, on the CPU, tells digits of the test part from outsiders, and its error.

    `others` are outsiders besides those of `outsiders`, by name, each (m, 1, 32, 32).
    Beside it, as a score without a network, the Euclidean distance to the nearest training image.

    Returns
    -------
    dict
        auroc : score -> kind -> [value, low, high]; roc : score -> kind -> (51,) hit rates;
        correlation : model -> corruption -> Spearman of drift(x') and the error of f(x'), all x' damaged alike
    """
    x, training = data.test.take(slice(0, n)), data.take(slice(0, NEIGHBOURS)).flatten(1)

    def nearest(images: Tensor) -> Tensor:
        return torch.cat([torch.cdist(part, training).min(1).values for part in images.flatten(1).split(500)])

    kinds = outsiders(x) | (others or {})
    correlation = {name: {c: drift_and_error(f, c, x) for c in CORRUPTIONS} for name, f in models.items()}
    result = {"n": len(x), "auroc": {}, "roc": {}, "correlation": correlation}
    scores = {name: functools.partial(drift, f, distance="l1") for name, f in models.items()}
    for name, score in (scores | {"nearest neighbour": nearest}).items():
        inside, outside = score(x).numpy(), {kind: score(images).numpy() for kind, images in kinds.items()}
        result["auroc"][name] = {kind: auroc(inside, o) for kind, o in outside.items()}
        result["roc"][name] = {kind: roc(inside, o) for kind, o in outside.items()}
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


def auroc(inside: np.ndarray, outside: np.ndarray) -> list[float]:
    """Area under the ROC curve: the chance that an outsider scores higher than an insider; 1/2 for ties.

    The statistic of Mann and Whitney over the number of pairs, and its 95% interval by the bootstrap: both samples,
    each of at least two, drawn again with replacement.
    """
    from scipy.stats import bootstrap, mannwhitneyu

    def area(inside: np.ndarray, outside: np.ndarray, axis: int = -1) -> np.ndarray:
        pairs = inside.shape[axis] * outside.shape[axis]
        return mannwhitneyu(outside, inside, axis=axis, method="asymptotic").statistic / pairs

    samples = (inside.astype(float), outside.astype(float))
    options = {"n_resamples": RESAMPLES, "method": "percentile", "random_state": np.random.default_rng(SEED)}
    return [float(v) for v in (area(*samples), *bootstrap(samples, area, **options).confidence_interval)]


def roc(inside: np.ndarray, outside: np.ndarray, points: int = 51) -> list[float]:
    """Share of outsiders found at even shares 0, ..., 1 of insiders wrongly taken for outsiders."""
    thresholds = np.quantile(inside, 1 - np.linspace(0, 1, points))
    found = [float((outside > t).mean()) for t in thresholds[:-1]]
    return [round(v, 4) for v in [*found, 1.0]]


def drift_and_error(f: nn.Module, corruption: str, x: Tensor) -> float:
    """Spearman correlation, over images, of the drift of a damaged image and the MAE of what f restores."""
    damaged = damage(corruption, x)
    error = distance(project(f, damaged), x, "l1")
    return spearman(drift(f, damaged, "l1").numpy(), error.numpy())
