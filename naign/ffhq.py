"""FFHQ-100: images 0 to 99 of Flickr-Faces-HQ (Karras et al. 2019), CC BY-NC-SA 4.0, never part of this project."""

from __future__ import annotations

import functools
import io
import os
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from naign import files, folders
from naign.images import TensorData, faces, split
from naign.provenance import PACKAGE, cache_root

COUNT = 100
# The public thumbnails, 128 x 128, in one archive of 2 GB, of which only its list of contents and
# a hundred members are fetched.
MIRRORS = (
    "https://huggingface.co/datasets/nuwandaa/ffhq128/resolve/main/thumbnails128x128.zip",
    "https://archive.org/download/ffhq-dataset/thumbnails128x128.zip",
)
# Grey means of 4 x 4 blocks, 16 bytes an image: alike for every size that the images are published
# in (they differ by 1), where file checksums are not; the two most similar of the hundred differ by 26.
BLOCKS = PACKAGE / "assets" / "ffhq100.txt"
TOLERANCE = 4
WAYS_OUT = "put images 00000.png to 00099.png of FFHQ into a folder `ffhq100` and set NAIGN_DATA to the folder above it"


def ffhq100(size: int = 64, held_out: int = 0) -> TensorData:
    """FFHQ-100 at size x size, (n, 3, size, size), bytes; with `held_out` the last so many are `test`.

    Looked for in $NAIGN_DATA/ffhq100, then in the cache, else downloaded there.

    Raises
    ------
    ValueError
        If an image is missing from $NAIGN_DATA, damaged, another, or cannot be downloaded.
    """
    folders.check_size(size)
    given = os.environ.get("NAIGN_DATA")
    root = Path(given) / "ffhq100" if given else cache_root() / "data" / "ffhq100"
    return split(_all(root, given is None, size), None, held_out)


def ffhq_or_faces() -> tuple[TensorData, str]:
    """FFHQ-100, or where it cannot be had scikit-image's small grey faces, and a sentence that tells the reader so."""
    try:
        return ffhq100(), ""
    except ValueError as error:
        stand_in = TensorData(faces(64).x.expand(-1, 3, -1, -1).contiguous())
        return stand_in, f"FFHQ could not be had here, scikit-image's small grey faces stand for it: {error}"


@functools.lru_cache(maxsize=2)
def _all(folder: Path, may_download: bool, size: int) -> torch.Tensor:
    paths = [folder / f"{i:05d}.png" for i in range(COUNT)]
    missing = [path for path in paths if not path.is_file()]
    if missing and not may_download:
        raise ValueError(f"{missing[0]} does not exist: {WAYS_OUT}, or unset NAIGN_DATA to download.")
    if missing:
        download(missing)
    for i, path in enumerate(paths):
        check(path, i)
    return torch.stack([folders.read(path, size).expand(3, -1, -1) for path in paths])


@functools.cache
def blocks() -> np.ndarray:
    """What every image's `block_means` must be, (100, 4, 4)."""
    return np.array([list(bytes.fromhex(line)) for line in BLOCKS.read_text().split()]).reshape(COUNT, 4, 4)


def check(path: Path, number: int) -> None:
    """Refuse a file that is damaged or shows something else than FFHQ's image of that number."""
    from PIL import Image

    try:
        image = folders.opened(path)
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{path} is not a whole image ({error}): delete it and fetch it anew.") from None
    means = np.asarray(image.convert("L").resize((4, 4), Image.Resampling.BOX)).astype(int)
    if np.abs(means - blocks()[number]).max() > TOLERANCE:
        raise ValueError(f"{path} is not image {number} of FFHQ: delete it and fetch it anew.")


class RemoteFile(io.RawIOBase):
    """A file on a web server, read by parts."""

    def __init__(self, url: str):
        self.url, self.at = url, 0
        self.size = int(self._get(0, 1).headers["Content-Range"].rsplit("/", 1)[1])

    def _get(self, start: int, end: int):
        request = urllib.request.Request(self.url, headers={"Range": f"bytes={start}-{end - 1}"})
        answer = urllib.request.urlopen(request, timeout=60)
        if answer.status != 206:
            raise OSError("the server gives whole files only")
        return answer

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence]
        return self.at

    def tell(self) -> int:
        return self.at

    def readinto(self, buffer: memoryview) -> int:
        end = min(self.at + len(buffer), self.size)
        if end <= self.at:
            return 0
        with self._get(self.at, end) as answer:
            got = answer.read()
        buffer[: len(got)] = got
        self.at += len(got)
        return len(got)


def download(missing: list[Path]) -> None:
    """Fetch images from the first mirror that gives them all whole; what is bad is not kept."""
    files.writable_directory(missing[0].parent)
    problems = []
    for mirror in MIRRORS:
        try:
            with zipfile.ZipFile(io.BufferedReader(RemoteFile(mirror), 1 << 16)) as archive:
                members = {Path(name).name: name for name in archive.namelist()}
                for path in tqdm(missing, desc="FFHQ", unit="image"):
                    _keep(path, archive.read(members[path.name]))  # checks the archive's CRC-32
            return
        except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:  # URLError is an OSError
            problems.append(f"{urllib.parse.urlsplit(mirror).hostname}: {error}")
    raise ValueError(f"FFHQ could not be downloaded ({'; '.join(problems)}): {WAYS_OUT}.")


def _keep(path: Path, raw: bytes) -> None:
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(raw)
        check(part, int(path.stem))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
