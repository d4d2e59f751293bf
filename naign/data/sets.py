"""Digits and faces that come with libraries, and MNIST, checked by the checksums of its decompressed files."""

from __future__ import annotations

import functools
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from naign.base.settings import Field, settings
from naign.data.images import Downloaded, ImageSet, needed
from naign.data.samples import TensorData, resized, split


@settings
class Digits(ImageSet):
    """The 1,797 handwritten digits that scikit-learn ships; the last 360 are held out."""

    size: int = Field(32, ge=8, description="pixels a side; theirs are 8")
    kind: ClassVar[str] = "images"
    called: ClassVar[str] = "scikit-learn's small digits"

    def load(self) -> TensorData:
        """(1437, 1, size, size) bytes with labels; ValueError without scikit-learn."""
        found = needed("sklearn.datasets", "the digits come with", "scikit-learn").load_digits()
        x = torch.tensor(found.images).mul(255 / 16).round().to(torch.uint8).unsqueeze(1)
        return split(x if self.size == 8 else resized(x, self.size), torch.tensor(found.target), 360)


@settings
class Faces(ImageSet):
    """The 100 grey faces, 25 x 25, that scikit-image ships (from Labeled Faces in the Wild)."""

    size: int = Field(32, ge=8, description="pixels a side")
    held_out: int = Field(0, ge=0, description="so many, the last, become `test`")
    kind: ClassVar[str] = "few"
    called: ClassVar[str] = "scikit-image's small grey faces"

    def load(self) -> TensorData:
        """(100 - held_out, 1, size, size) bytes; ValueError without scikit-image, or if `held_out` cannot be."""
        found = needed("skimage.data", "the faces come with", "scikit-image").lfw_subset()
        x = torch.tensor(found[:100]).mul(255).round().to(torch.uint8)  # the other 100 are not faces
        return split(resized(x.unsqueeze(1), self.size), None, self.held_out)


@settings
class Mnist(Downloaded):
    """MNIST, 60,000 + 10,000 (`test`) digits with labels, resized from 28 x 28 (paper, Appendix 8).

    Looked for in $NAIGN_DATA/mnist, then in the cache, else downloaded there.
    """

    size: int = Field(32, ge=8, description="pixels a side, 32 in the paper")
    kind: ClassVar[str] = "images"
    called: ClassVar[str] = "MNIST"
    stand_in: ClassVar[str] = "digits"
    folder: ClassVar[str] = "mnist"
    tool: ClassVar[str] = "pooch"
    # MD5 of the decompressed bytes, which all mirrors share; their gzip wrappers differ.
    files: ClassVar[dict[str, str]] = {
        "train-images-idx3-ubyte.gz": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte.gz": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte.gz": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte.gz": "27ae3e4e09519cfbb04c329615203637",
    }
    mirrors: ClassVar[tuple[str, ...]] = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )
    what: ClassVar[str] = "the four files of MNIST (.gz)"

    def load(self) -> TensorData:
        """(60000, 1, size, size) bytes with labels; ValueError if it is damaged or cannot be had."""
        return _mnist(self.home(), self.size)

    def fetch(self, mirror: str, names: list[str], into: Path) -> Iterator[Path]:
        import pooch

        # Not `pooch.retrieve`, which logs a hash of no use here and lets nobody else read the file.
        download = pooch.HTTPDownloader(progressbar=True, headers={"Accept-Encoding": "identity"})
        for name in names:
            download(f"{mirror}{name}", str(into / name), None)
            yield into / name

    def check(self, path: Path) -> bytes:
        """The decompressed bytes of one of the files; ValueError if it is truncated or altered."""
        try:
            raw = gzip.decompress(path.read_bytes())
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is not a whole gzip file ({error}): delete it and fetch it anew.") from None
        if hashlib.md5(raw).hexdigest() != self.files[path.name]:
            raise ValueError(f"{path} does not match its checksum, so it was altered: delete it and fetch it anew.")
        return raw


@functools.lru_cache(maxsize=2)
def _mnist(home: Path, size: int) -> TensorData:
    x, y, x_test, y_test = (idx(Mnist().check(home / name)) for name in Mnist.files)
    x, x_test = (resized(part.unsqueeze(1), size) for part in (x, x_test))
    return TensorData(x, y.long(), TensorData(x_test, y_test.long()))


def idx(raw: bytes) -> Tensor:
    """The array in an IDX file of bytes."""
    dimensions = np.frombuffer(raw, ">i4", raw[3], 4)
    return torch.from_numpy(np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(dimensions).copy())


SETS = {"digits": Digits, "mnist": Mnist, "faces": Faces}
