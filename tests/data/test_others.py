"""Fashion-MNIST and Omniglot: their files read and refused, and the small parts that stand in their place."""

import gzip
import hashlib
import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from naign.data import download, others
from naign.data.others import Fashion, Omniglot

RNG = np.random.default_rng(0)
CLOTHES = [RNG.integers(0, 256, (n, 28, 28), np.uint8) for n in (12, 8)]


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "png")
    return file.getvalue()


def archive(images):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as there:
        there.writestr("readme.txt", "none")
        for name, array in images.items():
            there.writestr(name, png(array))
    return file.getvalue()


def idx(array):
    return bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def characters(n):
    """Black strokes on white: a column that tells them apart."""
    found = {}
    for k in range(n):
        page = np.full((105, 105), 255, np.uint8)
        page[:, 10 * k : 10 * k + 10] = 0
        found[f"b/{n - k}.png"] = page
    return found


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Where the data are looked for; the checksums are those of small files, which are not there yet."""
    monkeypatch.setenv("NAIGN_DATA", str(tmp_path))
    contents = {
        Fashion: [gzip.compress(idx(a)) for a in CLOTHES],
        Omniglot: [archive(characters(5)), archive(characters(3))],
    }
    given = {}
    for cls, raws in contents.items():
        files = dict(zip(cls.files, raws, strict=True))
        monkeypatch.setattr(cls, "files", {name: hashlib.md5(raw).hexdigest() for name, raw in files.items()})
        given |= {tmp_path / cls.folder / name: raw for name, raw in files.items()}
    download._read.cache_clear()
    yield given
    download._read.cache_clear()


def write(files):
    for path, raw in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(raw)


def test_clothes_are_read_without_labels(home):
    write(home)
    data = Fashion(28, validation=2).load()
    assert np.array_equal(data.x.squeeze(1), CLOTHES[0][:10])
    assert np.array_equal(data.validation.x.squeeze(1), CLOTHES[0][10:])
    assert np.array_equal(data.test.x.squeeze(1), CLOTHES[1])
    assert data.labels is None and data.test.labels is None
    assert Fashion().load().shape == Fashion().shape == (1, 32, 32)


def test_characters_are_white_on_black_by_name(home):
    write(home)
    data = Omniglot(105).load()
    assert (len(data), len(data.test)) == (5, 3)
    first = data.x[0, 0]  # b/1.png, the last that was written
    assert (first[:, 40:50] == 255).all() and first.float().mean() == pytest.approx(255 * 10 / 105)
    assert Omniglot().load().shape == Omniglot().shape == (1, 32, 32)


@pytest.mark.parametrize("cls", [Fashion, Omniglot])
def test_absent_altered_and_cut_files_are_refused(home, cls):
    with pytest.raises(ValueError, match=f"does not exist: put the two .* of {cls.called}"):
        cls().load()
    write(home)
    path = next(path for path in home if path.parent.name == cls.folder)
    for raw in (home[path][:-1], home[path][:-1] + b"x"):
        path.write_bytes(raw)
        with pytest.raises(ValueError, match="does not match its checksum, so it was altered: delete it"):
            cls().load()


def test_strangers_come_of_the_test_parts_else_of_small_parts_else_not_at_all(home, tmp_path):
    assert others.strangers(28, 4) == {}
    small = np.concatenate([np.concatenate(list(row), 1) for row in CLOTHES[0].reshape(3, 4, 28, 28)])
    write({tmp_path / "outsiders" / "fashion900.png": png(small)})
    (images, of) = others.strangers(28, 5000)["Fashion-MNIST"]
    assert of == "fashion900.png, a small part"
    assert np.array_equal(images.add(1).mul(127.5).round().squeeze(1), CLOTHES[0])
    write({tmp_path / "outsiders" / "omniglot_small1.zip": archive(characters(4))})
    assert len(others.strangers(32, 3)["Omniglot"][0]) == 3
    write(home)
    found = others.strangers(28, 2)
    assert {name: of for name, (_, of) in found.items()} == dict.fromkeys(found, "the test part")
    ends = torch.tensor(CLOTHES[1][[0, 7]])
    assert torch.equal(found["Fashion-MNIST"][0].add(1).mul(127.5).round().squeeze(1), ends.float())
