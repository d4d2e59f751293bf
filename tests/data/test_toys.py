"""Geometry against brute force, samples against their moments."""

import math

import pytest
import torch

from naign.base.settings import values
from naign.data import toys

ALL = [toys.Trimodal(), toys.Grid(), toys.EightGaussians(), toys.TwoMoons(), toys.TwoMoons(0.0)]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("toy", ALL, ids=lambda t: type(t).__name__ + str(t.shape))
def test_the_seed_decides(toy):
    a, b, c = (toy.sample(100, generator(s)) for s in (3, 3, 4))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    state = torch.random.get_rng_state()
    toy.sample(100, generator(3))
    assert torch.equal(state, torch.random.get_rng_state())  # the global stream stays out of it


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_moons_distance_is_that_to_a_dense_set_of_arc_points(noise):
    toy = toys.TwoMoons(noise)
    t = torch.linspace(0, math.pi, 20_001, dtype=torch.float64)
    upper = torch.stack([2 * t.cos() - 1, 2 * t.sin() - 0.2], 1)
    lower = torch.stack([1 - 2 * t.cos(), 0.8 - 2 * t.sin()], 1)
    points = 12 * torch.rand(2000, 2, generator=generator(), dtype=torch.float64) - 6
    points = torch.cat([points, torch.tensor([[-1.0, -0.2], [1.0, 0.8], [-3.0, -5.0]], dtype=torch.float64)])
    gaps = torch.cdist(points, torch.cat([upper, lower]))
    brute, index = gaps.min(1)
    above = brute - toy.distance(points)  # the dense set misses the nearest point by half a spacing
    assert above.min() > -1e-6
    assert above.max() < math.pi * 2 / 20_000
    assert torch.equal(toy.assign(points[:-3]), (index >= len(t)).long()[:-3])
    exact = torch.linalg.vector_norm(toy.nearest(points) - points, dim=1)
    assert torch.allclose(exact, toy.distance(points))


def test_noiseless_moons_lie_on_the_arcs_evenly():
    toy = toys.TwoMoons(0.0)
    x = toy.sample(20_000, generator())
    assert toy.distance(x).max() < 1e-5
    assert torch.allclose(toy.nearest(x), x, atol=1e-5)
    assert toy.assign(x).float().mean().item() == pytest.approx(0.5, abs=0.02)


def test_moons_agree_with_scikit_learn():
    from sklearn.datasets import make_moons

    x = torch.tensor(make_moons(500, noise=None)[0]) * 2 + torch.tensor([-1.0, -0.2])
    assert toys.TwoMoons(0.0).distance(x).max() < 1e-6


def test_grid_has_its_centres_and_spread():
    toy = toys.Grid()
    x = toy.sample(50_000, generator())
    assert len(toy.centres) == 25
    assert sorted({c[0] for c in toy.centres}) == [-4, -2, 0, 2, 4]
    gap = x - toy.nearest(x)
    assert gap.std(0).tolist() == pytest.approx([0.05, 0.05], rel=0.02)
    counts = torch.bincount(toy.assign(x), minlength=25) / len(x)
    assert counts.tolist() == pytest.approx([0.04] * 25, abs=0.005)
    assert toy.is_high_quality(x).float().mean().item() == pytest.approx(1 - math.exp(-4.5), abs=0.002)


def test_eight_gaussians_are_scaled():
    toy = toys.EightGaussians()
    radii = torch.tensor(toy.centres).norm(dim=1)
    assert radii.tolist() == pytest.approx([4 / 1.414] * 8)
    assert toy.sigmas[0] == pytest.approx(0.5 / 1.414)


def test_weights_of_the_modes_are_met():
    toy = toys.Trimodal(modes=(-3, 0, 3), widths=(0.1, 0.2, 0.3), weights=(0.2, 0.5, 0.3))
    x = toy.sample(100_000, generator())
    for k, (width, weight) in enumerate(zip(toy.sigmas, toy.weights, strict=True)):
        mine = x[toy.assign(x) == k]
        assert len(mine) / len(x) == pytest.approx(weight, abs=0.006)
        assert mine.std().item() == pytest.approx(width, rel=0.02)


def test_the_density_is_that_of_scipy_and_integrates_to_one():
    from scipy import stats

    at = torch.linspace(-6, 7, 4001, dtype=torch.float64)
    toy = toys.Trimodal(weights=(0.2, 0.5, 0.3))
    density = toy.density(at[:, None])
    parts = zip(toy.weights, toy.centres, toy.sigmas, strict=True)
    expected = sum(w * stats.norm.pdf(at.numpy(), c[0], s) for w, c, s in parts)
    assert torch.allclose(density, torch.from_numpy(expected), atol=1e-9)
    assert torch.trapezoid(density, at).item() == pytest.approx(1, abs=1e-6)
    g = toys.Grid(sigma=0.5)
    where = torch.randn(20, 2, dtype=torch.float64, generator=generator())
    cover = sum(0.04 * stats.multivariate_normal.pdf(where.numpy(), c, 0.25) for c in g.centres)
    assert torch.allclose(g.density(where), torch.from_numpy(cover))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: toys.Trimodal(modes=(0.0, 1.0)), "2 centres, 3 sigmas and 3 weights: give one of each a mode"),
        (lambda: toys.Trimodal((), (), ()), "give one of each"),
        (lambda: toys.Trimodal(weights=(0.5, 0.5, 0.5)), "sum to 1"),
        (lambda: toys.Trimodal(widths=(0.1, 0.0, 0.1)), "must be positive"),
        (lambda: toys.Trimodal((0.0, 1.0), (1.0, 1.0), (1.5, -0.5)), "must be positive"),
        (lambda: toys.TwoMoons(noise=-0.1), "noise is -0.1: give a number greater than or equal to 0"),
        (lambda: toys.Grid(side=0), "side is 0"),
        (lambda: toys.EightGaussians(sigma=0), "sigma is 0"),
        (lambda: toys.TwoMoons(0.0).density(torch.zeros(1, 2)), "noise is 0: .* no density"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(make, words):
    with pytest.raises(ValueError, match=words) as error:
        make()
    assert "\n" not in str(error.value)


def test_a_toy_is_its_settings_and_its_own_sampler():
    for name, cls in toys.TOYS.items():
        toy = cls()
        assert toy.load() is toy and toy.shared
        assert toy.shape == ((1,) if name == "trimodal" else (2,))
        assert toy.kind == ("line" if name == "trimodal" else "plane")
        assert cls(**values(toy)) == toy and hash(cls(**values(toy))) == hash(toy)
        assert sum(toy.shares) == pytest.approx(1)
    assert list(values(toys.Grid())) == ["side", "spacing", "sigma"]
    assert toys.Trimodal(modes="-1,0,1").centres == ((-1.0,), (0.0,), (1.0,))


def test_the_density_of_moons_integrates_to_one():
    ticks = torch.linspace(-6, 6, 241, dtype=torch.float64)
    points = torch.cartesian_prod(ticks, ticks)
    density = toys.TwoMoons().density(points).view(241, 241)
    assert torch.trapezoid(torch.trapezoid(density, ticks), ticks).item() == pytest.approx(1, abs=1e-6)
