"""Bad days: servers that cut, trickle, never end and lie; a zoo of image files; tensors that nobody can learn from."""

import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import naign
from naign.data import download, sets
from naign.data.folder import Folder, fitted, opened
from naign.data.samples import TensorData
from naign.data.sets import FFHQ100, Digits, Faces, Mnist

pooch = pytest.importorskip("pooch")
remotezip = pytest.importorskip("remotezip")
PATIENCE = 1.5  # seconds after which a server here gives up, whatever it does
RNG = np.random.default_rng(0)


# Servers: each behaviour is a generator of bytes, of what was asked for.


@pytest.fixture
def server():
    """A function of a behaviour that starts a server on this machine; its `asked` are the paths it was asked for."""
    running = []

    def start(behaviour):
        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.request.settimeout(PATIENCE)
                with contextlib.suppress(OSError):
                    lines = list(iter(lambda: self.rfile.readline().decode().strip(), ""))
                    found = dict(line.split(": ", 1) for line in lines[1:])
                    start.asked.append(lines[0].split()[1])
                    until = time.monotonic() + PATIENCE
                    for part in behaviour(lines[0].split()[1], found.get("Range", "")):
                        self.wfile.write(part)
                        if time.monotonic() > until:
                            return

        web = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        web.daemon_threads = True
        running.append(web)
        threading.Thread(target=web.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{web.server_address[1]}/"

    start.asked = []
    yield start
    for web in running:
        web.shutdown()
        web.socket.close()


def answer(*headers, status="200 OK", body=b""):
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "Connection: close", "", ""]).encode() + body


def whole(body, *headers):
    return lambda *_: iter([answer(f"Content-Length: {len(body)}", *headers, body=body)])


def then(first, more=lambda: (), pause=0.0):
    """First this, then more and more of what `more` gives, with a pause before each."""

    def behaviour(*_):
        yield first
        for _ in range(10_000):
            time.sleep(pause)
            yield more() or b""

    return behaviour if pause or more() else lambda *_: iter([first])


