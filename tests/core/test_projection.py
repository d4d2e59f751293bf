"""Projection and what is read off it, on maps that are known exactly."""

import math

import pytest
import torch
from torch import nn

import naign
from naign import projection
from naign.data.toys import TwoMoons
from naign.sources import StandardNormal


class Halve(nn.Module):
    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        return self.factor * x


class ToMoons(nn.Module):
    def forward(self, x):
        return TwoMoons(0.0).nearest(x)


def test_project_applies_f_that_often():
    x = torch.ones(3, 2)
    assert projection.project(Halve(), x, 3).tolist() == [[0.125, 0.125]] * 3
    assert torch.equal(projection.project(Halve(), x, 0), x)
    with pytest.raises(ValueError, match="0 or more"):
        projection.project(Halve(), x, -1)


def test_project_is_the_same_in_parts_and_leaves_the_mode_of_f():
    f = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)).train()
    x = torch.randn(projection.BATCH + 5, 2)
    assert torch.allclose(projection.project(f, x), f[0](x), atol=1e-6)
    assert f.training


def test_generate_is_seeded():
    f, source = Halve(), StandardNormal((2,))
    a, b, c = (naign.generate(f, source, 8, generator=torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert naign.generate(f, source, 8).shape == (8, 2)
    with pytest.raises(ValueError, match="at least 1"):
        naign.generate(f, source, 0)


def test_generate_keeps_the_draws_of_least_drift_in_their_order():
    f, source = Halve(), StandardNormal((2,))  # whose drift is half of |x|
    every = naign.generate(f, source, 20, torch.Generator().manual_seed(0))
    kept = naign.generate(f, source, 5, torch.Generator().manual_seed(0), keep=0.25)
    assert torch.equal(kept, every[every.norm(dim=1) <= every.norm(dim=1).sort().values[4]])
    for bad in (0, 1.5):
        with pytest.raises(ValueError, match=f"keep is {bad}: it must be a share above 0"):
            naign.generate(f, source, 5, keep=bad)


def test_the_drift_of_an_exact_projector_is_the_distance_to_the_manifold():
    x = 3 * torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(naign.drift(ToMoons(), x), TwoMoons(0.0).distance(x), atol=1e-5)
    on = TwoMoons(0.0).sample(100, torch.Generator().manual_seed(0))
    assert torch.allclose(naign.unnormalised_density(ToMoons(), on), torch.ones(100), atol=1e-4)


def test_energy_is_equations_13_and_14():
    x = torch.tensor([[3.0, 4.0]])  # |x| = 5, halved: drift 2.5
    assert naign.drift(Halve(), x).item() == pytest.approx(2.5)
    assert naign.energy(Halve(), x, k=0.4).item() == pytest.approx(math.e - 1)
    assert naign.unnormalised_density(Halve(), x, k=0.4).item() == pytest.approx(math.exp(1 - math.e))
    with pytest.raises(ValueError, match="k is 0"):
        naign.energy(Halve(), x, k=0)


def test_drift_and_energy_are_in_the_distance_asked_for():
    x = torch.tensor([[3.0, 4.0]])
    assert naign.drift(Halve(), x, "l1").item() == pytest.approx(1.75)
    assert naign.unnormalised_density(Halve(), x, 1.0, "l1").item() == pytest.approx(math.exp(-math.expm1(1.75)))
