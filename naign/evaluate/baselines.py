"""Plain ways of restoring images, to compare f with."""

from __future__ import annotations

import torch
from torch import Tensor

WINDOWS = (3, 5, 7)
COMPONENTS = (5, 10, 20, 40, 80)


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


def restored(x: Tensor, damaged: Tensor, pca: PCA) -> dict[str, float]:
    """MAE to x of what the baselines make of `damaged`, each with its best setting on these very images.

    That favours the baselines: what they are compared with was not tuned here.
    """
    by_median = [median_filter(damaged, w) for w in WINDOWS]
    by_pca = [pca.project(damaged, k) for k in COMPONENTS if k <= len(pca.axes)] or [pca.project(damaged, 1)]
    groups = {"median filter": by_median, "PCA": by_pca}
    return {name: min((x - y).abs().mean().item() for y in group) for name, group in groups.items()}
