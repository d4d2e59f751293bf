"""The one entry to every score."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from naign import models
from naign.data import toys
from naign.data.samples import FEW, TensorData
from naign.evaluate import SEED, shares, validation
from naign.evaluate.distance import geometry
from naign.evaluate.scores import scores
from naign.evaluate.shares import of_toy
from naign.sources import StandardNormal


class ToNearest(nn.Module):
    def forward(self, x):
        return toys.Trimodal().nearest(x)


def test_an_exact_projector_meets_its_mass_floor_and_scores_as_it_should():
    toy = toys.Trimodal()
    found, pictures = scores(ToNearest(), StandardNormal((1,)), toy)
    floor = shares.mass_floor(toy.centres, [3 * s for s in toy.sigmas])
    assert found["gap"] == 0
    assert found["fz"] == found["ffz"]
    assert found["fz"]["high_quality"] == 1
    assert all(np.array(found["fz"]["shares"]) > floor)
    # Mean |x - centre| of a normal distribution.
    assert found["rec"] == pytest.approx(0.2 * math.sqrt(2 / math.pi), rel=0.03)
    assert found["data"]["reverse_kl"] < 1e-3
    assert found["data"]["coverage"] > 0.94
    assert found["field"]["all"]["landed"] == 1
    assert pictures == {}


def test_modes_and_w1_by_hand():
    toy = toys.Trimodal(modes=(0.0, 4.0, 9.0), widths=(0.1, 0.1, 0.1))
    found = of_toy(toy, torch.tensor([[0.0], [1.0]]), torch.tensor([[4.0]]))
    assert found["w1"] == pytest.approx(3.5)  # half of the mass of {0, 1} moves to 4 from 0, the other half from 1
    found = of_toy(toy, torch.zeros(5, 1), torch.tensor([[0.0], [0.5], [8.0], [8.0], [8.0]]))
    assert found["shares"] == [0.4, 0, 0.6]
    assert found["modes"] == 1 and found["high_quality"] == pytest.approx(0.2)  # one is within 3 sigma of its mode
    assert found["w1"] == pytest.approx(24.5 / 5)


def test_what_a_run_stores_of_a_perfect_projector():
    fuzzy = toys.TwoMoons(noise=0.3)
    found = geometry(fuzzy.nearest, fuzzy)
    assert found["field"]["all"]["spearman"] == pytest.approx(1, abs=1e-6)
    density = found["drift_density"]
    assert min(density["kl"]) < 0.1 < max(density["kl"])
    assert "drift_density" not in geometry(fuzzy.nearest, toys.TwoMoons(noise=0.0))


def test_samples_without_geometry_are_scored_against_each_once():
    x = torch.randn(60, 5, generator=torch.Generator().manual_seed(0))
    found, pictures = scores(nn.Identity(), StandardNormal((5,)), TensorData(x))
    assert found.keys() == {"n", "rec", "gap", "fz", "ffz"}
    assert found["n"] == 60 and found["rec"] == found["gap"] == 0
    assert found["fz"]["density"] == pytest.approx(1, abs=0.3)  # draws of the same distribution
    assert pictures == {}


@pytest.mark.parametrize("kind", ["points", "images"])
def test_scores_can_be_computed_again_and_change_nothing(kind):
    if kind == "points":
        data = toys.TwoMoons()
        f = models.seeded(lambda: models.MLP((2,), 8, 1), 0)
    else:
        data = TensorData(torch.rand(FEW + 1, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1)
        f = models.seeded(lambda: models.ConvAutoencoder((1, 8, 8), 8), 0)
    source, before = StandardNormal(data.shape), copy.deepcopy(f.train().state_dict())
    first, pictures = scores(f, source, data, "l1")
    assert scores(f, source, data, "l1")[0] == first
    assert f.training and all(torch.equal(v, before[k]) for k, v in f.state_dict().items())
    if kind == "images":
        assert "probes" not in first and first["data"]["train"]["coverage"] == 1
        assert all(p.dtype == torch.uint8 for p in pictures.values())
        again = scores(f, source, data, "l1", {3: before})[0]
        assert again.pop("probes")["3"]["gap"] > 0 and again == first


class Shift(nn.Module):
    def __init__(self, by, side):
        super().__init__()
        self.by = nn.Parameter(torch.full(side, by))

    def forward(self, x):
        return x + self.by


def test_the_best_state_is_scored_beside_the_last_and_by_other_draws_than_it_was_chosen_by():
    toy, states = toys.Trimodal(modes=(0.0,), widths=(1.0,), weights=(1.0,)), {5: 0.0, 9: 2.0}
    snapshots = {step: Shift(by, (1,)).state_dict() for step, by in states.items()}
    found, _ = scores(Shift(2.0, (1,)), StandardNormal((1,)), toy, snapshots=snapshots)
    assert found["validation"]["best"] == 5 and validation.SEED != SEED
    assert found["rec"] == pytest.approx(2) and found["best"]["rec"] == 0
    assert 0.9 < found["data"]["coverage"] < 1


def test_points_are_compared_in_the_distance_asked_for():
    data = TensorData(torch.randn(60, 5, generator=torch.Generator().manual_seed(0)))
    for kind, rec in (("l2", 5**0.5), ("l1", 1.0)):
        assert scores(Shift(1.0, (5,)), StandardNormal((5,)), data, kind)[0]["rec"] == pytest.approx(rec)
