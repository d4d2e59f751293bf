"""A folder of images: any mode and size in, bytes out; what is broken is named."""

import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from naign.data.folder import Folder


def save(path, array, mode=None):
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.fromarray(np.asarray(array, np.uint8), mode).save(path)


def colour(value, height=40, width=60):
    return np.full((height, width, 3), value)


def test_the_centre_square_is_kept_and_resized(tmp_path):
    wide = np.zeros((32, 96, 3))
    wide[:, 32:64] = (255, 0, 128)  # only the middle square
    save(tmp_path / "a.png", wide)
    save(tmp_path / "sub" / "b.JPG", colour(10))
    data = Folder(tmp_path, 16).load()
    assert data.x.shape == (2, 3, 16, 16) and data.x.dtype == torch.uint8
    assert torch.equal(data.x[0, :, 8, 8], torch.tensor([255, 0, 128], dtype=torch.uint8))
    assert (data.x[0].float() - data.x[0, :, 8:9, 8:9].float())[:, 1:-1, 1:-1].abs().max() < 3


def test_shrinking_averages_rather_than_picks(tmp_path):
    board = np.indices((64, 64)).sum(0) % 2 * 255  # without antialiasing: 0 or 255
    for name in "ab":
        save(tmp_path / f"{name}.png", board)
    inner = Folder(tmp_path, 8).load().x[0, 0, 1:-1, 1:-1].float()
    assert (inner - 127.5).abs().max() < 3


def test_grey_stays_grey_and_one_colour_image_makes_all_three_channels(tmp_path):
    grey = np.arange(256).reshape(16, 16)
    save(tmp_path / "a.png", grey)
    save(tmp_path / "b.png", grey // 2)
    assert Folder(tmp_path, 16).load().shape == (1, 16, 16)
    assert torch.equal(Folder(tmp_path, 16).load().x[0, 0], torch.from_numpy(grey.astype(np.uint8)))
    save(tmp_path / "c.png", colour((200, 0, 0)))
    data = Folder(tmp_path, 16).load()
    assert data.shape == (3, 16, 16)
    assert torch.equal(data.x[0, 0], data.x[0, 2])


def test_every_mode_of_pillow_comes_in(tmp_path):
    ramp = Image.fromarray(np.linspace(0, 255, 256).reshape(16, 16).astype(np.uint8))
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        image = Image.fromarray(np.asarray(ramp).astype(np.uint16) * 257) if mode == "I;16" else ramp.convert(mode)
        image.save(tmp_path / f"{mode.replace(';', '')}.png")
    ramp.convert("CMYK").save(tmp_path / "cmyk.jpg")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = Folder(tmp_path, 16).load()
    assert data.x.shape == (8, 3, 16, 16)
    as_before = torch.from_numpy(np.array(ramp)).float()
    for i, name in enumerate(sorted(p.name for p in tmp_path.iterdir())):
        if name != "1.png":
            assert (data.x[i, 0].float() - as_before).abs().max() < 6, name


def test_a_photograph_taken_sideways_is_turned(tmp_path):
    image = np.zeros((32, 32, 3))
    image[:16] = 255  # bright above
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    Image.fromarray(image.astype(np.uint8)).save(tmp_path / "a.png", exif=exif)
    save(tmp_path / "b.png", image)
    turned, upright = Folder(tmp_path, 32).load().x
    assert torch.equal(turned.flip(1, 2), upright)


def test_unreadable_files_are_named_counted_and_skipped(tmp_path):
    for name in "abc":
        save(tmp_path / f"{name}.png", np.random.default_rng(0).integers(0, 255, (32, 32, 3)))
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("not an image")
    raw = bytearray((tmp_path / "a.png").read_bytes())
    (tmp_path / "cut.png").write_bytes(raw[: len(raw) // 2])
    raw[len(raw) // 2] ^= 1
    (tmp_path / "flipped.png").write_bytes(raw)
    (tmp_path / "notes.txt").write_text("not counted")
    with pytest.warns(UserWarning, match="4 of 7 images could not be read and are skipped: cut.png .*empty.png") as w:
        assert len(Folder(tmp_path, 16).load()) == 3
    assert "flipped.png" in str(w[0].message) and "text.jpg" in str(w[0].message)


def test_held_out_images_are_the_last_by_name(tmp_path):
    for i in range(6):
        save(tmp_path / f"{i}.png", colour(i))
    data = Folder(tmp_path, 8, held_out=2).load()
    assert data.x[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert data.test.x[:, 0, 0, 0].tolist() == [4, 5]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: Folder(p / "absent").load(), "absent is not a folder: give one that holds images"),
        (lambda p: Folder(p, 24).load(), "size is 24: give a power of two, 8 or more"),
        (lambda p: Folder(p, 4).load(), "size is 4: give a power of two"),
        (lambda p: Folder(p / "one").load(), r"one holds 1 readable image\(s\) .*: at least 2 needed"),
        (lambda p: Folder(p, 8, held_out=1).load(), "held_out is 1: give 0, or from 2 to 2 of these 4 images"),
        (lambda p: Folder(p, 8, held_out=-1), "held_out is -1: give a number greater than or equal to 0"),
        (lambda p: Folder(p, 8, held_out=3).load(), r"holds 4 readable image\(s\) .*: at least 5 needed"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(tmp_path, change, words):
    for i in range(3):
        save(tmp_path / f"{i}.png", colour(i))
    save(tmp_path / "one" / "a.png", colour(1))
    with pytest.raises(ValueError, match=words) as error:
        change(tmp_path)
    assert "\n" not in str(error.value)
