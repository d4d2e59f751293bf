"""Image sets: digits and faces that come with libraries, and MNIST; how files are fetched and checked."""

from __future__ import annotations

import functools
import gzip
import hashlib
import importlib
import os
import re
import shutil
import tempfile
import textwrap
import threading
import urllib.parse
import zlib
from collections.abc import Collection, Iterator
from concurrent.futures import Future
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from naign.base.files import cache_root, locked, writable_directory
from naign.base.settings import Field, settings
from naign.data.samples import LARGEST, TensorData, resized, split

SECONDS = 300  # within which a mirror gives a file, or is left
PACKED, UNPACKED = 12_000_000, 60_000_000  # bytes; MNIST's largest file has 9,912,422 and 47,040,016
PART = ".part-"  # what folders of unfinished downloads are called


def needed(module: str, use: str, package: str) -> ModuleType:
    """An optional module; ValueError in one sentence that opens with `use` if its package is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ValueError(f"{use} {package}: install it with `pip install {package.lower()}`.") from None


class ImageSet:
    """Square images; a set has a field `size`, gives its samples by `load()`, and says what it is."""

    size: int
    channels: ClassVar[int] = 1
    kind: ClassVar[str]
    called: ClassVar[str]  # in a sentence
    stand_in: ClassVar[str] = ""  # the set that stands for it at the quick profile
    shared: ClassVar[bool] = True  # whether its images may be kept with a run

    @property
    def shape(self) -> tuple[int, int, int]:
        """That of one image, known without loading."""
        return (self.channels, self.size, self.size)


class Downloaded(ImageSet):
    """A set looked for in $NAIGN_DATA/<folder>, then in the cache, else downloaded there.

    One has `fetch(mirror, names, into)`, which brings files of these names from a mirror to a folder and yields
    their paths, one by one, and `check(path)`, which refuses a file that is not what its name says.
    """

    folder: ClassVar[str]
    files: ClassVar[Collection[str]]
    what: ClassVar[str]  # the files in words
    mirrors: ClassVar[tuple[str, ...]]
    tool: ClassVar[str]  # the package that `fetch` needs

    def home(self) -> Path:
        """The folder with all files; ValueError if $NAIGN_DATA lacks one, or no mirror gives it whole."""
        given = os.environ.get("NAIGN_DATA")
        home = Path(given) / self.folder if given else cache_root() / "data" / self.folder
        missing = self._missing(home)
        if not missing:
            return home
        ways_out = f"put {self.what} into a folder `{self.folder}` and set NAIGN_DATA to the folder above it"
        if given:
            raise ValueError(f"{home / missing[0]} does not exist: {ways_out}, or unset NAIGN_DATA to download.")
        writable_directory(home)
        needed(self.tool, f"{self.called} is downloaded with", self.tool)
        with locked(f"data-{self.folder}"):  # who waited here finds the files of the other
            for old in home.glob(f"{PART}*"):  # of a process that has died
                shutil.rmtree(old, ignore_errors=True)
            problems = "; ".join(self._fill(home))
        if self._missing(home):
            raise ValueError(f"{self.called} could not be downloaded ({problems}): {ways_out}.")
        return home

    def _missing(self, home: Path) -> list[str]:
        return [name for name in self.files if not (home / name).is_file()]

    def _fill(self, home: Path) -> Iterator[str]:
        """Fetch what is missing, from one mirror after the other; what was wrong with each."""
        for mirror in self.mirrors:
            if not (missing := self._missing(home)):
                return
            try:
                with tempfile.TemporaryDirectory(prefix=PART, dir=home, ignore_cleanup_errors=True) as spare:
                    for path in _promptly(self.fetch(mirror, missing, Path(spare))):
                        self.check(path)
                        os.replace(path, home / path.name)
            except Exception as error:  # web and archive libraries have many; another mirror may do
                yield f"{urllib.parse.urlsplit(mirror).hostname}: {_in_brief(error)}"


def _promptly(paths: Iterator[Path]) -> Iterator[Path]:
    """The same, each within `SECONDS`, else TimeoutError: a byte now and then keeps a read waiting for ever."""

    def wait(future: Future) -> None:  # in a thread, which is left behind if it is late
        try:
            future.set_result(next(paths, None))
        except Exception as error:
            future.set_exception(error)

    def ask() -> Path | None:
        threading.Thread(target=wait, args=(future := Future(),), daemon=True).start()
        return future.result(SECONDS)

    return iter(ask, None)


def modest(most: int, response: Any, **_: object) -> None:
    """A hook of requests: ValueError if an answer does not say its length or has more bytes than `most`."""
    response.raw.headers.pop("Content-Encoding", None)  # nothing is unpacked on the way
    length = "" if response.raw.chunked else response.headers.get("Content-Length", "")
    if response.is_redirect:
        response.close()  # or its body would be read, to whatever end
    elif response.ok and (not length.isdecimal() or int(length) > most):
        raise ValueError(f"it gives {length or 'an unknown number of'} bytes, at most {most} are expected")


def _in_brief(error: Exception) -> str:
    text = f"{type(error).__name__} {error}"
    if "ConnectionPool(" in text:  # requests, at length
        return "no answer"
    if re.search("EOFError|Connection (aborted|broken)", text):
        return "the connection was cut, or the answer is not HTTP"
    text = re.sub(r"\S*/", "", str(error)).split(": delete it")[0]  # of addresses and paths the last part
    return textwrap.shorten(text, 80, placeholder=" ...") or f"no file within {SECONDS} seconds"


@settings
class Digits(ImageSet):
    """The 1,797 handwritten digits that scikit-learn ships; the last 360 are held out."""

    size: int = Field(32, ge=8, le=LARGEST, description="pixels a side; theirs are 8")
    validation: int = Field(0, ge=0, description="so many training images, the last, are kept to choose settings on")
    kind: ClassVar[str] = "images"
    called: ClassVar[str] = "scikit-learn's small digits"

    def load(self) -> TensorData:
        """(1437 - validation, 1, size, size) bytes with labels; ValueError without scikit-learn."""
        found = needed("sklearn.datasets", "the digits come with", "scikit-learn").load_digits()
        x = torch.tensor(found.images).mul(255 / 16).round().to(torch.uint8).unsqueeze(1)
        data = split(x if self.size == 8 else resized(x, self.size), torch.tensor(found.target), 360)
        return data.apart(self.validation)


@settings
class Faces(ImageSet):
    """The 100 grey faces, 25 x 25, that scikit-image ships (from Labeled Faces in the Wild)."""

    size: int = Field(32, ge=8, le=LARGEST, description="pixels a side")
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

    size: int = Field(32, ge=8, le=LARGEST, description="pixels a side, 32 in the paper")
    validation: int = Field(0, ge=0, description="so many training images, the last, are kept to choose settings on")
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
        """(60000 - validation, 1, size, size) bytes with labels; ValueError if it is damaged or cannot be had."""
        return _mnist(self.home(), self.size).apart(self.validation)

    def fetch(self, mirror: str, names: list[str], into: Path) -> Iterator[Path]:
        import pooch

        # Not `pooch.retrieve`, which logs a hash of no use here and lets nobody else read the file.
        hooks = {"response": functools.partial(modest, PACKED)}
        download = pooch.HTTPDownloader(progressbar=True, headers={"Accept-Encoding": "identity"}, hooks=hooks)
        for name in names:
            download(f"{mirror}{name}", str(into / name), None)
            yield into / name

    def check(self, path: Path) -> bytes:
        """The decompressed bytes of one of the files; ValueError if it is truncated or altered."""
        try:
            with gzip.open(path) as file:
                raw = file.read(UNPACKED)  # of a bomb no more
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
