"""Samples held in memory: images (n, C, H, W) or any tensor (n, *D), float in [-1, 1] or bytes."""

import hashlib
import math
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Self

import torch
from pydantic import AfterValidator
from torch import Tensor
from torch.nn import functional

from naign.base.settings import Field

FEW = 1_000  # training images up to which every one of them can be asked for
SIDES = [2**i for i in range(3, 12)]  # pixels of images, as convolutions halve them
LARGEST = SIDES[-1]
MOST = 2**28  # numbers of floats at once, 1 GiB, where fewer samples serve as well
REACH = 20  # values further out were never scaled
TYPES = (torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.float64)


def _checked(size: int) -> int:
    if size not in SIDES:
        raise ValueError(f"size is {size}: give a power of two, 8 or more.")
    return size


PowerOfTwo = Annotated[int, Field(le=LARGEST), AfterValidator(_checked)]


@dataclass(frozen=True)
class TensorData:
    """Samples held in memory; a batch is drawn from them with replacement.

    Parameters
    ----------
    x : (n, *D), n at least 2: floats, at most 20 in size, or bytes, whose 0 to 255 stand for -1 to 1; else ValueError
    labels : (n,) integers, where known
    test : samples held out from training, where there are any
    validation : samples held out from training to choose settings on, where there are any
    """

    x: Tensor
    labels: Tensor | None = field(default=None, repr=False)
    test: Self | None = field(default=None, repr=False)
    validation: Self | None = field(default=None, repr=False)
    shared: ClassVar[bool] = True  # its images may be kept with a run

    def __post_init__(self):
        x = self.x
        if not isinstance(x, Tensor):
            raise ValueError(f"data is a {type(x).__name__}: give a torch tensor of shape (n, *D).")
        if x.layout != torch.strided or x.is_nested or x.is_meta:
            raise ValueError("data is sparse, nested or on the device meta: give a dense tensor that holds its values.")
        if x.ndim < 2 or x.numel() == 0:
            raise ValueError(f"data has shape {tuple(x.shape)}: give (n, *D), one sample a row, none of them empty.")
        if x.dtype not in TYPES:
            raise ValueError(f"data has type {x.dtype}: give bytes, or float scaled to about [-1, 1].")
        if len(x) < 2:
            raise ValueError(f"data has {len(x)} sample(s): at least 2 are needed.")
        if x.dtype == torch.uint8:
            return
        if bad := int((~torch.isfinite(x)).flatten(1).any(1).sum()):
            raise ValueError(f"data has NaN or infinite values in {bad} of {len(x)} samples: remove or mend them.")
        if (reach := round(x.abs().max().item(), 1)) > REACH:
            raise ValueError(f"data reach {reach}: scale them to about [-1, 1], as x / 127.5 - 1 for 0 to 255.")

    def __len__(self) -> int:
        return len(self.x)

    @property
    def shape(self) -> tuple[int, ...]:
        """That of one sample."""
        return tuple(self.x.shape[1:])

    @property
    def kind(self) -> str:
        """ "few" or "images" (more than `FEW`) if square with a side that is a power of two, "flat" otherwise."""
        if len(self.shape) != 3 or self.shape[1] != self.shape[2] or self.shape[2] not in SIDES:
            return "flat"
        return "few" if len(self) <= FEW else "images"

    def load(self) -> Self:
        """Itself, as every data set can be asked; ValueError if all samples are the same."""
        if (self.x == self.x[0]).all():
            raise ValueError(
                f"all {len(self)} samples are the same: give data that differ, or nothing is to be learnt."
            )
        return self

    def fingerprint(self) -> str:
        """SHA-256 of the samples' bytes: tells one data set from another."""
        raw = self.x.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
        return hashlib.sha256(raw.tobytes()).hexdigest()

    def to(self, device: torch.device) -> Self:
        """The same with x on another device."""
        return replace(self, x=self.x.to(device))

    def apart(self, n: int, part: str = "validation") -> Self:
        """The same without its last n samples, which become that part, "validation" or "test"; none with 0.

        ValueError if fewer than 2 would be on either side.
        """
        if n == 0:
            return self
        if not 2 <= n <= len(self) - 2:
            name = {"test": "held_out"}.get(part, part)
            raise ValueError(f"{name} is {n}: give 0, or from 2 to {len(self) - 2} of these {len(self)} images.")
        labels = [None, None] if self.labels is None else [self.labels[:-n], self.labels[-n:]]
        return replace(self, x=self.x[:-n], labels=labels[0], **{part: TensorData(self.x[-n:], labels[1])})

    def take(self, index: Tensor | slice) -> Tensor:
        """Some samples as floats, (k, *D)."""
        x = self.x[index]
        return as_floats(x) if x.dtype == torch.uint8 else x

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n samples, (n, *D), drawn with replacement."""
        return self.take(torch.randint(len(self.x), (n,), generator=generator, device=self.x.device))


def as_floats(x: Tensor) -> Tensor:
    """Bytes as numbers in [-1, 1]."""
    return x.float() / 127.5 - 1


def as_bytes(x: Tensor) -> Tensor:
    """Images in [-1, 1] as bytes on the CPU; what lies outside is cut off."""
    return x.detach().cpu().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)


def as_many(n: int, shape: tuple[int, ...]) -> int:
    """n, or how many samples of a shape have `MOST` numbers if that is less, but at least 2."""
    return min(n, max(2, MOST // math.prod(shape)))


def resized(x: Tensor, size: int) -> Tensor:
    """Bytes (n, C, H, W) at size x size, bilinear, with antialiasing where they shrink."""
    step = as_many(1000, (x.shape[1], size, size))
    options = {"mode": "bilinear", "antialias": True, "align_corners": False}
    parts = (functional.interpolate(part.float(), (size, size), **options) for part in x.split(step))
    return torch.cat([part.round_().clamp_(0, 255).to(torch.uint8) for part in parts])
