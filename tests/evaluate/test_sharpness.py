"""Sharpness: what sines, noise and shifted patches score is known."""

import math

import numpy as np
import pytest
import torch

from naign.evaluate import fewshot
from naign.evaluate.shares import frechet

H = 32


def sine(frequency, angle=0.0):
    i, j = torch.meshgrid(torch.arange(H), torch.arange(H), indexing="ij")
    phase = 2 * math.pi * frequency * (math.cos(angle) * i + math.sin(angle) * j)
    return torch.sin(phase)[None, None].expand(2, 3, H, H)


def noise(n=200, seed=0):
    return torch.randn(n, 1, H, H, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("angle", [0.0, 0.5, math.pi / 2])
def test_the_energy_of_a_wave_lies_at_its_frequency(angle):
    assert fewshot.high_frequency(sine(0.1, angle)) < 0.01
    assert fewshot.high_frequency(sine(0.4, angle)) > 0.99


def test_two_waves_share_by_the_squares_of_their_heights():
    both = 3 * sine(0.1) + sine(0.4)
    assert fewshot.high_frequency(both) == pytest.approx(1 / 10, abs=0.005)


def test_noise_has_the_share_of_the_frequencies_and_neither_brightness_nor_contrast_count():
    axis = torch.fft.fftfreq(H)
    beyond = (torch.hypot(axis[:, None], axis) > fewshot.CUTOFF).float().mean().item()
    found = fewshot.high_frequency(noise())
    assert found == pytest.approx(beyond, abs=0.01)
    assert fewshot.high_frequency(0.1 * noise() + 3) == pytest.approx(found, abs=1e-3)


def test_a_constant_image_has_none():
    assert fewshot.high_frequency(torch.full((2, 3, H, H), 0.7)) == 0


def test_the_patch_distance_is_that_of_patches_taken_by_hand():
    a, b = noise(4, 1), 0.5 * noise(6, 2)
    generator = torch.Generator().manual_seed(fewshot.SEED)
    kernels = torch.randn(fewshot.FEATURES, 64, generator=generator).numpy() / 8

    def by_hand(images):
        corners = [(i, j) for i in range(0, H - 7, 4) for j in range(0, H - 7, 4)]
        patches = [image[0, i : i + 8, j : j + 8].ravel() for image in images.numpy() for i, j in corners]
        return np.maximum(np.stack(patches) @ kernels.T, 0)

    assert fewshot.patch_distance(a, b) == pytest.approx(frechet(by_hand(a), by_hand(b)), rel=1e-3)


def test_the_same_patches_in_other_images_are_at_no_distance():
    a = noise(20)
    assert fewshot.patch_distance(a, a.flip(0)) == pytest.approx(0, abs=1e-4)
    elsewhere = a.roll(4, 3)[..., 4:]  # the columns of patches but the one that the jump goes through
    assert fewshot.patch_distance(a[..., :-4], elsewhere) == pytest.approx(0, abs=1e-4)


def test_blur_and_noise_are_told_the_more_the_stronger():
    sharp = torch.sign(noise(60, 3)).repeat_interleave(2, 2).repeat_interleave(2, 3)
    blurred = [torch.nn.functional.avg_pool2d(sharp, k, 1, k // 2) for k in (3, 5)]
    noisy = [sharp + s * torch.randn(sharp.shape, generator=torch.Generator().manual_seed(5)) for s in (0.5, 1)]
    for worse in (blurred, noisy):
        little, much = (fewshot.patch_distance(images, sharp) for images in worse)
        assert 0 < little < much
    high = fewshot.sharpness(sharp, sharp)
    assert high["high"] == high["real"] and high["patches"] == pytest.approx(0, abs=1e-4)
    assert fewshot.high_frequency(blurred[1]) < fewshot.high_frequency(blurred[0]) < high["real"]
    assert high["real"] < fewshot.high_frequency(noisy[0]) < fewshot.high_frequency(noisy[1])
