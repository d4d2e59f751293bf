"""Damage for f to undo: images in [-1, 1] in, damaged images out (Appendix 8)."""

from __future__ import annotations

import torch
from torch import Tensor


def gaussian_noise(x: Tensor, generator: torch.Generator, level: float = 1.0) -> Tensor:
    """x + level times standard normal noise, (B, *D)."""
    return x + level * torch.randn(x.shape, generator=generator, device=x.device)


def salt_and_pepper(x: Tensor, generator: torch.Generator, level: float = 0.2) -> Tensor:
    """A share `level` of the values set to 1 or -1, half and half, (B, *D)."""
    u = torch.rand(x.shape, generator=generator, device=x.device)
    x = torch.where(u < level / 2, 1.0, x)
    return torch.where((u >= level / 2) & (u < level), -1.0, x)
