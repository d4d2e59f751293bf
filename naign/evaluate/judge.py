"""A judge of images: those of a test set, and their features, against which others are scored."""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

from naign.data.samples import FEW, TensorData
from naign.evaluate import coverage, fewshot, lenet


class Judge:
    """Scores images against those of a test set.

    Parameters
    ----------
    data : its `test` part, else its own first `n` images
    n : at most so many images on either side; 10,000 as in the paper
    device : where f and the LeNet run
    """

    def __init__(self, data: TensorData, n: int = 10_000, device: torch.device | str = "cpu"):
        test = data.test or data
        self.data, self.device, self.n = data, device, min(n, len(test))
        # Few enough training images that each of them is asked for.
        self.train = data.take(slice(None)).cpu() if len(data) <= FEW else None
        self.samples = self.n if self.train is None else fewshot.SAMPLES
        self.few = max(2, self.samples // 2)  # samples where a whole curve is measured
        self.x = test.take(slice(0, self.n)).cpu()
        self.y = None if test.labels is None else test.labels[: self.n]
        # The LeNet reads digits only; other images are compared by their pixels.
        self.net = lenet.load()[0].to(device) if self.y is not None and data.shape == (1, 32, 32) else None

    def scores(self, images: Tensor) -> dict[str, float | dict]:
        """FLD, Coverage and Density in LeNet features, and the latter two in pixel space.

        With few training images those of `naign.evaluate.fewshot` instead.
        """
        if self.train is not None:
            return fewshot.scores(images.cpu(), self.train)
        pixels = coverage.coverage_density(self.x.flatten(1), images.cpu().flatten(1), radius=self.pixel_radii)
        if self.net is None:
            return {"coverage": pixels[0], "density": pixels[1]}
        fake = self.features(images)
        covered, density = coverage.coverage_density(self.real, fake, radius=self.real_radii)
        result = {"fld": coverage.frechet(self.real, fake), "coverage": covered, "density": density}
        return result | {"pixel_coverage": pixels[0], "pixel_density": pixels[1]}

    def fld(self, images: Tensor) -> float:
        """Fréchet LeNet Distance to the test images."""
        return coverage.frechet(self.real, self.features(images))

    def labels(self, images: Tensor) -> Tensor:
        """The digits that the LeNet reads, (n,) on the CPU."""
        return lenet.labels(self.net, images).cpu()

    def features(self, images: Tensor) -> np.ndarray:
        """Those of the LeNet, (n, 84)."""
        return lenet.features(self.net, images).cpu().numpy()

    @functools.cached_property
    def real(self) -> np.ndarray:
        """Features of the test images."""
        return self.features(self.x)

    @functools.cached_property
    def real_radii(self) -> np.ndarray:
        """Radii of the balls around them."""
        return coverage.radii(self.real)

    @functools.cached_property
    def pixel_radii(self) -> np.ndarray:
        """Radii of the balls around the test images in pixel space."""
        return coverage.radii(self.x.flatten(1).numpy())
