"""FFHQ-100: whole, damaged, absent, swapped, and fetched by parts from a server."""

import functools
import http.server
import re
import threading
import zipfile

import numpy as np
import pytest
from PIL import Image

from naign import experiments, ffhq
from naign.images import faces


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
    monkeypatch.setattr(ffhq, "BLOCKS", tmp_path / "blocks.txt")
    ffhq.blocks.cache_clear()
    ffhq._all.cache_clear()
    monkeypatch.delenv("NAIGN_DATA", raising=False)
    monkeypatch.setenv("NAIGN_CACHE", str(tmp_path / "cache"))
    yield source
    ffhq.blocks.cache_clear()
    ffhq._all.cache_clear()


@pytest.fixture
def given(made_up, monkeypatch, tmp_path):
    """The same hundred in $NAIGN_DATA."""
    made_up.rename(tmp_path / "ffhq100")
    monkeypatch.setenv("NAIGN_DATA", str(tmp_path))
    return tmp_path / "ffhq100"


def test_whole(given):
    data = ffhq.ffhq100(32)
    assert data.x.shape == (100, 3, 32, 32)
    assert data.test is None
    parted = ffhq.ffhq100(32, held_out=10)
    assert (len(parted), len(parted.test)) == (90, 10)
    assert (parted.test.x == data.x[90:]).all()


def test_another_size_of_the_same_images_is_welcome(given):
    for path in given.iterdir():
        with Image.open(path) as image:
            image.resize((64, 64), Image.Resampling.LANCZOS).save(path)
    assert len(ffhq.ffhq100(32)) == 100


def test_missing_damaged_and_swapped_images_are_refused_in_one_sentence(given):
    raw = (given / "00007.png").read_bytes()
    cases = {
        r"00007.png is not a whole image \(.*\): delete it": raw[: len(raw) // 2],
        r"00007.png is not image 7 of FFHQ: delete it and fetch it anew": (given / "00008.png").read_bytes(),
    }
    for words, content in cases.items():
        (given / "00007.png").write_bytes(content)
        with pytest.raises(ValueError, match=words) as error:
            ffhq.ffhq100()
        assert "\n" not in str(error.value)
    (given / "00007.png").unlink()
    with pytest.raises(ValueError, match=r"00007.png does not exist: put images .* or unset NAIGN_DATA to download"):
        ffhq.ffhq100()


def test_where_ffhq_cannot_be_had_grey_faces_stand_in_and_a_sentence_says_so(given):
    (given / "00099.png").unlink()
    data, note = ffhq.ffhq_or_faces()
    assert data.x.shape == (100, 3, 64, 64)
    assert "scikit-image's small grey faces stand for it" in note and "00099.png does not exist" in note


def test_the_fingerprints_tell_all_hundred_apart():
    ffhq.blocks.cache_clear()
    blocks = ffhq.blocks().astype(int)
    gaps = np.abs(blocks[:, None] - blocks[None]).max((2, 3))
    assert gaps[~np.eye(100, dtype=bool)].min() > 2 * ffhq.TOLERANCE


class Ranges(http.server.SimpleHTTPRequestHandler):
    """A server of files by parts, as the mirrors are; it notes how much was asked of it."""

    sent = 0

    def do_GET(self):
        first, last = map(int, re.match(r"bytes=(\d+)-(\d+)", self.headers["Range"]).groups())
        with open(self.translate_path(self.path), "rb") as file:
            raw = file.read()
        part = raw[first : last + 1]
        type(self).sent += len(part)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{len(raw)}")
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *_):
        pass


class Whole(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def serve(tmp_path):
    servers = []

    def start(handler):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(tmp_path)))
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/thumbnails.zip"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def archive(source, target, rest=3_000_000):
    with zipfile.ZipFile(target, "w") as file:
        file.writestr("thumbnails128x128/LICENSE.txt", np.random.default_rng(0).bytes(rest))  # what must not be fetched
        for path in sorted(source.iterdir()):
            file.write(path, f"thumbnails128x128/00000/{path.name}")


def test_a_hundred_members_of_a_large_archive_are_fetched_by_parts(made_up, tmp_path, serve, monkeypatch):
    archive(made_up, tmp_path / "thumbnails.zip")
    refusing = serve(Whole)
    monkeypatch.setattr(ffhq, "MIRRORS", (refusing, serve(Ranges)))  # the first gives whole files only
    Ranges.sent = 0
    data = ffhq.ffhq100(32)
    assert len(data) == 100
    assert Ranges.sent < 1_500_000  # of 3 MB and more
    assert {p.suffix for p in (tmp_path / "cache" / "data" / "ffhq100").iterdir()} == {".png"}
    assert (ffhq.ffhq100(32).x == data.x).all()


def test_a_bad_download_leaves_nothing_bad_behind(made_up, tmp_path, serve, monkeypatch):
    (made_up / "00005.png").write_bytes((made_up / "00006.png").read_bytes())
    archive(made_up, tmp_path / "thumbnails.zip", rest=10)
    monkeypatch.setattr(ffhq, "MIRRORS", (serve(Ranges),))
    with pytest.raises(ValueError, match="could not be downloaded .*is not image 5 of FFHQ.*: put images 00000.png"):
        ffhq.ffhq100()
    left = sorted(p.name for p in (tmp_path / "cache" / "data" / "ffhq100").iterdir())
    assert left == [f"{i:05d}.png" for i in range(5)]


def test_no_network_is_one_sentence(made_up, monkeypatch):
    monkeypatch.setattr(ffhq, "MIRRORS", ("http://127.0.0.1:9/thumbnails.zip",))
    with pytest.raises(ValueError, match="FFHQ could not be downloaded .*set NAIGN_DATA") as error:
        ffhq.ffhq100()
    assert "\n" not in str(error.value)


def test_the_stand_in_at_quick_and_its_settings():
    experiment = experiments.get("ffhq100-naign", "quick")
    assert experiment.data == "faces" and experiment.shape() == (1, 32, 32) == faces().shape
    parameters = experiments.get("ffhq100-naign", "paper").parameters()
    asked = {"candidates": 100.0, "replay": 0.5, "warm_start": 5000, "batch_size": 10, "distance": "l1"}
    assert {k: parameters[k] for k in asked} == asked


def test_what_a_run_keeps_holds_none_of_ffhq_s_own_images(given, tmp_path):
    run = experiments.get("ffhq100-ign", "cpu", size=8, width=8, steps=2, warm_start=0).train(progress=False)
    assert {"fx", "fz", "blur.1"} <= run.images.keys()
    assert not {"x", "blur.0", "noise.0"} & run.images.keys()
