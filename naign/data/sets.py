"""Image sets: digits and faces that come with libraries, MNIST, and FFHQ-100.

FFHQ-100 are images 0 to 99 of Flickr-Faces-HQ (Karras et al. 2019), CC BY-NC-SA 4.0, never part of this project.
"""

import functools
import gzip
import hashlib
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from naign.base import memory
from naign.base.settings import Field, settings
from naign.data.download import Downloaded, modest, needed
from naign.data.folder import fitted, opened
from naign.data.samples import LARGEST, PowerOfTwo, TensorData, resized

if TYPE_CHECKING:
    from PIL import Image

UNPACKED = 60_000_000  # bytes; MNIST's largest file has 47,040,016
MEMBER, PART = 1_000_000, 32_000_000  # bytes at most: of an image of FFHQ, and of any part of its archive
# Grey means of 4 x 4 blocks, 16 bytes an image of FFHQ: alike for every size that the images are published
# in (they differ by 1), where file checksums are not; the two most similar of the hundred differ by 26.
BLOCKS = Path(__file__).with_name("ffhq100.txt")
TOLERANCE = 4


class ImageSet:
    """Square images; a set has a field `size`, gives its samples by `load()`, and says what it is."""

    size: int
    channels: ClassVar[int] = 1
    count: ClassVar[int]  # of its images
    kind: ClassVar[str]
    called: ClassVar[str]  # in a sentence
    licence: ClassVar[str]  # of its images
    stand_in: ClassVar[str] = ""  # the set that stands for it at the quick profile
    shared: ClassVar[bool] = True  # whether its images may be kept with a run

    def __post_init__(self):
        needed = 4 * self.count * math.prod(self.shape)  # in parts, whole, split, in use
        memory.check(needed, f"{self.count:,} images at size {self.size}", "size")

    @property
    def shape(self) -> tuple[int, int, int]:
        """That of one image, known without loading."""
        return (self.channels, self.size, self.size)


@settings
class Digits(ImageSet):
    """The 1,797 handwritten digits that scikit-learn ships; the last 360 are held out."""

    size: int = Field(32, ge=8, le=LARGEST, description="pixels a side; theirs are 8")
    validation: int = Field(0, ge=0, description="so many training images, the last, are kept to choose settings on")
    count: ClassVar[int] = 1_797
    kind: ClassVar[str] = "images"
    called: ClassVar[str] = "scikit-learn's small digits"
    licence: ClassVar[str] = "CC BY 4.0"

    def load(self) -> TensorData:
        """(1437 - validation, 1, size, size) bytes with labels; ValueError without scikit-learn."""
        found = needed("sklearn.datasets", "the digits come with", "scikit-learn").load_digits()
        x = torch.tensor(found.images).mul(255 / 16).round().to(torch.uint8).unsqueeze(1)
        data = TensorData(x if self.size == 8 else resized(x, self.size), torch.tensor(found.target))
        return data.apart(360, "test").apart(self.validation)


@settings
class Faces(ImageSet):
    """The 100 grey faces, 25 x 25, that scikit-image ships (from Labeled Faces in the Wild)."""

    size: int = Field(32, ge=8, le=LARGEST, description="pixels a side")
    held_out: int = Field(0, ge=0, description="so many, the last, become `test`")
    count: ClassVar[int] = 100
    kind: ClassVar[str] = "few"
    called: ClassVar[str] = "scikit-image's small grey faces"
    licence: ClassVar[str] = "that of scikit-image's data"

    def load(self) -> TensorData:
        """(100 - held_out, 1, size, size) bytes; ValueError without scikit-image, or if `held_out` cannot be."""
        found = needed("skimage.data", "the faces come with", "scikit-image").lfw_subset()
        x = torch.tensor(found[:100]).mul(255).round().to(torch.uint8)  # the other 100 are not faces
        return TensorData(resized(x.unsqueeze(1), self.size)).apart(self.held_out, "test")


class Files(Downloaded, ImageSet):
    """A set of many images in a few whole files."""

    kind: ClassVar[str] = "images"
    stand_in: ClassVar[str] = "digits"
    files: ClassVar[dict[str, str]]  # and their MD5
    packed: ClassVar[int]  # bytes that a file has at most
    tool: ClassVar[str] = "pooch"

    def fetch(self, mirror: str, names: list[str], into: Path) -> Iterator[Path]:
        import pooch

        # Not `pooch.retrieve`, which logs a hash of no use here and lets nobody else read the file.
        hooks = {"response": functools.partial(modest, self.packed)}
        download = pooch.HTTPDownloader(progressbar=True, headers={"Accept-Encoding": "identity"}, hooks=hooks)
        for name in names:
            download(f"{mirror}{name}", str(into / name), None)
            yield into / name

    def check(self, path: Path) -> bytes:
        """What one of the files holds; ValueError if it is truncated or altered."""
        raw = self.unpacked(path)
        if hashlib.md5(raw).hexdigest() != self.files[path.name]:
            raise ValueError(f"{path} does not match its checksum, so it was altered: delete it and fetch it anew.")
        return raw

    def unpacked(self, path: Path) -> bytes:
        """The bytes that the checksum is of: those of the file."""
        with open(path, "rb") as file:
            return file.read(self.packed)


