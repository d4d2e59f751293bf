"""FFHQ-100: whole, damaged, absent, swapped, and fetched by parts from a server."""

import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

from naign.data import SETS, download, or_stand_in, sets
from naign.data.sets import FFHQ100, Faces


@pytest.fixture
def made_up(monkeypatch, tmp_path):
    """A hundred images of our own with their block means, where FFHQ's would be asked for."""
    rng = np.random.default_rng(0)
    small = rng.integers(40, 215, (100, 4, 4, 3)).astype(np.uint8)
    source = tmp_path / "source"
    source.mkdir()
    means = []
    for i, blocks in enumerate(small):
        image = Image.fromarray(blocks.repeat(32, 0).repeat(32, 1))
        image.save(source / f"{i:05d}.png")
        means.append(bytes(np.asarray(image.convert("L").resize((4, 4), Image.Resampling.BOX)).ravel()).hex())
    (tmp_path / "blocks.txt").write_text("\n".join(means))
    monkeypatch.setattr(sets, "BLOCKS", tmp_path / "blocks.txt")
    download._read.cache_clear()
    monkeypatch.delenv("NAIGN_DATA", raising=False)
    monkeypatch.setenv("NAIGN_CACHE", str(tmp_path / "cache"))
    yield source
    download._read.cache_clear()


@pytest.fixture
def given(made_up, monkeypatch, tmp_path):
    """The same hundred in $NAIGN_DATA."""
    made_up.rename(tmp_path / "ffhq100")
    monkeypatch.setenv("NAIGN_DATA", str(tmp_path))
    return tmp_path / "ffhq100"


def test_whole(given):
    data = FFHQ100(32).load()
    assert data.x.shape == (100, 3, 32, 32)
    assert data.test is None
    parted = FFHQ100(32, held_out=10).load()
    assert (len(parted), len(parted.test)) == (90, 10)
    assert (parted.test.x == data.x[90:]).all()


def test_another_size_of_the_same_images_is_welcome(given):
    for path in given.iterdir():
        with Image.open(path) as image:
            image.resize((64, 64), Image.Resampling.LANCZOS).save(path)
    assert len(FFHQ100(32).load()) == 100


