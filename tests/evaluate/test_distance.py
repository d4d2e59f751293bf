"""Drift against distance, for projectors whose scores are known."""

import math

import numpy as np
import pytest
import torch

from naign.data import toys
from naign.evaluate import distance
from naign.evaluate.distance import gradient, lattice, scores, spearman

GRID = lattice(((-5.0, 5.0), (-4.5, 4.5)), 80)
GEOMETRIES = [toys.TwoMoons(noise=0.0), toys.Grid(), toys.EightGaussians(), toys.Trimodal()]
LINE = lattice(((-4.0, 5.0),), 900)


@pytest.mark.parametrize("toy", GEOMETRIES, ids=lambda t: type(t).__name__)
def test_a_perfect_projector_is_perfect(toy):
    points = LINE if toy.shape == (1,) else GRID
    result = scores(toy.nearest, toy, points)
    for region in ("near", "far", "all"):
        found = result[region]
        assert found["spearman"] == pytest.approx(1, abs=1e-6)
        assert found["relative"] < 1e-5
        assert found["landed"] == 1
        assert found["off"] < 1e-5
        assert found["eikonal"] < 0.01
    assert result["near"]["n"] + result["far"]["n"] == result["all"]["n"] == len(points)


@pytest.mark.parametrize("toy", GEOMETRIES, ids=lambda t: type(t).__name__)
def test_the_identity_claims_to_be_on_the_manifold_everywhere(toy):
    points = LINE if toy.shape == (1,) else GRID
    exact = toy.distance(points)
    found = scores(lambda z: z, toy, points)["all"]
    assert found["spearman"] == 0
    assert found["relative"] == 1
    assert found["landed"] == pytest.approx((exact <= 0.2).float().mean().item())
    assert found["off"] == pytest.approx(exact.mean().item(), rel=1e-5)
    assert found["eikonal"] == 1


def test_half_way_to_the_manifold_is_half_the_distance():
    toy = toys.TwoMoons(noise=0.0)
    found = scores(lambda z: (z + toy.nearest(z)) / 2, toy, GRID)["all"]
    assert found["spearman"] == pytest.approx(1, abs=1e-6)
    assert found["relative"] == pytest.approx(0.5, abs=1e-5)
    assert found["eikonal"] == pytest.approx(0.5, abs=0.01)
    assert found["off"] == pytest.approx(toy.distance(GRID).mean().item() / 2, rel=0.02)


def test_a_constant_by_hand():
    class Origin:
        def nearest(self, points):
            return torch.zeros_like(points)

        def distance(self, points):
            return points.norm(dim=1)

    points = torch.tensor([[0.3, 0.0], [1.0, 0.0], [0.0, 2.0], [3.0, 4.0]])
    found = scores(lambda z: torch.full_like(z, 1.0), Origin(), points, near=0.5, epsilon=1.5)["all"]
    drift = [math.hypot(0.7, 1), 1.0, math.hypot(1, 1), math.hypot(2, 3)]
    gaps = [abs(a - b) for a, b in zip(drift, (0.3, 1, 2, 5), strict=True)]
    assert found["relative"] == pytest.approx(sum(gaps) / 8.3, rel=1e-5)
    assert found["landed"] == 1  # sqrt(2) from where each should be
    assert found["off"] == pytest.approx(math.sqrt(2))
    assert found["spearman"] == pytest.approx(0.8)  # ranks 2 1 3 4 against 1 2 3 4


def test_the_gradient_is_that_of_the_drift():
    matrix = torch.tensor([[0.2, 0.5], [-0.3, 0.1]])
    points = torch.randn(50, 2, generator=torch.Generator().manual_seed(0)) + 3
    z = points.clone().requires_grad_()
    (z @ matrix - z).norm(dim=1).sum().backward()
    assert torch.allclose(gradient(lambda p: p @ matrix, points), z.grad, atol=2e-3)


def test_ranks_only():
    a = torch.randn(100, generator=torch.Generator().manual_seed(0)).numpy()
    assert spearman(a, a**3) == pytest.approx(1)
    assert spearman(a, -a) == pytest.approx(-1)
    assert spearman(a, 0 * a) == 0


def test_a_lattice_holds_the_middles_of_its_cells():
    found = lattice(((0.0, 2.0), (0.0, 4.0)), 2)
    assert found.tolist() == [[0.5, 1.0], [1.5, 1.0], [0.5, 3.0], [1.5, 3.0]]
    assert distance.area(((0.0, 2.0), (0.0, 4.0))) == 8


def test_a_line_has_a_lattice_and_a_box():
    assert LINE.shape == (900, 1)
    assert LINE[0].item() == pytest.approx(-4 + 0.005, abs=1e-6)
    assert LINE[-1].item() == pytest.approx(5 - 0.005, abs=1e-5)
    np.testing.assert_allclose(distance.box(toys.Trimodal()), [(-4.0, 5.0)])


def test_a_region_without_points_is_refused():
    with pytest.raises(ValueError, match="near is 100.0, which makes 6400 of 6400 points") as error:
        scores(lambda z: z, toys.Grid(), GRID, near=100.0)
    assert "\n" not in str(error.value)


def test_landing_on_the_manifold_is_not_landing_where_it_is_nearest():
    toy = toys.Trimodal()
    found = scores(lambda z: torch.full_like(z, 3.0), toy, LINE)["all"]
    assert found["off"] == 0
    assert found["landed"] == pytest.approx((toy.assign(LINE) == 2).float().mean().item())