@settings
class Mnist(Files):
    """MNIST, 60,000 + 10,000 (`test`) digits with labels, resized from 28 x 28 (paper, Appendix 8)."""

    size: int = Field(32, ge=8, le=128, description="pixels a side, 32 in the paper; at 128 the set takes 1.1 GB")
    validation: int = Field(0, ge=0, description="so many training images, the last, are kept to choose settings on")
    count: ClassVar[int] = 70_000
    called: ClassVar[str] = "MNIST"
    licence: ClassVar[str] = "CC BY-SA 3.0"
    folder: ClassVar[str] = "mnist"
    packed: ClassVar[int] = 12_000_000  # the largest has 9,912,422
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

    def read(self, home: Path) -> TensorData:
        """(60000 - validation, 1, size, size) bytes with labels."""
        x, y, x_test, y_test = (idx(self.check(home / name)) for name in self.files)
        x, x_test = (resized(part.unsqueeze(1), self.size) for part in (x, x_test))
        return TensorData(x, y.long(), TensorData(x_test, y_test.long())).apart(self.validation)

    def unpacked(self, path: Path) -> bytes:
        """The decompressed bytes of a file; ValueError if it is truncated."""
        try:
            with gzip.open(path) as file:
                return file.read(UNPACKED)  # of a bomb no more
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is not a whole gzip file ({error}): delete it and fetch it anew.") from None


def idx(raw: bytes) -> Tensor:
    """The array in an IDX file of bytes."""
    dimensions = np.frombuffer(raw, ">i4", raw[3], 4)
    return torch.from_numpy(np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(dimensions).copy())


@settings
class FFHQ100(Downloaded, ImageSet):
    """Images 0 to 99 of FFHQ, in colour (paper, Section 4.3)."""

    size: PowerOfTwo = Field(64, description="pixels a side, a power of two from 8 to 2048")
    held_out: int = Field(0, ge=0, description="so many, the last, become `test`")
    channels: ClassVar[int] = 3
    count: ClassVar[int] = 100
    kind: ClassVar[str] = "few"
    called: ClassVar[str] = "FFHQ"
    licence: ClassVar[str] = "CC BY-NC-SA 4.0"
    stand_in: ClassVar[str] = "faces"
    shared: ClassVar[bool] = False  # only what f made of its images goes into a run
    folder: ClassVar[str] = "ffhq100"
    tool: ClassVar[str] = "remotezip"
    files: ClassVar[list[str]] = [f"{i:05d}.png" for i in range(100)]
    # The thumbnails, 128 x 128, in an archive of 2 GB: only its list of contents and the hundred are fetched.
    mirrors: ClassVar[tuple[str, ...]] = (
        "https://huggingface.co/datasets/nuwandaa/ffhq128/resolve/main/thumbnails128x128.zip",
        "https://archive.org/download/ffhq-dataset/thumbnails128x128.zip",
    )
    what: ClassVar[str] = "images 00000.png to 00099.png of FFHQ"

    def read(self, home: Path) -> TensorData:
        """(100 - held_out, 3, size, size) bytes."""
        images = (fitted(self.check(home / name), self.size) for name in self.files)
        return TensorData(torch.stack([image.expand(3, -1, -1) for image in images])).apart(self.held_out, "test")

    def fetch(self, mirror: str, names: list[str], into: Path) -> Iterator[Path]:
        import requests
        from remotezip import RemoteZip

        hooks = {"response": functools.partial(modest, PART)}
        with requests.Session() as session, RemoteZip(mirror, session=session, timeout=60, hooks=hooks) as archive:
            members = {Path(member.filename).name: member for member in archive.infolist()}
            for name in tqdm(names, desc="FFHQ", unit="image"):
                member = members.get(name)
                if member is None or max(member.compress_size, member.file_size) > MEMBER:
                    raise ValueError(f"{name} is missing or larger than {MEMBER} bytes")
                with archive.open(member) as file:
                    (into / name).write_bytes(file.read(MEMBER + 1))  # checks the archive's CRC-32
                yield into / name

    def check(self, path: Path) -> "Image.Image":
        """One of the images; ValueError if it is damaged or shows something else than FFHQ's of that number."""
        needed("PIL", "image files are read with", "Pillow")
        from PIL.Image import Resampling

        try:
            image = opened(path)
        except ValueError as error:
            raise ValueError(f"{path} is not a whole image ({error}): delete it and fetch it anew.") from None
        means = np.asarray(image.convert("L").resize((4, 4), Resampling.BOX)).astype(int)
        wanted = bytes.fromhex(BLOCKS.read_text().split()[int(path.stem)])
        if np.abs(means.ravel() - list(wanted)).max() > TOLERANCE:
            raise ValueError(f"{path} is not image {int(path.stem)} of FFHQ: delete it and fetch it anew.")
        return image
