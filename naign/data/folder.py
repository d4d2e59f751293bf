"""Image files as tensors, by Pillow."""

import io
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from naign.base import memory
from naign.base.settings import Field, settings
from naign.data.download import needed
from naign.data.samples import PowerOfTwo, TensorData

if TYPE_CHECKING:
    from PIL import Image

LARGEST_FILE = 2**30  # bytes that are read of one
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")


@settings
class Folder:
    """Every image below a folder: its largest centred square, resized with antialiasing.

    One channel, or three if any image is in colour. Files that cannot be read are named in a warning and skipped.
    """

    path: Path = Field(description="the folder, looked through with all below it")
    size: PowerOfTwo = Field(64, description="pixels a side, a power of two from 8 to 2048")
    held_out: int = Field(0, ge=0, description="so many, the last by name, become `test`")

    def __post_init__(self):
        if not os.path.isdir(self.path):
            raise ValueError(f"{self.path} is not a folder: give one that holds images.")
        needed("PIL", "image files are read with", "Pillow")

    def load(self) -> TensorData:
        """(n, 1 or 3, size, size) bytes; ValueError if too few can be read for `held_out` and two more."""
        every = (Path(top, name) for top, *both in os.walk(self.path) for names in both for name in names)
        found = sorted(p for p in every if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
        memory.check(2 * 3 * len(found) * self.size**2, f"{len(found)} images at size {self.size}", "size")
        images, broken = [], []
        for file in found:
            try:
                images.append(fitted(opened(file), self.size))
            except ValueError as error:
                broken.append(f"{file.relative_to(self.path)} ({error})")
        if broken:
            named = ", ".join(broken[:5]) + (", ..." if len(broken) > 5 else "")
            text = f"{len(broken)} of {len(found)} images could not be read and are skipped: {named}"
            warnings.warn(text, stacklevel=2)
        least = 2 + self.held_out
        if len(images) < least:
            kinds = ", ".join(SUFFIXES)
            raise ValueError(f"{self.path} holds {len(images)} readable image(s) ({kinds}): at least {least} needed.")
        channels = max(len(image) for image in images)
        x = torch.stack([image.expand(channels, -1, -1) for image in images])
        return TensorData(x).apart(self.held_out, "test")


def opened(file: Path) -> "Image.Image":
    """An image upright, as "L" or "RGB"; ValueError, in a few words, if it is truncated, altered, huge or no image."""
    from PIL import Image, ImageOps

    if not os.path.isfile(file):  # a pipe would never end
        raise ValueError("no regular file")
    try:
        with open(file, "rb") as stream:  # once: it may change meanwhile
            raw = stream.read(LARGEST_FILE)
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(raw)) as image:
                image.verify()  # leaves it unusable
            with Image.open(io.BytesIO(raw)) as image:
                image = ImageOps.exif_transpose(image)
                if image.mode.startswith("I;16") or image.mode == "I":
                    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
                return image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")
    except Exception as error:  # of a broken or huge one Pillow says nearly anything
        raise ValueError(str(error).split(":")[0] or type(error).__name__) from None


def fitted(image: "Image.Image", size: int) -> Tensor:
    """The largest centred square of an image as bytes, (1 or 3, size, size)."""
    from PIL import Image, ImageOps

    square = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(square)).reshape(size, size, -1).permute(2, 0, 1).contiguous()
