"""Collapse, coverage and memorisation on cases with known answers."""

import math

import numpy as np
import pytest
import torch

from naign.evaluate import fewshot
from naign.evaluate.fewshot import compared, hog

SQUARE = torch.tensor([[0.0, 0], [1, 0], [0, 1], [1, 1]])


def test_by_hand():
    fz = torch.tensor([[0.0, 0.1], [0, 0.2], [0.9, 0], [0.1, 0]])  # three at the first corner, one at the second
    result = compared(fz, SQUARE)
    assert result["counts"] == [3, 1, 0, 0]
    assert result["covered"] == 0.5
    assert result["effective"] == pytest.approx(math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25)))
    assert result["ratio"] == pytest.approx(0.1)  # lower median of 0.1, 0.2, 0.1, 0.1, the unit being 1
    pairs = [0.1, math.hypot(0.9, 0.1), math.hypot(0.1, 0.1), math.hypot(0.9, 0.2), math.hypot(0.1, 0.2), 0.8]
    assert result["diversity"] == pytest.approx(np.mean(pairs) / ((4 + 2 * math.sqrt(2)) / 6), rel=1e-5)
    assert result["samples"][0] == pytest.approx(0.1) and result["samples"][-1] == pytest.approx(0.2)
    assert result["training"] == [1.0] * fewshot.QUANTILES


def test_copies_in_equal_numbers_score_as_the_table_says():
    x = torch.randn(30, 50, generator=torch.Generator().manual_seed(0))
    result = compared(x.repeat(3, 1), x)
    assert result["covered"] == 1
    assert result["effective"] == pytest.approx(30)
    assert result["ratio"] < 1e-3
    assert result["diversity"] == pytest.approx(29 / 30 * 90 / 89, rel=1e-3)  # of 89 others 2 are the same


def test_a_constant_is_collapse_and_fresh_draws_are_not():
    g = torch.Generator().manual_seed(0)
    x, fresh = torch.randn(40, 30, generator=g), torch.randn(2000, 30, generator=g)
    collapsed = compared(x[:1].expand(500, -1), x)
    assert collapsed["covered"] == pytest.approx(1 / 40)
    assert collapsed["effective"] == pytest.approx(1)
    assert collapsed["diversity"] == 0
    result = compared(fresh, x)
    assert result["diversity"] == pytest.approx(1, abs=0.03)
    assert result["ratio"] == pytest.approx(1, abs=0.1)


def test_hog_by_hand():
    ramp = torch.linspace(-1, 1, 32).expand(1, 3, 32, 32)  # all gradients point along the rows: 0 degrees
    blocks = hog(ramp).reshape(3, 3, 2, 2, 9)
    assert torch.allclose(blocks[1, 1, :, :, 0], torch.tensor(0.5))  # four equal cells of norm 1
    assert blocks[..., 1:].abs().max() == 0
    steeper = ramp.clone() / 2
    steeper[:, 1] = ramp[:, 1].mT  # of several channels the steepest counts, here at 90 degrees
    assert torch.allclose(hog(steeper).reshape(3, 3, 2, 2, 9)[1, 1, :, :, 4], torch.tensor(0.5))
    noisy = hog(torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    assert torch.allclose(noisy.reshape(3, -1, 36).norm(dim=2), torch.ones(1), atol=1e-4)


def test_hog_sees_shapes_and_neither_brightness_nor_contrast():
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1)) - 0.5
    assert torch.allclose(hog(x), hog(0.5 * x + 0.2), atol=1e-3)
    assert (hog(x) - hog(x.transpose(2, 3))).norm() > 1


def test_small_images_are_compared_by_pixels_alone():
    x = torch.rand(4, 1, 8, 8)
    assert fewshot.scores(x, x).keys() == {"pixels"}
    x = torch.rand(4, 1, 16, 16)
    assert fewshot.scores(x, x).keys() == {"pixels", "shapes", "sharpness"}


def test_one_sample_is_refused():
    with pytest.raises(ValueError, match="1 samples and 4 training points: at least 2 of each"):
        compared(SQUARE[:1], SQUARE)