BLOCK = bytes(65536)
BOMB = gzip.compress(bytes(30_000_000))
LYING = {
    "hangs up at once": (then(b""), "connection was cut"),
    "bad status line": (then(b"HELLO, WORLD\r\n\r\n"), "connection was cut, or the answer is not HTTP"),
    "half a status line": (then(b"HTTP/1.1 2"), "connection was cut, or the answer is not HTTP"),
    "binary noise": (then(RNG.bytes(5000)), "connection was cut, or the answer is not HTTP"),
    "headers without end": (
        then(b"HTTP/1.1 200 OK\r\n", lambda: b"A: b\r\n" * 50),
        "connection was cut, or the answer",
    ),
    "a line without end": (then(b"HTTP/1.1 200 ", lambda: b"x" * 9999), "connection was cut, or the answer is not"),
    "cut body": (then(answer("Content-Length: 1000", body=bytes(100))), "connection was cut"),
    "endless body": (then(answer(), lambda: BLOCK), "gives an unknown number of bytes, at most 12000000"),
    "endless chunks": (
        then(answer("Transfer-Encoding: chunked"), lambda: b"10000\r\n" + BLOCK + b"\r\n"),
        "gives an unknown number of bytes",
    ),
    "chunks with a length": (
        then(answer("Transfer-Encoding: chunked", "Content-Length: 9"), lambda: b"10000\r\n" + BLOCK + b"\r\n"),
        "gives an unknown number",
    ),
    "a length beyond all": (then(answer("Content-Length: 1000000000000"), lambda: BLOCK), "gives 1000000000000 bytes"),
    "length in words": (then(answer("Content-Length: many"), lambda: BLOCK), "gives many bytes"),
    "negative length": (then(answer("Content-Length: -5"), lambda: BLOCK), "gives -5 bytes"),
    "two lengths": (then(answer("Content-Length: 5, 6"), lambda: BLOCK), "Content-Length contained multiple"),
    "404": (then(answer("Content-Length: 0", status="404 Not Found")), "404 Client Error"),
    "500 without end": (then(answer(status="500 Oh No"), lambda: BLOCK), "500 Server Error"),
    "redirect to itself": (then(answer("Location: /", "Content-Length: 0", status="302 Found")), "30 redirects"),
    "redirect without end": (then(answer("Location: /", status="302 Found"), lambda: BLOCK), "30 redirects"),
    "redirect to a file": (then(answer("Location: file:///etc/hosts", status="302 Found")), "No connection adapters"),
    "redirect to nobody": (then(answer("Location: http://127.0.0.1:9/", status="302 Found")), "no answer"),
    "a page of HTML": (whole(b"<html>Please log in</html>"), "not a whole gzip file"),
    "nothing": (whole(b""), "does not match its checksum"),
    "another file": (whole(gzip.compress(b"another")), "does not match its checksum"),
    "cut gzip": (whole(gzip.compress(RNG.bytes(999))[:500]), "not a whole gzip file"),
    "gzip bomb": (whole(BOMB), "does not match its checksum"),
    "bomb on the way": (whole(gzip.compress(BOMB), "Content-Encoding: gzip"), "does not match its checksum"),
    "trickled body": (then(answer("Content-Length: 1000"), lambda: b"x", 0.05), "no file within 0.4 seconds"),
    "trickled headers": (then(b"HTTP/1.1 200 OK\r\n", lambda: b"x", 0.05), "no file within 0.4 seconds"),
    "silence": (then(b"HTTP/1.1 200 OK\r\n", pause=0.1), "no file within 0.4 seconds"),
}


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.delenv("NAIGN_DATA", raising=False)
    monkeypatch.setenv("NAIGN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "data"


@pytest.fixture
def mnist(monkeypatch, cache):
    """What a good server of four small files in MNIST's format does."""
    rng = np.random.default_rng(0)
    raw = [idx(rng.integers(0, 10, shape)) for shape in ((9, 28, 28), (9,), (5, 28, 28), (5,))]
    monkeypatch.setattr(Mnist, "files", {n: hashlib.md5(r).hexdigest() for n, r in zip(Mnist.files, raw, strict=True)})
    files = {name: gzip.compress(r) for name, r in zip(Mnist.files, raw, strict=True)}
    return lambda path, _: whole(files[path.strip("/")])(path, _)


def refused(data):
    """The one sentence of a download that fails, which leaves nothing behind."""
    with pytest.raises(ValueError, match=r"could not be downloaded \(127.0.0.1: .*\): put .* NAIGN_DATA") as error:
        data.home()
    text = str(error.value)
    assert "\n" not in text and len(text) < 400 and "0x" not in text
    return text


def left(folder):
    return sorted(p.name for p in folder.rglob("*"))


@pytest.mark.parametrize("name", LYING)
def test_a_bad_server_is_one_sentence_and_the_next_mirror_is_tried(name, server, mnist, cache, monkeypatch):
    behaviour, words = LYING[name]
    monkeypatch.setattr(sets, "UNPACKED", 1_000_000)
    if words.startswith("no file"):
        monkeypatch.setattr(download, "SECONDS", 0.4)
    bad = server(behaviour)
    monkeypatch.setattr(Mnist, "mirrors", (bad,))
    tracemalloc.start()
    text = refused(Mnist())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert re.search(words, text), text
    assert peak < 15_000_000
    assert not left(cache / "mnist")
    monkeypatch.setattr(download, "SECONDS", 30)
    if not words.startswith("no file"):
        monkeypatch.setattr(Mnist, "mirrors", (bad, server(mnist)))
        assert left(Mnist().home()) == sorted(Mnist.files)


def test_what_a_dead_process_left_is_cleared(server, mnist, cache, monkeypatch):
    (cache / "mnist" / ".part-dead").mkdir(parents=True)
    (cache / "mnist" / ".part-dead" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"half")
    monkeypatch.setattr(Mnist, "mirrors", (server(mnist),))
    assert left(Mnist().home()) == sorted(Mnist.files)


def test_processes_that_want_the_same_files_at_once_share_one_download(server, mnist, cache, tmp_path, monkeypatch):
    code = (
        "import json, sys; from naign.data.sets import Mnist; Mnist.mirrors, Mnist.files = json.loads(sys.argv[1]);"
        "assert len(Mnist().load()) == 9"
    )

    def slow(path, asked):
        time.sleep(0.3)
        yield from mnist(path, asked)

    given = json.dumps([[server(slow)], Mnist.files])
    environment = os.environ | {"PYTHONPATH": str(Path(naign.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, given]
    running = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=60)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    assert sorted(server.asked) == sorted(f"/{name}" for name in Mnist.files)
    assert left(cache) == sorted(["mnist", *Mnist.files])


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(f"thumbs/{name}.png", content)
    return file.getvalue()


def ranges(raw, said=None, sent=None):
    """A server of parts of `raw`, which may say another range than it gives, or give other bytes."""

    def behaviour(_, asked):
        start, end = asked.removeprefix("bytes=").split("-")
        first = int(start) if start else max(0, len(raw) - int(end))
        part = raw[first : int(end) + 1] if start else raw[first:]
        line = f"Content-Range: {said or f'bytes {first}-{first + len(part) - 1}/{len(raw)}'}"
        headers = (f"Content-Length: {len(part)}", line)
        yield answer(*headers, status="206 Partial Content", body=sent(part) if sent else part)

    return behaviour


GOOD = zipped(a=RNG.bytes(90_000), b=RNG.bytes(90_000))  # more than is asked for first
SHORT = zipped(a=RNG.bytes(9), b=b"x" * 5000)
TRICK = bytearray(zipped(a=b"1", b=bytes(50_000_000)))
at = TRICK.rindex(b"PK\x01\x02")
TRICK[at + 24 : at + 28] = struct.pack("<I", 500)  # says that it unpacks to 500 bytes
PARTLY = {
    "whole files only": (whole(GOOD), "range requests"),
    "cut": (ranges(GOOD, sent=lambda part: part[: len(part) // 2]), "cut"),
    "bytes of elsewhere": (ranges(GOOD, said="bytes 7-65542/180500"), "connection was cut"),
    "a range backwards": (ranges(GOOD, said="bytes 9-1/180500"), "Content-Range"),
    "a range in words": (ranges(GOOD, said="bytes some-more/all"), "Content-Range"),
    "no unit": (ranges(GOOD, said="0-"), "Malformed Content-Range"),
    "a range without end": (ranges(GOOD, said="bytes 0-999999999999/1000000000000"), "not a zip file"),
    "a body without end": (
        then(answer("Content-Range: bytes 0-999999999999/*", status="206 Partial Content"), lambda: BLOCK),
        "unknown number of bytes, at most 32000000",
    ),
    "noise": (ranges(RNG.bytes(99_000)), "not a zip file"),
    "a flipped bit": (
        ranges(GOOD, sent=lambda part: part[:9000] + bytes([part[9000] ^ 1]) + part[9001:]),
        "Bad CRC-32",
    ),
    "a member less": (ranges(zipped(a=b"1")), "b.png is missing or larger than 1000000 bytes"),
    "a member that is a bomb": (ranges(zipped(a=b"1", b=bytes(50_000_000))), "b.png is missing or larger"),
    "a bomb that hides": (ranges(bytes(TRICK)), "Bad CRC-32"),
    "trickle": (
        then(answer("Content-Range: bytes 0-65535/65536", "Content-Length: 65536", status="206 P"), lambda: b"x", 0.05),
        "no file within 0.4 seconds",
    ),
}


@pytest.mark.parametrize("name", PARTLY)
def test_bad_servers_of_parts(name, server, cache, monkeypatch):
    behaviour, words = PARTLY[name]
    monkeypatch.setattr(FFHQ100, "files", ["a.png", "b.png"])
    monkeypatch.setattr(FFHQ100, "check", lambda *_: None)
    if words.startswith("no file"):
        monkeypatch.setattr(download, "SECONDS", 0.4)
    bad = server(behaviour)
    monkeypatch.setattr(FFHQ100, "mirrors", (bad + "x.zip",))
    tracemalloc.start()
    text = refused(FFHQ100())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert re.search(words, text), text
    assert peak < 15_000_000
    assert left(cache / "ffhq100") in ([], ["a.png"])  # what was whole is kept
    monkeypatch.setattr(download, "SECONDS", 30)
    monkeypatch.setattr(FFHQ100, "mirrors", (bad + "x.zip", server(ranges(SHORT)) + "x.zip"))
    if not words.startswith("no file"):
        assert left(FFHQ100().home()) == ["a.png", "b.png"]
        assert (cache / "ffhq100" / "b.png").read_bytes() == b"x" * 5000


# The zoo.


def png(width, height, data=b""):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.fixture
def zoo(tmp_path):
    """A folder of 12 files that can be read and 20 that cannot, and others that nobody asks for."""
    zoo = tmp_path / "zoo"
    for part in ("good", "bad", "hidden"):
        (zoo / part).mkdir(parents=True)
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8))
    frames = {"save_all": True, "append_images": [image.rotate(90), image.rotate(180)]}
    image.save(zoo / "good" / "plain.png")
    image.save(zoo / "good" / "CAPITALS.JPG", "JPEG")
    image.convert("CMYK").save(zoo / "good" / "cmyk.jpg")
    image.convert("P").save(zoo / "good" / "palette.gif")
    image.convert("1").save(zoo / "good" / "bits.bmp")
    image.convert("LA").save(zoo / "good" / "grey-alpha.png")
    image.convert("RGBA").save(zoo / "good" / "alpha.webp")
    image.save(zoo / "good" / "animated.gif", **frames)
    image.save(zoo / "good" / "pages.tif", **frames)
    Image.fromarray(np.arange(2400, dtype=np.uint16).reshape(40, 60) * 27).save(zoo / "good" / "sixteen.png")
    (zoo / "good" / "thin.png").write_bytes(png(1, 5000, b"\0\7" * 5000))
    os.symlink(zoo / "good" / "plain.png", zoo / "good" / "link.png")

    bad = zoo / "bad"
    (bad / "bomb.png").write_bytes(png(60_000, 60_000))
    (bad / "large.png").write_bytes(png(10_000, 10_000))  # for this Pillow only warns
    (bad / "zero.png").write_bytes(b"")
    (bad / "no-pixels.png").write_bytes(png(0, 0))
    (bad / "too-few.png").write_bytes(png(50, 50, bytes(100)))
    (bad / "no-size.gif").write_bytes(b"GIF89a" + bytes(7) + b"\x2c" + bytes(9) + b"\x02\x00\x3b")
    (bad / "text.png").write_text("a letter")
    (bad / "page.jpg").write_text("<html></html>")
    (bad / "noise.webp").write_bytes(np.random.default_rng(1).bytes(3000))
    (bad / "packed.png").write_bytes(gzip.compress(bytes(1000)))
    (bad / "head-only.bmp").write_bytes(b"BM" + bytes(20))
    for suffix in ("png", "jpg", "gif", "tif"):
        whole_file = io.BytesIO()
        image.save(whole_file, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix))
        (bad / f"cut.{suffix}").write_bytes(whole_file.getvalue()[: len(whole_file.getvalue()) // 3])
    os.mkfifo(bad / "pipe.png")
    (bad / "folder.png").mkdir()
    os.symlink(zoo / "nothing", bad / "dangling.png")
    os.symlink(bad / "loop.png", bad / "loop.png")
    with contextlib.chdir(bad), socket.socket(socket.AF_UNIX) as end:
        end.bind("socket.png")

    image.save(zoo / "hidden" / ".hidden.png")
    (zoo / "hidden" / "._plain.png").write_bytes(b"of a Macintosh")
    (zoo / "hidden" / "plain.svg").write_text("<svg/>")
    os.mkfifo(zoo / "hidden" / "pipe.txt")
    return zoo


def test_of_a_zoo_of_files_what_can_be_read_is_read_and_the_rest_named(zoo):
    with pytest.warns(UserWarning) as told:
        data = Folder(zoo, 16).load()
    (text,) = [str(w.message) for w in told if w.category is UserWarning]
    assert text.startswith(
        "20 of 32 images could not be read and are skipped: bad/bomb.png (Image size (3600000000 pix"
    )
    assert data.x.shape == (12, 3, 16, 16)


def test_each_bad_file_is_named_with_a_reason_and_none_is_waited_for(zoo):
    reasons, begun = {}, time.monotonic()
    for file in sorted((zoo / "bad").iterdir()):
        alone = zoo.parent / file.stem / file.suffix[1:]
        alone.mkdir(parents=True)
        file.rename(alone / file.name)
        with warnings.catch_warnings(record=True) as told, pytest.raises(ValueError, match="holds 0 readable image"):
            warnings.simplefilter("always")
            Folder(alone, 16).load()
        (text,) = [str(w.message) for w in told if w.category is UserWarning]
        assert text.startswith(f"1 of 1 images could not be read and are skipped: {file.name} (") and "\n" not in text
        reasons[file.name] = text.partition("(")[2][:-1]
    assert len(reasons) == 20 and all(reasons.values())
    assert {name for name, text in reasons.items() if text == "no regular file"} == {
        *("pipe.png", "folder.png", "dangling.png", "loop.png", "socket.png")
    }
    assert "limit of 89478485 pixels" in reasons["large.png"]
    assert time.monotonic() - begun < 5


def test_an_image_that_may_not_be_read_is_named(zoo, monkeypatch):
    def denied(file, *_):
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(Image, "open", denied)
    with (
        pytest.warns(UserWarning, match=r"CAPITALS.JPG \(\[Errno 13\] Permission denied\)"),
        pytest.raises(ValueError, match="holds 0 readable"),
    ):
        Folder(zoo / "good", 16).load()


def test_flipped_bytes_are_read_or_refused_in_a_few_words(zoo, capfd):
    rng, counts = np.random.default_rng(2), {"read": 0, "refused": 0}
    for file in sorted((zoo / "good").iterdir()):
        raw = file.read_bytes()
        for _ in range(20):
            damaged = bytearray(raw)
            for at in rng.integers(0, min(len(raw), 300), 3):
                damaged[at] ^= 1 << rng.integers(8)
            target = zoo / "hidden" / f"x{file.suffix}"
            target.write_bytes(damaged)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    assert fitted(opened(target), 8).shape[1:] == (8, 8)
                counts["read"] += 1
            except ValueError as error:
                assert "\n" not in str(error) and str(error)
                counts["refused"] += 1
    assert sum(counts.values()) == 240 and min(counts.values()) > 20


@pytest.mark.parametrize("size", [2**20, 4096, 2049, 10**30])
@pytest.mark.parametrize("make", [Digits, Faces, Mnist, FFHQ100, lambda size: Folder(Path(), size)])
def test_no_size_is_beyond_2048(make, size):
    with pytest.raises(ValueError, match=f"^size is {size}: give a"):
        make(size=size)


@pytest.mark.parametrize("name", ["x" * 300, "x\0y", "absent", "/dev/null", "/dev/null/x"])
def test_what_is_no_folder_is_refused(name):
    with pytest.raises(ValueError, match="is not a folder: give one that holds images"):
        Folder(Path(name))


# Tensors.

X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
SPARSE = "data is sparse, nested or on the device meta: give a dense tensor that holds its values"
UNFIT = {
    "empty": (
        lambda: torch.zeros(0, 2),
        r"data has shape \(0, 2\): give \(n, \*D\), one sample a row, none of them em",
    ),
    "empty bytes": (lambda: torch.zeros(0, 1, 8, 8, dtype=torch.uint8), r"data has shape \(0, 1, 8, 8\)"),
    "no columns": (lambda: torch.zeros(5, 0), r"data has shape \(5, 0\)"),
    "no rows of pixels": (lambda: torch.zeros(5, 1, 0, 8), r"data has shape \(5, 1, 0, 8\)"),
    "a number": (lambda: torch.tensor(1.0), r"data has shape \(\)"),
    "one": (lambda: X[:1], "data has 1 sample"),
    "sparse": (lambda: X.to_sparse(), SPARSE),
    "sparse rows": (lambda: X.to_sparse_csr(), SPARSE),
    "meta": (lambda: X.to("meta"), SPARSE),
    "nested": (lambda: torch.nested.nested_tensor([X[0], X[0, :2]]), SPARSE),
    "jagged": (lambda: torch.nested.nested_tensor([X[0], X[0, :2]], layout=torch.jagged), SPARSE),
    "quantised": (lambda: torch.quantize_per_tensor(X, 0.1, 0, torch.quint8), "data has type torch.quint8: give bytes"),
    "float8": (lambda: X.to(torch.float8_e4m3fn), "data has type torch.float8_e4m3fn: give bytes"),
    "complex": (lambda: X.to(torch.complex64), "data has type torch.complex64: give bytes"),
    "whole numbers": (lambda: X.to(torch.int32), "data has type torch.int32: give bytes"),
    "yes and no": (lambda: X > 0, "data has type torch.bool: give bytes"),
    "NaN": (lambda: X / 0 * 0, "NaN or infinite values in 6 of 6 samples"),
    "0 to 255": (
        lambda: (X.abs() * 255).clamp(max=255).round(),
        r"data reach 255.0: scale them to about \[-1, 1\], as",
    ),
    "far below": (lambda: X.half() - 300, r"data reach 30\d.\d: scale"),
    "far beyond": (lambda: X.double() * 1e300, r"data reach .*e\+300: scale"),
    "with a gradient": (lambda: (X * 99).requires_grad_(), "data reach .*: scale"),
    "constant": (lambda: torch.full((50, 3), 0.25), "all 50 samples are the same: give data that differ"),
    "constant bytes": (lambda: torch.full((50, 1, 8, 8), 7, dtype=torch.uint8), "all 50 samples are the same"),
    "one repeated": (lambda: X[:1].expand(9, -1), "all 9 samples are the same"),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", UNFIT)
def test_tensors_that_cannot_be_learnt_are_refused_before_training(name):
    make, words = UNFIT[name]
    for use in (lambda x: TensorData(x).load(), lambda x: naign.fit(x, profile="quick", steps=2)):
        with pytest.raises(ValueError, match=words) as error:
            use(make())
        assert "\n" not in str(error.value) and len(str(error.value)) < 200


@pytest.mark.filterwarnings("ignore:f is nearly constant")
@pytest.mark.parametrize("shape", [(40, 1, 8, 16), (40, 7), (40, 3, 5, 5), (40, 2, 2, 2, 2)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.uint8])
def test_any_other_shape_is_taken_by_a_flat_network(shape, dtype):
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    x = (x * 255 if dtype == torch.uint8 else x * 2 - 1).to(dtype)
    data = TensorData(x)
    assert data.kind == "flat"
    assert data.sample(3, torch.Generator().manual_seed(0)).shape == (3, *shape[1:])
    if len(shape) == 4 and dtype == torch.float64:
        run = naign.fit(x, profile="quick", steps=2, width=8, progress=False, device="cpu")
        assert run.f(torch.zeros(2, *shape[1:])).shape == (2, *shape[1:])
