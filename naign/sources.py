"""Source distributions p_Z: where z is drawn before f maps it to the data."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn


class Sampler(Protocol):
    """What training draws from: the data and the source alike."""

    shape: tuple[int, ...]

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n samples, (n, *shape), on the generator's device."""
        ...


class StandardNormal(nn.Module):
    """N(0, I) over samples of a given shape.

    Parameters
    ----------
    shape : the shape *D of one sample
    """

    def __init__(self, shape: tuple[int, ...]):
        super().__init__()
        self.shape = tuple(shape)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n draws, (n, *D), on the generator's device."""
        return torch.randn(n, *self.shape, generator=generator, device=generator.device)
