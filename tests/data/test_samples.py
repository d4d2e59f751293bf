"""Samples in memory: bytes and floats, sizes, kinds, and what is refused."""

import pytest
import torch

from naign.data import samples
from naign.data.samples import TensorData


def test_bytes_stand_for_minus_one_to_one():
    data = TensorData(torch.tensor([[0, 255], [51, 204]], dtype=torch.uint8))
    assert torch.allclose(data.take(slice(None)), torch.tensor([[-1.0, 1.0], [-0.6, 0.6]]))
    drawn = data.sample(50, torch.Generator().manual_seed(0))
    assert drawn.dtype == torch.float32
    assert {tuple(row) for row in (drawn * 5).round().int().tolist()} == {(-5, 5), (-3, 3)}
    x = torch.rand(3, 1, 2, 2) * 2 - 1
    assert (samples.as_floats(samples.as_bytes(x)) - x).abs().max() <= 1 / 255 + 1e-6


def test_resizing_keeps_flat_images_and_antialiases():
    flat = torch.full((1, 1, 28, 28), 77, dtype=torch.uint8)
    assert (samples.resized(flat, 32) == 77).all()
    board = (torch.arange(64)[:, None] + torch.arange(64)).remainder(2).mul(255).to(torch.uint8)
    assert samples.resized(board[None, None], 8).float()[..., 1:-1, 1:-1].sub(127.5).abs().max() < 15


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ((1000, 3, 8, 8), "few"),
        ((1001, 1, 16, 16), "images"),
        ((10, 1, 4, 4), "flat"),
        ((10, 1, 12, 12), "flat"),
        ((10, 1, 8, 16), "flat"),
        ((10, 16, 16), "flat"),
        ((10, 8), "flat"),
    ],
)
def test_kinds_by_shape_and_number(shape, kind):
    data = TensorData(torch.arange(shape[0]).to(torch.uint8).view(-1, *[1] * (len(shape) - 1)).expand(shape))
    assert data.kind == kind
    assert data.load() is data and data.shared


def test_held_out_samples_are_the_last():
    x, labels = torch.arange(12.0).view(6, 2), torch.arange(6)
    data = TensorData(x, labels).apart(2, "test")
    assert torch.equal(data.x, x[:4]) and torch.equal(data.test.x, x[4:])
    assert data.labels.tolist() == [0, 1, 2, 3] and data.test.labels.tolist() == [4, 5]
    assert TensorData(x, labels).apart(0, "test").test is None
    for held_out in (1, 5, 7):
        with pytest.raises(ValueError, match=f"held_out is {held_out}: give 0, or from 2 to 4 of these 6 images"):
            TensorData(x).apart(held_out, "test")


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ([[1.0]], "data is a list: give a torch tensor"),
        (torch.zeros(5), r"data has shape \(5,\): give \(n, \*D\)"),
        (torch.zeros(5, 2, dtype=torch.int64), "data has type torch.int64: give bytes, or float"),
        (torch.zeros(1, 2), r"data has 1 sample\(s\): at least 2"),
        (torch.tensor([[0.0], [float("nan")], [float("inf")]]), "NaN or infinite values in 2 of 3 samples"),
    ],
)
def test_what_is_no_data_is_refused_in_one_sentence(x, words):
    with pytest.raises(ValueError, match=words) as error:
        TensorData(x)
    assert "\n" not in str(error.value)


def test_the_last_of_the_training_images_are_kept_apart():
    x, labels = torch.rand(10, 2), torch.arange(10)
    data = samples.TensorData(x, labels, test=samples.TensorData(x)).apart(3)
    assert torch.equal(data.x, x[:7]) and torch.equal(data.validation.x, x[7:])
    assert data.labels.tolist() == list(range(7)) and data.validation.labels.tolist() == [7, 8, 9]
    assert data.test is not None


@pytest.mark.parametrize("n", [1, 9, 10])
def test_too_few_on_either_side_are_refused(n):
    with pytest.raises(ValueError, match=f"validation is {n}: give 0, or from 2 to 8"):
        samples.TensorData(torch.rand(10, 2)).apart(n)
