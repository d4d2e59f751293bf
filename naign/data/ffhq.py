"""FFHQ-100: images 0 to 99 of Flickr-Faces-HQ (Karras et al. 2019), CC BY-NC-SA 4.0, never part of this project."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from naign.base.settings import Field, settings
from naign.data.folder import opened, read
from naign.data.samples import PowerOfTwo, TensorData, split
from naign.data.sets import Downloaded, modest, needed

# Grey means of 4 x 4 blocks, 16 bytes an image: alike for every size that the images are published
# in (they differ by 1), where file checksums are not; the two most similar of the hundred differ by 26.
BLOCKS = Path(__file__).with_name("ffhq100.txt")
TOLERANCE = 4
MEMBER, PART = 1_000_000, 32_000_000  # bytes at most: of an image, and of any part of the archive


@settings
class FFHQ100(Downloaded):
    """Images 0 to 99 of FFHQ, in colour (paper, Section 4.3).

    Looked for in $NAIGN_DATA/ffhq100, then in the cache, else downloaded there.
    """

    size: PowerOfTwo = Field(64, description="pixels a side, a power of two from 8 to 2048")
    held_out: int = Field(0, ge=0, description="so many, the last, become `test`")
    channels: ClassVar[int] = 3
    kind: ClassVar[str] = "few"
    called: ClassVar[str] = "FFHQ"
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

    def load(self) -> TensorData:
        """(100 - held_out, 3, size, size) bytes; ValueError if an image is damaged, another, or cannot be had."""
        return split(_all(self.home(), self.size), None, self.held_out)

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

    def check(self, path: Path) -> None:
        """ValueError if a file is damaged or shows something else than FFHQ's image of that number."""
        needed("PIL", "image files are read with", "Pillow")
        from PIL.Image import Resampling

        try:
            image = opened(path).convert("L")
        except ValueError as error:
            raise ValueError(f"{path} is not a whole image ({error}): delete it and fetch it anew.") from None
        means = np.asarray(image.resize((4, 4), Resampling.BOX)).astype(int)
        if np.abs(means - blocks()[int(path.stem)]).max() > TOLERANCE:
            raise ValueError(f"{path} is not image {int(path.stem)} of FFHQ: delete it and fetch it anew.")


@functools.lru_cache(maxsize=2)
def _all(home: Path, size: int) -> Tensor:
    paths = [home / name for name in FFHQ100.files]
    for path in paths:
        FFHQ100().check(path)
    return torch.stack([read(path, size).expand(3, -1, -1) for path in paths])


@functools.cache
def blocks() -> np.ndarray:
    """What the block means of every image must be, (100, 4, 4)."""
    return np.array([list(bytes.fromhex(line)) for line in BLOCKS.read_text().split()]).reshape(-1, 4, 4)


SETS = {"ffhq100": FFHQ100}
