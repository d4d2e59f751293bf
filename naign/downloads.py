"""MNIST from a folder, the cache or the web, checked by the checksums of its decompressed files."""

from __future__ import annotations

import functools
import gzip
import hashlib
import os
import urllib.request
import zlib
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from naign import files
from naign.images import TensorData, digits, resized
from naign.provenance import cache_root

# File (without .gz): MD5 of the decompressed bytes, which all mirrors share; their gzip wrappers differ.
MNIST = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
WAYS_OUT = "put the four files of MNIST (.gz) into a folder `mnist` and set NAIGN_DATA to the folder above it"


def mnist(size: int = 32) -> TensorData:
    """MNIST, 60,000 + 10,000 (`test`) digits with labels, resized from 28 x 28 (paper, Appendix 8).

    Looked for in $NAIGN_DATA/mnist, then in the cache, else downloaded there.

    Raises
    ------
    ValueError
        If a file is missing from $NAIGN_DATA, damaged, or cannot be downloaded.
    """
    if size < 8:
        raise ValueError(f"size is {size}: give 8 or more, 32 as the paper does.")
    given = os.environ.get("NAIGN_DATA")
    return _mnist(Path(given) / "mnist" if given else cache_root() / "data" / "mnist", given is None, size)


def mnist_or_digits() -> tuple[TensorData, str]:
    """MNIST, or where it cannot be had scikit-learn's digits, and a sentence that tells the reader so."""
    try:
        return mnist(), ""
    except ValueError as error:
        return digits(), f"MNIST could not be had here, scikit-learn's small digits stand for it: {error}"


@functools.lru_cache(maxsize=2)
def _mnist(folder: Path, may_download: bool, size: int) -> TensorData:
    missing = [name for name in MNIST if not (folder / f"{name}.gz").is_file()]
    if missing and not may_download:
        raise ValueError(f"{folder}/{missing[0]}.gz does not exist: {WAYS_OUT}, or unset NAIGN_DATA to download.")
    for name in missing:
        download(name, folder)
    arrays = [idx(read(folder / f"{name}.gz", checksum)) for name, checksum in MNIST.items()]
    x, y, x_test, y_test = (torch.from_numpy(a) for a in arrays)
    x, x_test = (resized(part.unsqueeze(1), size) for part in (x, x_test))
    return TensorData(x, y.long(), TensorData(x_test, y_test.long()))


def read(path: Path, checksum: str) -> bytes:
    """The decompressed bytes of a gzip file with a known MD5.

    Raises
    ------
    ValueError
        If the file is truncated or altered.
    """
    try:
        raw = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is not a whole gzip file ({error}): delete it and fetch it anew.") from None
    if hashlib.md5(raw).hexdigest() != checksum:
        raise ValueError(f"{path} does not match its checksum, so it was altered: delete it and fetch it anew.")
    return raw


def idx(raw: bytes) -> np.ndarray:
    """The array in an IDX file of bytes."""
    dimensions = np.frombuffer(raw, ">i4", raw[3], 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(dimensions).copy()


def download(name: str, folder: Path) -> None:
    """Fetch one file from the first mirror that gives it whole; a bad download leaves nothing behind."""
    files.writable_directory(folder)
    part = folder / f"{name}.gz.part"
    problems = []
    for mirror in MIRRORS:
        try:
            with urllib.request.urlopen(f"{mirror}{name}.gz", timeout=30) as answer, open(part, "wb") as file:
                total = int(answer.headers.get("Content-Length") or 0) or None
                with tqdm(total=total, unit="B", unit_scale=True, desc=name) as bar:
                    while block := answer.read(1 << 16):
                        file.write(block)
                        bar.update(len(block))
            read(part, MNIST[name])
            os.replace(part, folder / f"{name}.gz")
            return
        except (OSError, ValueError) as error:  # URLError is an OSError
            problems.append(f"{mirror}: {error}")
        finally:
            part.unlink(missing_ok=True)
    raise ValueError(f"{name} could not be downloaded ({'; '.join(problems)}): {WAYS_OUT}.")
