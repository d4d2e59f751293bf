"""What looks like MNIST and is no digit: Fashion-MNIST and Omniglot, whole, and small parts of them to look at.

Their labels are left out: they name no digits, which is what everything here would take them for.
"""

import gzip
import io
import zipfile
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from naign.base.settings import Field, settings
from naign.data.samples import TensorData, as_floats, resized
from naign.data.sets import Files, Mnist, idx

SMALL = {"Fashion-MNIST": "fashion900.png", "Omniglot": "omniglot_small1.zip"}  # in a folder `outsiders`
TILE = 28  # pixels a side of an item in the picture of Fashion-MNIST


@settings
class Fashion(Mnist):
    """Fashion-MNIST, 60,000 + 10,000 (`test`) items of clothing (Xiao et al. 2017), resized from 28 x 28."""

    called: ClassVar[str] = "Fashion-MNIST"
    licence: ClassVar[str] = "MIT"
    folder: ClassVar[str] = "fashion"
    packed: ClassVar[int] = 30_000_000
    files: ClassVar[dict[str, str]] = {  # of the files as they are, by their authors
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    }
    mirrors: ClassVar[tuple[str, ...]] = (
        "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    )
    what: ClassVar[str] = "the two files of images of Fashion-MNIST (.gz)"
    unpacked = Files.unpacked  # the sums are those of the files, not of what is packed in them

    def read(self, home: Path) -> TensorData:
        """(60000 - validation, 1, size, size) bytes, without labels."""
        x, test = (idx(gzip.decompress(self.check(home / name))).unsqueeze(1) for name in self.files)
        return TensorData(resized(x, self.size), None, TensorData(resized(test, self.size))).apart(self.validation)


@settings
class Omniglot(Files):
    """Omniglot, 19,280 + 13,180 (`test`) characters of 50 alphabets (Lake et al. 2015), white on black, from 105."""

    size: int = Field(32, ge=8, le=128, description="pixels a side")
    count: ClassVar[int] = 32_460
    called: ClassVar[str] = "Omniglot"
    licence: ClassVar[str] = "MIT"
    folder: ClassVar[str] = "omniglot"
    packed: ClassVar[int] = 12_000_000
    files: ClassVar[dict[str, str]] = {
        "images_background.zip": "68d2efa1b9178cc56df9314c21c6e718",
        "images_evaluation.zip": "6b91aef0f799c5bb55b94e3f2daec811",
    }
    mirrors: ClassVar[tuple[str, ...]] = ("https://raw.githubusercontent.com/brendenlake/omniglot/master/python/",)
    what: ClassVar[str] = "the two archives of images of Omniglot (.zip)"

    def read(self, home: Path) -> TensorData:
        """(19280, 1, size, size) bytes, without labels."""
        x, test = (characters(self.check(home / name), self.size) for name in self.files)
        return TensorData(x, None, TensorData(test))


def characters(raw: bytes, size: int) -> Tensor:
    """Every PNG in a zip archive, by name, with black and white exchanged, (n, 1, size, size) bytes."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        names = sorted(n for n in archive.namelist() if n.endswith(".png"))
        # One by one, since some are smaller than others.
        return torch.cat([resized(255 - grey(archive.read(name))[None, None], size) for name in names])


def tiles(raw: bytes, size: int) -> Tensor:
    """The items of 28 x 28 pixels that a picture is made of, row by row, (n, 1, size, size) bytes."""
    return resized(grey(raw).unfold(0, TILE, TILE).unfold(1, TILE, TILE).reshape(-1, 1, TILE, TILE), size)


def grey(raw: bytes) -> Tensor:
    """The pixels of an image, (H, W) bytes."""
    from PIL import Image

    with Image.open(io.BytesIO(raw)) as image:
        return torch.from_numpy(np.array(image.convert("L")))


def strangers(size: int, n: int) -> dict[str, tuple[Tensor, str]]:
    """Images of both sets, up to n each (n, 1, size, size), and what they were taken from, by name.

    Of the `test` part where its files are; nothing is downloaded for this. Else of the small parts that their authors
    show, where these are in a folder `outsiders` beside; else the set is left out.
    """
    found = {}
    for data, read in ((Fashion(size), tiles), (Omniglot(size), characters)):
        small = data.place().parent / "outsiders" / SMALL[data.called]
        if not data.missing():
            images, of = data.load().test.x, "the test part"
        elif small.is_file():
            images, of = read(small.read_bytes(), size), f"{small.name}, a small part"
        else:
            continue
        evenly = torch.linspace(0, len(images) - 1, min(n, len(images))).round().long()  # all classes, not the first
        found[data.called] = as_floats(images[evenly]), of
    return found
