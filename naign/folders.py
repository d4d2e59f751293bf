"""Image files as tensors, by Pillow."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from naign.images import TensorData, split

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def folder(path: str | Path, size: int = 64, held_out: int = 0) -> TensorData:
    """Every image below a folder: its largest centred square, resized with antialiasing.

    Grey images give one channel; if any is in colour, all get three. Files that cannot be read are
    named in a warning and skipped.

    Parameters
    ----------
    size : a power of two, 8 or more
    held_out : so many, the last by name, become `test`

    Returns
    -------
    TensorData
        (n, 1 or 3, size, size), bytes

    Raises
    ------
    ValueError
        If the folder does not exist, the size cannot be, or fewer than two images can be read.
    """
    path = Path(path)
    if not path.is_dir():
        raise ValueError(f"{path} is not a folder: give one that holds images.")
    check_size(size)
    found = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    images, broken = [], []
    for file in found:
        try:
            images.append(read(file, size))
        except (OSError, SyntaxError, ValueError) as error:  # Pillow says SyntaxError of a broken PNG
            broken.append(f"{file.relative_to(path)} ({str(error).split(':')[0]})")
    if broken:
        named = ", ".join(broken[:5]) + (", ..." if len(broken) > 5 else "")
        warnings.warn(f"{len(broken)} of {len(found)} images could not be read and are skipped: {named}", stacklevel=2)
    if len(images) < 2 + held_out:
        raise ValueError(
            f"{path} holds {len(images)} readable image(s) ({', '.join(s[1:] for s in SUFFIXES)}): "
            f"at least {2 + held_out} are needed."
        )
    channels = max(len(image) for image in images)
    return split(torch.stack([image.expand(channels, -1, -1) for image in images]), None, held_out)


def check_size(size: int) -> None:
    """Refuse a size that no network here can have."""
    if size < 8 or size & (size - 1):
        raise ValueError(f"size is {size}: give a power of two, 8 or more.")


def opened(file: Path) -> Image.Image:
    """An image upright, as "L" or "RGB", after a look at all its checksums.

    Raises
    ------
    OSError, SyntaxError
        If it is truncated, altered or no image.
    ValueError
        If Pillow is not installed.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise ValueError("image files are read with Pillow: install it with `pip install pillow`.") from None
    with Image.open(file) as image:
        image.verify()  # leaves it unusable
    with Image.open(file) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16") or image.mode == "I":
            return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        if image.mode in ("1", "L", "LA"):
            return image.convert("L")
        return image.convert("RGB")


def read(file: Path, size: int) -> Tensor:
    """One image as bytes, (1 or 3, size, size); see `opened` for what it raises."""
    from PIL import Image, ImageOps

    image = ImageOps.fit(opened(file), (size, size), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(image)).reshape(size, size, -1).permute(2, 0, 1).contiguous()