def test_missing_damaged_and_swapped_images_are_refused_in_one_sentence(given):
    raw = (given / "00007.png").read_bytes()
    cases = {
        r"00007.png is not a whole image \(.*\): delete it": raw[: len(raw) // 2],
        r"00007.png is not image 7 of FFHQ: delete it and fetch it anew": (given / "00008.png").read_bytes(),
    }
    for words, content in cases.items():
        (given / "00007.png").write_bytes(content)
        with pytest.raises(ValueError, match=words) as error:
            FFHQ100().load()
        assert "\n" not in str(error.value)
    (given / "00007.png").unlink()
    with pytest.raises(ValueError, match=r"00007.png does not exist: put images .* or unset NAIGN_DATA to download"):
        FFHQ100().load()


def test_where_ffhq_cannot_be_had_grey_faces_stand_in_and_a_sentence_says_so(given):
    (given / "00099.png").unlink()
    data, note = or_stand_in("ffhq100")
    assert data.x.shape == (100, 3, 64, 64)
    assert "scikit-image's small grey faces stand for it" in note and "00099.png does not exist" in note


def test_the_fingerprints_tell_all_hundred_apart():
    blocks = np.array([list(bytes.fromhex(line)) for line in sets.BLOCKS.read_text().split()])
    assert blocks.shape == (100, 16)
    gaps = np.abs(blocks[:, None] - blocks[None]).max(2)
    assert gaps[~np.eye(100, dtype=bool)].min() > 2 * sets.TOLERANCE


def archive(source, target, rest=3_000_000):
    with zipfile.ZipFile(target, "w") as file:
        file.writestr("thumbnails128x128/LICENSE.txt", np.random.default_rng(0).bytes(rest))  # what must not be fetched
        for path in sorted(source.iterdir()):
            file.write(path, f"thumbnails128x128/00000/{path.name}")


def test_a_hundred_members_of_a_large_archive_are_fetched_by_parts(made_up, tmp_path, serve, monkeypatch):
    archive(made_up, tmp_path / "thumbnails.zip")
    mirrors = [serve(tmp_path, parts) + "thumbnails.zip" for parts in (False, True)]  # the first gives whole files only
    monkeypatch.setattr(FFHQ100, "mirrors", mirrors)
    data = FFHQ100(32).load()
    assert len(data) == 100
    assert serve.sent() < 1_500_000  # of 3 MB and more
    assert {p.suffix for p in (tmp_path / "cache" / "data" / "ffhq100").iterdir()} == {".png"}
    assert (FFHQ100(32).load().x == data.x).all()


def test_a_bad_download_leaves_nothing_bad_behind(made_up, tmp_path, serve, monkeypatch):
    (made_up / "00005.png").write_bytes((made_up / "00006.png").read_bytes())
    archive(made_up, tmp_path / "thumbnails.zip", rest=10)
    monkeypatch.setattr(FFHQ100, "mirrors", (serve(tmp_path, parts=True) + "thumbnails.zip",))
    with pytest.raises(ValueError, match="could not be downloaded .*is not image 5 of FFHQ.*: put images 00000.png"):
        FFHQ100().load()
    left = sorted(p.name for p in (tmp_path / "cache" / "data" / "ffhq100").iterdir())
    assert left == [f"{i:05d}.png" for i in range(5)]


def test_no_network_is_one_sentence(made_up, monkeypatch):
    monkeypatch.setattr(FFHQ100, "mirrors", ("http://127.0.0.1:9/thumbnails.zip",))
    with pytest.raises(ValueError, match="FFHQ could not be downloaded .*set NAIGN_DATA") as error:
        FFHQ100().load()
    assert "(127.0.0.1: no answer)" in str(error.value) and "\n" not in str(error.value)


def test_a_mirror_that_lacks_an_image_is_passed_over_for_that_one_only(made_up, tmp_path, serve, monkeypatch):
    archive(made_up, tmp_path / "thumbnails.zip", rest=10)
    with zipfile.ZipFile(tmp_path / "few.zip", "w") as file:
        for i in range(40):
            file.write(made_up / f"{i:05d}.png")
    address = serve(tmp_path, parts=True)
    monkeypatch.setattr(FFHQ100, "mirrors", (address + "few.zip", address + "thumbnails.zip"))
    assert len(FFHQ100(32).load()) == 100


def test_without_the_package_that_downloads_it_is_named(made_up, monkeypatch):
    monkeypatch.setitem(sys.modules, "remotezip", None)
    with pytest.raises(ValueError, match="FFHQ is downloaded with remotezip: install it with `pip install remotezip`"):
        FFHQ100().load()


def test_grey_faces_stand_in_and_its_own_images_are_never_shared():
    assert SETS[FFHQ100.stand_in] is Faces
    assert not FFHQ100.shared and Faces.shared
    assert Faces().kind == FFHQ100().kind == "few"


def test_the_settings_of_the_paper_and_those_at_quick():
    from naign.study.experiment import get

    experiment = get("ffhq100-naign", "quick")
    assert isinstance(experiment.data, Faces) and experiment.data.shape == (1, 32, 32) == Faces().load().shape
    parameters = get("ffhq100-naign", "paper").parameters()
    asked = {"candidates": 100.0, "replay": 0.5, "warm_start": 5000, "batch_size": 10, "distance": "l1"}
    assert {k: parameters[k] for k in asked} == asked


def test_what_a_run_keeps_holds_none_of_ffhq_s_own_images(given, tmp_path):
    from naign.study.experiment import get
    from naign.study.runs import score

    experiment = get("ffhq100-ign", "cpu", size=8, width=8, steps=2, warm_start=0)
    run = experiment.train(progress=False)
    score(run, experiment)
    assert {"fx", "fz", "blur.1"} <= run.images.keys()
    assert not {"x", "blur.0", "noise.0"} & run.images.keys()
