"""Networks f: (B, *D) -> (B, *D)."""

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from naign.base.settings import Field, settings


class MLP(nn.Module):
    """Fully connected network with ReLU; `depth` hidden layers of `width` units.

    The paper's is 3 x 512 for one and two dimensions. Inputs of any shape are
    flattened and restored.
    """

    def __init__(self, shape: tuple[int, ...], width: int = 512, depth: int = 3):
        super().__init__()
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


class ConvAutoencoder(nn.Module):
    """DCGAN-like encoder and decoder, the layout of public IGN ports, with kernels of 4.

    Convolutions of stride 2 halve the image down to 4 x 4 while the channels double from
    `width`; one more convolution leaves a code of 1 x 1 with as many channels; the decoder
    mirrors all this and ends in tanh. LeakyReLU 0.2 on the way down, ReLU on the way up.
    The first layer, the code and the output have no norm. For images (C, H, H) with H a power of two,
    8 or more; the settings are those of `Convolutional`.
    """

    def __init__(self, shape: tuple[int, ...], width: int = 64, norm: str = "batch"):
        super().__init__()
        size = shape[-1]
        if len(shape) != 3 or shape[1] != size or size < 8 or size & (size - 1):
            raise ValueError(f"images of shape {tuple(shape)}: give (C, H, H) with H = 8, 16, 32, 64, ...")
        widths = [width * 2**i for i in range(int(math.log2(size)) - 2)]
        last = widths[-1]

        def normed(channels: int) -> nn.Module:
            return nn.BatchNorm2d(channels) if norm == "batch" else nn.GroupNorm(8, channels)

        layers: list[nn.Module] = [nn.Conv2d(shape[0], width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for a, b in zip(widths, widths[1:], strict=False):
            layers += [nn.Conv2d(a, b, 4, 2, 1), normed(b), nn.LeakyReLU(0.2)]
        layers += [nn.Conv2d(last, last, 4), nn.LeakyReLU(0.2)]
        layers += [nn.ConvTranspose2d(last, last, 4), normed(last), nn.ReLU()]
        for a, b in zip(widths[::-1], widths[-2::-1], strict=False):
            layers += [nn.ConvTranspose2d(a, b, 4, 2, 1), normed(b), nn.ReLU()]
        layers += [nn.ConvTranspose2d(width, shape[0], 4, 2, 1)]
        self.net = nn.Sequential(*layers).to(memory_format=torch.channels_last)  # faster on CPU and GPU

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x).to(x.dtype).tanh()  # under autocast the tanh stays in fp32


@settings
class Dense:
    """The settings of an `MLP`."""

    width: int = Field(512, ge=1, le=2**16, description="units a hidden layer")
    depth: int = Field(3, ge=1, le=1000, description="hidden layers")

    def build(self, shape: tuple[int, ...]) -> MLP:
        """The network for samples of a shape."""
        return MLP(shape, self.width, self.depth)


@settings
class Convolutional:
    """The settings of a `ConvAutoencoder`."""

    width: int = Field(
        64, ge=1, le=2**12, description="channels of the first layer, for the group norm a multiple of 8"
    )
    norm: Literal["batch", "group"] = Field("batch", description="batch, as IGN's, or group with 8 groups")

    def __post_init__(self):
        if self.norm == "group" and self.width % 8:
            raise ValueError(f"width is {self.width}: give a multiple of 8 for the group norm.")

    def build(self, shape: tuple[int, ...]) -> ConvAutoencoder:
        """The network for images of a shape."""
        return ConvAutoencoder(shape, self.width, self.norm)


def seeded(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """The network `make()` returns when every initial weight is drawn from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()
