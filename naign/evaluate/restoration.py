"""What f makes of damaged images, and what plain ways of restoring make of them."""

import torch
from torch import Tensor, nn

from naign.data.corruptions import CORRUPTIONS
from naign.evaluate import SEED
from naign.losses import distance
from naign.projection import project

LEVELS = {
    "blur": (0.5, 1.0, 1.5, 2.0, 3.0, 4.0),
    "noise": (0.25, 0.5, 0.75, 1.0, 1.5, 2.0),
    "salt and pepper": (0.05, 0.1, 0.2, 0.3, 0.5, 0.7),
    "lines": (0.05, 0.1, 0.2, 0.3, 0.4, 0.5),
}
WINDOWS = (3, 5, 7)  # of the median filter
COMPONENTS = (5, 10, 20, 40, 80)  # of the PCA


def damage(name: str, x: Tensor, level: float | None = None) -> Tensor:
    """x after a corruption at a level, by default the paper's; drawn on the CPU, so alike on every device."""
    options = {} if level is None else {"level": level}
    return CORRUPTIONS[name](x.cpu(), torch.Generator().manual_seed(SEED), **options).to(x.device)


def repaired(f: nn.Module, name: str, x: Tensor, level: float | None = None) -> dict[str, Tensor]:
    """Images x after `damage`, and after one and two applications of f to that: "damaged", "once", "twice"."""
    damaged = damage(name, x, level)
    once = project(f, damaged)
    return {"damaged": damaged, "once": once, "twice": project(f, once)}


def mae(x: Tensor, y: Tensor) -> float:
    """Mean absolute error of images y to x, each (n, C, H, W)."""
    return distance(x, y, "l1").mean().item()


def by_level(f: nn.Module, name: str, x: Tensor) -> dict[str, list[float]]:
    """`mae` to x of those `repaired`, against the level of damage."""
    result = {"level": list(LEVELS[name]), "damaged": [], "once": [], "twice": []}
    for level in LEVELS[name]:
        for key, y in repaired(f, name, x, level).items():
            result[key].append(mae(x, y))
    return result


def baselines(x: Tensor, damaged: Tensor, train: Tensor) -> dict[str, float]:
    """MAE to x of what the plain ways make of `damaged`, each, in its favour, with its best setting on these images."""
    groups = {"median filter": [median_filter(damaged, w) for w in WINDOWS], "PCA": pca(damaged, train)}
    return {name: min((x - y).abs().mean().item() for y in group) for name, group in groups.items()}


def median_filter(images: Tensor, window: int) -> Tensor:
    """Each pixel's median over a square window, each channel by itself, edges reflected; (n, C, H, W)."""
    from scipy.ndimage import median_filter as filtered

    return torch.from_numpy(filtered(images.numpy(), size=(1, 1, window, window)))


def pca(images: Tensor, train: Tensor, components: tuple[int, ...] = COMPONENTS) -> list[Tensor]:
    """Images projected on the mean and the first principal components of others, for each number that there are.

    (m, C, H, W) and (n, C, H, W) -> (m, C, H, W) each; on one component if there are fewer than all numbers.
    """
    flat = train.flatten(1)
    mean = flat.mean(0)
    axes = torch.linalg.svd(flat - mean, full_matrices=False).Vh[: len(train) - 1]
    centred = images.flatten(1) - mean
    numbers = [k for k in components if k <= len(axes)] or [1]
    return [(mean + centred @ axes[:k].T @ axes[:k]).view_as(images) for k in numbers]
