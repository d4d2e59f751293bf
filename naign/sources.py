"""Source distributions p_Z: where z is drawn before f maps it to the data."""

from typing import Protocol

import torch
from torch import Tensor, nn


class Sampler(Protocol):
    """What training draws from: the data and the source alike."""

    shape: tuple[int, ...]

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n samples, (n, *shape), on the generator's device."""


class StandardNormal(nn.Module):
    """N(0, I) over samples of a given shape *D."""

    def __init__(self, shape: tuple[int, ...]):
        super().__init__()
        self.shape = tuple(shape)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n draws, (n, *D), on the generator's device."""
        return torch.randn(n, *self.shape, generator=generator, device=generator.device)


class Fourier(StandardNormal):
    """Gaussian noise with the mean image and the power spectrum of the data (IGN's structured prior).

    White noise is real, so its transform has the symmetry of a real image's; scaling every
    frequency by the data's standard deviation there keeps that symmetry and gives each
    frequency exactly the data's power. Taking the real part of independently drawn
    frequencies instead, as public IGN code does, halves the power. Samples are (C, H, W).

    The statistics are buffers, so a saved model samples without the data; before `estimate`
    they are those of N(0, I).
    """

    def __init__(self, shape: tuple[int, ...]):
        super().__init__(shape)
        if len(shape) != 3:
            raise ValueError(f"Fourier noise needs images (C, H, W), not samples of shape {self.shape}.")
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("deviation", torch.ones(shape))

    @torch.no_grad()
    def estimate(self, x: Tensor) -> None:
        """Take the statistics of images x, (n, C, H, W)."""
        self.mean.copy_(x.mean(0))
        spectrum = torch.fft.fft2(x - x.mean(0), norm="ortho")
        self.deviation.copy_(spectrum.abs().square().mean(0).sqrt())

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n draws, (n, C, H, W), on the generator's device."""
        white = super().sample(n, generator)
        return self.mean + torch.fft.ifft2(torch.fft.fft2(white) * self.deviation).real


SOURCES = {"normal": StandardNormal, "fourier": Fourier}
