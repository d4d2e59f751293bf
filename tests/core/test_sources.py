"""Noise with the data's Fourier statistics."""

import pytest
import torch

from naign.sources import Fourier, StandardNormal


def power(x):
    """Mean power of each frequency around the mean image."""
    return torch.fft.fft2(x - x.mean(0), norm="ortho").abs().square().mean(0)


def test_fourier_noise_has_the_datas_mean_and_power_at_every_frequency():
    g = torch.Generator().manual_seed(0)
    smooth = torch.randn(4000, 1, 8, 8, generator=g).cumsum(-1).cumsum(-2) * 0.1 + torch.linspace(0, 1, 8)
    source = Fourier((1, 8, 8))
    source.estimate(smooth)
    z = source.sample(20_000, g)
    assert z.dtype == torch.float32
    assert torch.allclose(z.mean(0), smooth.mean(0), atol=0.05)
    assert torch.allclose(power(z) / power(smooth), torch.ones(1, 8, 8), atol=0.06)
    assert (power(smooth).max() / power(smooth).min()) > 100  # far from white


def test_before_the_estimate_it_is_white_and_seeds_repeat():
    source, normal = Fourier((2, 4, 4)), StandardNormal((2, 4, 4))
    a, b = (s.sample(5, torch.Generator().manual_seed(3)) for s in (source, normal))
    assert torch.allclose(a, b, atol=1e-6)


def test_the_statistics_travel_with_the_weights():
    source = Fourier((1, 4, 4))
    source.estimate(torch.rand(50, 1, 4, 4))
    copy = Fourier((1, 4, 4))
    copy.load_state_dict(source.state_dict())
    a, b = (s.sample(3, torch.Generator().manual_seed(1)) for s in (source, copy))
    assert torch.equal(a, b)


def test_flat_samples_have_no_fourier_noise():
    with pytest.raises(ValueError, match=r"needs images \(C, H, W\), not samples of shape \(2,\)"):
        Fourier((2,))
