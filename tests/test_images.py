"""Bytes and floats, the small digits, and MNIST files that are whole, damaged or missing."""

import gzip
import hashlib

import numpy as np
import pytest
import torch

from naign import downloads, images
from naign.images import TensorData


def test_bytes_stand_for_minus_one_to_one():
    data = TensorData(torch.tensor([[0, 255], [51, 204]], dtype=torch.uint8))
    assert torch.allclose(data.take(slice(None)), torch.tensor([[-1.0, 1.0], [-0.6, 0.6]]))
    drawn = data.sample(50, torch.Generator().manual_seed(0))
    assert drawn.dtype == torch.float32
    assert {tuple(row) for row in (drawn * 5).round().int().tolist()} == {(-5, 5), (-3, 3)}
    x = torch.rand(3, 1, 2, 2) * 2 - 1
    assert (images.as_floats(images.as_bytes(x)) - x).abs().max() <= 1 / 255 + 1e-6


def test_resizing_keeps_flat_images_and_antialiases():
    flat = torch.full((1, 1, 28, 28), 77, dtype=torch.uint8)
    assert (images.resized(flat, 32) == 77).all()
    board = (torch.arange(64)[:, None] + torch.arange(64)).remainder(2).mul(255).to(torch.uint8)
    assert images.resized(board[None, None], 8).float()[..., 1:-1, 1:-1].sub(127.5).abs().max() < 15


def test_digits_hold_out_the_last_360():
    data = images.digits()
    assert (len(data), len(data.test)) == (1437, 360)
    assert data.shape == data.test.shape == (1, 32, 32)
    assert data.labels.unique().tolist() == list(range(10))
    with pytest.raises(ValueError, match="size is 4"):
        images.digits(4)


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A folder with four small files in MNIST's format, and their checksums in the registry."""
    rng = np.random.default_rng(0)
    shapes = [(20, 28, 28), (20,), (10, 28, 28), (10,)]
    arrays = [rng.integers(0, 256 if len(s) > 1 else 10, s) for s in shapes]
    folder, registry = tmp_path / "data" / "mnist", {}
    folder.mkdir(parents=True)
    for name, array in zip(downloads.MNIST, arrays, strict=True):
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
        registry[name] = hashlib.md5(idx(array)).hexdigest()
    monkeypatch.setattr(downloads, "MNIST", registry)
    monkeypatch.setenv("NAIGN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NAIGN_CACHE", str(tmp_path / "cache"))
    downloads._mnist.cache_clear()
    yield folder, arrays
    downloads._mnist.cache_clear()


def test_whole_files_become_labelled_bytes(tiny):
    _, arrays = tiny
    data = downloads.mnist(28)
    assert np.array_equal(data.x.squeeze(1), arrays[0])  # 28 x 28 is the files' own size
    assert data.labels.tolist() == arrays[1].tolist()
    assert np.array_equal(data.test.x.squeeze(1), arrays[2])
    assert downloads.mnist().shape == (1, 32, 32)


def test_truncated_altered_and_absent_files_are_refused(tiny):
    folder, _ = tiny
    path = folder / "t10k-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(ValueError, match="not a whole gzip file.*delete it and fetch it anew"):
        downloads.mnist()
    altered = bytearray(gzip.decompress(whole))
    altered[500] ^= 1
    path.write_bytes(gzip.compress(bytes(altered)))
    with pytest.raises(ValueError, match="does not match its checksum"):
        downloads.mnist()
    path.unlink()
    with pytest.raises(ValueError, match="does not exist: put the four files .* or unset NAIGN_DATA"):
        downloads.mnist()
    data, sentence = downloads.mnist_or_digits()
    assert len(data) == 1437
    assert "MNIST could not be had" in sentence


def test_a_bad_mirror_is_passed_over_and_leaves_nothing_behind(tiny, tmp_path, monkeypatch, capsys):
    folder, arrays = tiny
    bad = tmp_path / "bad"
    bad.mkdir()
    for name in downloads.MNIST:
        (bad / f"{name}.gz").write_bytes((folder / f"{name}.gz").read_bytes()[:-9])
    monkeypatch.delenv("NAIGN_DATA")
    monkeypatch.setattr(downloads, "MIRRORS", (f"{bad.as_uri()}/",))
    with pytest.raises(ValueError, match="could not be downloaded .*not a whole gzip file"):
        downloads.mnist()
    cache = tmp_path / "cache" / "data" / "mnist"
    assert not list(cache.iterdir())
    monkeypatch.setattr(downloads, "MIRRORS", (f"{bad.as_uri()}/", f"{folder.as_uri()}/"))
    assert len(downloads.mnist()) == 20
    assert sorted(p.name for p in cache.iterdir()) == sorted(f"{name}.gz" for name in downloads.MNIST)
    assert "100%" in capsys.readouterr().err  # a progress bar
