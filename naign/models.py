"""Networks f: (B, *D) -> (B, *D)."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn


class MLP(nn.Module):
    """Fully connected network with ReLU; `depth` hidden layers of `width` units.

    The paper's is 3 x 512 for one and two dimensions. Inputs of any shape are
    flattened and restored.
    """

    def __init__(self, shape: tuple[int, ...], width: int = 512, depth: int = 3):
        super().__init__()
        if width < 1 or depth < 1:
            raise ValueError(f"width {width} and depth {depth} must both be at least 1.")
        dim = math.prod(shape)
        sizes = [dim] + [width] * depth
        layers = []
        for a, b in zip(sizes, sizes[1:], strict=False):
            layers += [nn.Linear(a, b), nn.ReLU(inplace=True)]
        self.net = nn.Sequential(*layers, nn.Linear(width, dim))

    def forward(self, x: Tensor) -> Tensor:
        # Under autocast the first and the last layer stay in fp32: they are cheap, and rounding
        # coordinates to bf16 costs more precision than everything in between.
        with torch.autocast(x.device.type, enabled=False):
            h = self.net[0](x.flatten(1))
        h = self.net[1:-1](h)
        with torch.autocast(x.device.type, enabled=False):
            return self.net[-1](h.to(x.dtype)).view_as(x)


def seeded(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """The network `build()` makes when every initial weight is drawn from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()
