"""Sets that come with libraries, and MNIST files that are whole, damaged or missing."""

import gzip
import hashlib
import sys

import numpy as np
import pytest
import torch

from naign.base.settings import values
from naign.data import DATA, SETS, download, or_stand_in
from naign.data.sets import FFHQ100, Digits, Faces, Mnist

OTHERS = ("fashion", "omniglot")


def test_every_data_set_says_what_it_is_before_it_is_loaded():
    assert list(DATA) == ["trimodal", "grid", "2moons", "8gaussians", "digits", "mnist", *OTHERS, "faces", "ffhq100"]
    for name, cls in DATA.items():
        data = cls()
        assert cls(**values(data)) == data
        assert data.kind in ("line", "plane", "images", "few")
        if name in SETS:
            assert data.shape[1:] == (data.size, data.size)
            assert not data.stand_in or not SETS[data.stand_in].stand_in
    instead = {"mnist": "digits", "fashion": "digits", "omniglot": "digits", "ffhq100": "faces"}
    assert {name: cls.stand_in for name, cls in SETS.items() if cls.stand_in} == instead


@pytest.mark.parametrize("name", [name for name, cls in DATA.items() if not getattr(cls, "stand_in", "")])
def test_shapes_known_without_loading_are_those_of_the_samples(name):
    data = DATA[name]()
    loaded = data.load()
    assert loaded.shape == data.shape
    assert loaded.kind == data.kind
    assert loaded.sample(3, torch.Generator().manual_seed(0)).shape == (3, *data.shape)


@pytest.mark.parametrize("size", [8, 12, 64])
def test_any_size_from_eight_will_do_for_what_libraries_bring(size):
    assert Digits(size).load().shape == Digits(size).shape == (1, size, size)
    assert Faces(size).load().shape == Faces(size).shape == (1, size, size)


def test_faces_hold_out_the_last():
    whole, parted = Faces().load(), Faces(held_out=10).load()
    assert (len(whole), len(parted), len(parted.test)) == (100, 90, 10)
    assert torch.equal(parted.test.x, whole.x[90:])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Digits(size=4), "size is 4: give a number greater than or equal to 8"),
        (lambda: Mnist(size=7), "size is 7"),
        (lambda: Mnist(size=2048), "^size is 2048: give a number less than or equal to 128.$"),  # would be 294 GB
        (lambda: Faces(held_out=-1), "held_out is -1"),
        (lambda: Faces(held_out=99).load(), "held_out is 99: give 0, or from 2 to 98 of these 100 images"),
        (lambda: FFHQ100(48), "^size is 48: give a power of two, 8 or more.$"),
        (lambda: FFHQ100(4), "^size is 4: give a power of two, 8 or more.$"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_sentence(make, words):
    with pytest.raises(ValueError, match=words) as error:
        make()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("cls", "module", "package"),
    [(Digits, "sklearn.datasets", "scikit-learn"), (Faces, "skimage.data", "scikit-image")],
)
def test_a_missing_library_is_named(cls, module, package, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ValueError, match=f"come with {package}: install it with `pip install {package}`"):
        cls().load()


def test_digits_hold_out_the_last_360():
    data = Digits().load()
    assert (len(data), len(data.test)) == (1437, 360)
    assert data.shape == data.test.shape == (1, 32, 32)
    assert data.labels.unique().tolist() == list(range(10))


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
    for name, array in zip(Mnist.files, arrays, strict=True):
        (folder / name).write_bytes(gzip.compress(idx(array)))
        registry[name] = hashlib.md5(idx(array)).hexdigest()
    monkeypatch.setattr(Mnist, "files", registry)
    monkeypatch.setenv("NAIGN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NAIGN_CACHE", str(tmp_path / "cache"))
    download._read.cache_clear()
    yield folder, arrays
    download._read.cache_clear()


def test_pixels_of_libraries_are_their_bytes():
    from skimage.data import lfw_subset
    from sklearn.datasets import load_digits

    for found, theirs in ((Faces(25), lfw_subset()[:100]), (Digits(8), load_digits().images[:1437] / 16)):
        assert np.abs(found.load().x.squeeze(1).numpy() / 255 - theirs).max() < 0.003


def test_whole_files_become_labelled_bytes(tiny):
    _, arrays = tiny
    data = Mnist(28).load()
    assert np.array_equal(data.x.squeeze(1), arrays[0])  # 28 x 28 is the files' own size
    assert data.labels.tolist() == arrays[1].tolist()
    assert np.array_equal(data.test.x.squeeze(1), arrays[2])
    assert data.test.labels.tolist() == arrays[3].tolist()
    assert Mnist().load().shape == (1, 32, 32)


def test_truncated_altered_and_absent_files_are_refused(tiny):
    folder, _ = tiny
    path = folder / "t10k-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(ValueError, match="not a whole gzip file.*delete it and fetch it anew"):
        Mnist().load()
    altered = bytearray(gzip.decompress(whole))
    altered[500] ^= 1
    path.write_bytes(gzip.compress(bytes(altered)))
    with pytest.raises(ValueError, match="does not match its checksum"):
        Mnist().load()
    path.unlink()
    with pytest.raises(ValueError, match="does not exist: put the four files .* or unset NAIGN_DATA"):
        Mnist().load()
    data, sentence = or_stand_in("mnist")
    assert len(data) == 1437
    assert "MNIST could not be had" in sentence


def test_a_bad_mirror_is_passed_over_and_leaves_nothing_behind(tiny, tmp_path, monkeypatch, capsys, serve):
    folder, arrays = tiny
    bad = tmp_path / "bad"
    bad.mkdir()
    for name in Mnist.files:
        (bad / name).write_bytes((folder / name).read_bytes()[:-9])
    monkeypatch.delenv("NAIGN_DATA")
    bad, good = serve(bad), serve(folder)
    monkeypatch.setattr(Mnist, "mirrors", (bad,))
    with pytest.raises(ValueError, match="could not be downloaded .127.0.0.1: train-images.* is not a whole gzip file"):
        Mnist().load()
    monkeypatch.setattr(Mnist, "mirrors", ("http://127.0.0.1:9/", bad + "absent/"))
    sentence = or_stand_in("mnist")[1]
    assert "(127.0.0.1: no answer; 127.0.0.1: 404 Client Error" in sentence and len(sentence) < 400
    cache = tmp_path / "cache" / "data" / "mnist"
    assert not list(cache.iterdir())
    monkeypatch.setattr(Mnist, "mirrors", (bad, good))
    assert len(Mnist().load()) == 20
    assert sorted(p.name for p in cache.iterdir()) == sorted(Mnist.files)
    assert "100%" in capsys.readouterr().err  # a progress bar


def test_without_the_package_that_downloads_it_is_named(tiny, monkeypatch):
    monkeypatch.delenv("NAIGN_DATA")
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ValueError, match="MNIST is downloaded with pooch: install it with `pip install pooch`"):
        Mnist().load()


def test_the_set_itself_comes_without_a_sentence(tiny):
    data, sentence = or_stand_in("mnist")
    assert len(data) == 20 and sentence == ""
    assert or_stand_in("digits")[1] == ""
