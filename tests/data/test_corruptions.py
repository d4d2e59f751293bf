"""The four kinds of damage against what they should do on average."""

import math

import pytest
import torch

from naign.data import corruptions
from naign.data.corruptions import CORRUPTIONS


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def x():
    return torch.rand(200, 3, 16, 16, generator=generator(5)) * 1.6 - 0.8


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_level_zero_changes_nothing_and_seeds_repeat(name, x):
    damage = CORRUPTIONS[name]
    assert torch.equal(damage(x, generator(), level=0.0), x)
    assert torch.equal(damage(x, generator(1)), damage(x, generator(1)))
    assert damage(x, generator()).shape == x.shape
    assert not torch.equal(damage(x, generator()), x)
    if name != "blur":
        assert not torch.equal(damage(x, generator(1)), damage(x, generator(2)))


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("level", [-0.1, float("nan"), float("inf")])
def test_impossible_levels_are_refused(name, level, x):
    with pytest.raises(ValueError, match="level is"):
        CORRUPTIONS[name](x, generator(), level=level)


def test_blur_is_a_normalised_gaussian():
    dot = torch.zeros(1, 1, 33, 33)
    dot[..., 16, 16] = 1
    y = corruptions.blur(dot, level=2.0)[0, 0]
    assert y.sum().item() == pytest.approx(1, abs=1e-5)
    assert (y[16, 18] / y[16, 16]).item() == pytest.approx(math.exp(-0.5), rel=1e-4)  # one sigma away
    assert (y[18, 18] / y[16, 16]).item() == pytest.approx(math.exp(-1), rel=1e-4)
    flat = torch.full((2, 3, 8, 8), 0.3)
    assert torch.allclose(corruptions.blur(flat, level=4.0), flat)  # reflected edges, a kernel wider than the image


def test_noise_has_its_level(x):
    gap = corruptions.gaussian_noise(x, generator(), level=0.5) - x
    assert gap.std().item() == pytest.approx(0.5, rel=0.01)
    assert abs(gap.mean().item()) < 0.01


def test_salt_and_pepper_half_and_half_on_all_channels_alike(x):
    y = corruptions.salt_and_pepper(x, generator(), level=0.3)
    salt, pepper = (y == 1), (y == -1)
    assert salt.float().mean().item() == pytest.approx(0.15, abs=0.01)
    assert pepper.float().mean().item() == pytest.approx(0.15, abs=0.01)
    assert torch.equal(salt.any(1), salt.all(1))
    assert torch.equal(y[~salt & ~pepper], x[~salt & ~pepper])


def test_lines_delete_whole_rows_and_columns(x):
    gone = corruptions.lines(x, generator(), level=0.2) == -1
    rows, columns = gone.all(3, keepdim=True), gone.all(2, keepdim=True)
    assert torch.equal(gone, rows | columns)
    assert rows[:, 0].float().mean().item() == pytest.approx(0.2, abs=0.02)
    assert columns[:, 0].float().mean().item() == pytest.approx(0.2, abs=0.02)
    assert torch.equal(gone[:, 0], gone[:, 2])
