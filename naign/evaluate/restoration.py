"""What f makes of damaged images, and what plain ways of restoring make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from naign.data.corruptions import CORRUPTIONS
from naign.evaluate import SEED
from naign.losses import distance
from naign.projection import project

if TYPE_CHECKING:
    from naign.evaluate.images import Judge

LEVELS = {
    "blur": (0.5, 1.0, 1.5, 2.0, 3.0, 4.0),
    "noise": (0.25, 0.5, 0.75, 1.0, 1.5, 2.0),
    "salt and pepper": (0.05, 0.1, 0.2, 0.3, 0.5, 0.7),
    "lines": (0.05, 0.1, 0.2, 0.3, 0.4, 0.5),
}
WINDOWS = (3, 5, 7)  # of the median filter
COMPONENTS = (5, 10, 20, 40, 80)  # of the PCA


def damage(name: str, x: Tensor, level: float | None = None, seed: int = SEED) -> Tensor:
    """x after a corruption at a level, by default the paper's; drawn on the CPU, so alike on every device."""
    options = {} if level is None else {"level": level}
    return CORRUPTIONS[name](x.cpu(), torch.Generator().manual_seed(seed), **options).to(x.device)


def restoration(f: nn.Module, name: str, judge: Judge, x: Tensor) -> dict[str, float]:
    """MAE to the judge's images x, (n, C, H, W), of the damaged ones and after one and two applications of f.

    "literal" is the MAE between the damaged image and f of it, as the paper's text has it;
    "changed" the share of digits the LeNet reads right when clean and not after f.
    """
    damaged = damage(name, x)
    once = project(f, damaged)
    images = {"damaged": damaged, "once": once, "twice": project(f, once)}
    result = {k: distance(x, v, "l1").mean().item() for k, v in images.items()}
    result["literal"] = distance(damaged, once, "l1").mean().item()
    if judge.net:
        right = judge.labels(x) == judge.y
        for key, images in (("changed", once), ("changed_damaged", damaged)):
            result[key] = (judge.labels(images)[right] != judge.y[right]).float().mean().item()
    return result


def by_level(f: nn.Module, name: str, levels: tuple[float, ...], x: Tensor) -> dict[str, list[float]]:
    """MAE to the clean image against the level of damage."""
    result = {"level": list(levels), "damaged": [], "once": [], "twice": []}
    for level in levels:
        y = damage(name, x, level)
        for key in ("damaged", "once", "twice"):
            result[key].append(distance(x, y, "l1").mean().item())
            y = project(f, y)
    return result


def failures(f: nn.Module, name: str, judge: Judge, count: int = 10) -> tuple[list[Tensor], list[str]]:
    """The first digits that f restores to another digit, by the LeNet's reading (Figure 8).

    [x, damaged x, f(damaged x)], each (count or fewer, 1, 32, 32), and what was read, like "4 → 9".
    """
    x = judge.x[:2000].to(judge.device)
    damaged = damage(name, x)
    restored = project(f, damaged)
    truth, before, after = judge.y[: len(x)], judge.labels(x), judge.labels(restored)
    at = ((before == truth) & (after != truth)).nonzero().flatten()[:count]
    read = [f"{truth[i]} → {after[i]}" for i in at]
    return [images[at.to(images.device)].cpu() for images in (x, damaged, restored)], read


def median_filter(images: Tensor, window: int) -> Tensor:
    """Each pixel's median over a square window, each channel by itself, edges reflected; (n, C, H, W)."""
    from scipy.ndimage import median_filter as filtered

    return torch.from_numpy(filtered(images.numpy(), size=(1, 1, window, window)))


class PCA:
    """Orthogonal projection on the mean and the first principal components of some images, (n, C, H, W)."""

    def __init__(self, x: Tensor):
        flat = x.flatten(1)
        self.mean = flat.mean(0)
        self.axes = torch.linalg.svd(flat - self.mean, full_matrices=False).Vh[: len(x) - 1]

    def project(self, images: Tensor, components: int) -> Tensor:
        """Images, (m, C, H, W), on the affine subspace of the first `components`."""
        axes = self.axes[:components]
        flat = self.mean + (images.flatten(1) - self.mean) @ axes.T @ axes
        return flat.view_as(images)


def baselines(x: Tensor, damaged: Tensor, pca: PCA) -> dict[str, float]:
    """MAE to x of what the plain ways make of `damaged`, each, in its favour, with its best setting on these images."""
    by_median = [median_filter(damaged, w) for w in WINDOWS]
    by_pca = [pca.project(damaged, k) for k in COMPONENTS if k <= len(pca.axes)] or [pca.project(damaged, 1)]
    groups = {"median filter": by_median, "PCA": by_pca}
    return {name: min((x - y).abs().mean().item() for y in group) for name, group in groups.items()}
