"""Damage for f to undo: images in [-1, 1] in, damaged images out (Appendix 8).

Every function takes x, (B, C, H, W), a generator on its device, and a level of which 0 changes nothing.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional


def blur(x: Tensor, generator: torch.Generator | None = None, level: float = 1.5) -> Tensor:
    """Gaussian blur: sigma = level pixels, kernel out to 3 sigma, edges reflected; nothing is random."""
    _checked(level)
    radius = min(math.ceil(3 * level), min(x.shape[-2:]) - 1)
    if radius == 0:
        return x.clone()
    at = torch.arange(-radius, radius + 1, device=x.device)
    kernel = torch.exp(-0.5 * (at / level) ** 2)
    kernel = (kernel / kernel.sum()).to(x.dtype).expand(x.shape[1], 1, 1, -1)
    x = functional.pad(x, (radius,) * 4, mode="reflect")
    x = functional.conv2d(x, kernel, groups=x.shape[1])
    return functional.conv2d(x, kernel.transpose(2, 3), groups=x.shape[1])


def gaussian_noise(x: Tensor, generator: torch.Generator, level: float = 1.0) -> Tensor:
    """x + level times standard normal noise."""
    _checked(level)
    return x + level * torch.randn(x.shape, generator=generator, device=x.device)


def salt_and_pepper(x: Tensor, generator: torch.Generator, level: float = 0.2) -> Tensor:
    """A share `level` of the pixels set to 1 or -1, half and half, all channels alike."""
    _checked(level, 1)
    u = torch.rand(len(x), 1, *x.shape[2:], generator=generator, device=x.device)
    x = torch.where(u < level / 2, 1.0, x)
    return torch.where((u >= level / 2) & (u < level), -1.0, x)


def lines(x: Tensor, generator: torch.Generator, level: float = 0.2) -> Tensor:
    """Each row and each column deleted, that is set to -1, with probability `level`."""
    _checked(level, 1)
    rows, columns = (torch.rand(len(x), side, generator=generator, device=x.device) < level for side in x.shape[2:])
    return x.masked_fill((rows[:, :, None] | columns[:, None, :]).unsqueeze(1), -1.0)


def _checked(level: float, most: float = math.inf) -> None:
    if not 0 <= level <= most or math.isinf(level):
        raise ValueError(f"level is {level}: it must be a number from 0 to {most}.")


CORRUPTIONS = {"blur": blur, "noise": gaussian_noise, "salt and pepper": salt_and_pepper, "lines": lines}
