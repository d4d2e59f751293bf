"""The true-field metrics on projectors whose scores are known."""

import math

import numpy as np
import pytest
import torch

from naign import fields, toys
from naign.fields import by_k, density_scores, gradient, lattice, log_normaliser, scores, spearman

LIMITS = ((-5.0, 5.0), (-4.5, 4.5))
GRID = lattice(LIMITS, 80)
GEOMETRIES = [toys.TwoMoons(0.0), toys.grid(), toys.eight_gaussians(), toys.trimodal()]
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
    assert found["landed"] == pytest.approx((exact <= fields.EPSILON).float().mean().item())
    assert found["off"] == pytest.approx(exact.mean().item(), rel=1e-5)
    assert found["eikonal"] == 1


def test_half_way_to_the_manifold_is_half_the_distance():
    toy = toys.TwoMoons(0.0)
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
    assert fields.area(((0.0, 2.0), (0.0, 4.0))) == 8


def test_quadrature_integrates_a_known_gaussian_to_one():
    limits = ((-4.0, 5.0), (-5.0, 4.0))
    points = lattice(limits, 100)
    gaussian = toys.Mixture(((0.3, -0.2),), (0.7,), (1.0,))
    p = gaussian.density(points)
    assert p.mean().item() * fields.area(limits) == pytest.approx(1, abs=1e-3)
    assert log_normaliser(-p.double().log() - math.log(7.3), limits) == pytest.approx(math.log(7.3), abs=1e-3)


@pytest.mark.parametrize("toy", [toys.TwoMoons(0.2), toys.TwoMoons(0.05), toys.grid(3, sigma=0.2)], ids=repr)
def test_known_densities_integrate_to_one_and_are_those_of_their_samples(toy):
    limits = ((-5.0, 5.0), (-5.0, 5.0))
    points = lattice(limits, 400)
    p = toy.density(points.double())
    assert p.mean().item() * 100 == pytest.approx(1, abs=1e-3)
    x = toy.sample(200_000, torch.Generator().manual_seed(0))
    for box in (((-3.0, 0.0), (-1.0, 2.0)), ((0.0, 1.0), (-0.5, 0.5))):
        inside = [((points[:, i] >= low) & (points[:, i] < high)) for i, (low, high) in enumerate(box)]
        share = p[inside[0] & inside[1]].sum().item() * 100 / len(points)
        counted = (x[:, 0] >= box[0][0]) & (x[:, 0] < box[0][1]) & (x[:, 1] >= box[1][0]) & (x[:, 1] < box[1][1])
        assert counted.float().mean().item() == pytest.approx(share, abs=0.004)


def test_moons_without_noise_have_no_density():
    with pytest.raises(ValueError, match="noise is 0: the mass lies on two curves"):
        toys.TwoMoons(0.0).density(GRID)


def test_the_right_drift_and_k_give_back_the_density():
    """E = exp(k delta) - 1 with k = 2 and the delta that makes exp(-E) a Gaussian."""
    limits = ((-6.0, 6.0), (-6.0, 6.0))
    points, x = lattice(limits, 200), torch.randn(20_000, 2, generator=torch.Generator().manual_seed(0))
    delta, delta_x = (torch.log1p(z.double().square().sum(1) / 2) / 2 for z in (points, x))
    found = by_k(delta, delta_x, toys.Mixture(((0.0, 0.0),), (1.0,), (1.0,)).density(points.double()), limits)
    at = found["k"].index(2.0)
    assert found["kl"][at] == min(found["kl"]) == pytest.approx(0, abs=1e-4)
    assert found["tv"][at] < 1e-4
    assert found["loglik"][at] == pytest.approx(-math.log(2 * math.pi) - 1, abs=0.02)  # minus the entropy
    assert min(kl for k, kl in zip(found["k"], found["kl"], strict=True) if k != 2.0) > 0.01


def test_the_kernel_density_estimate_is_scipy_s():
    from scipy.stats import gaussian_kde

    limits, toy = ((-4.0, 4.0), (-4.0, 4.0)), toys.Mixture(((0.0, 0.0),), (1.0,), (1.0,))
    points, x = lattice(limits, 40), toy.sample(300, torch.Generator().manual_seed(5))
    found = fields.kernel_density(toy, points, x, limits, n=400)
    centres = toy.sample(400, torch.Generator().manual_seed(2)).double()
    width = found["width"][-1]
    factor = width / centres.T.numpy().std(1, ddof=1).mean()
    reference = gaussian_kde(centres.T.numpy(), bw_method=factor)
    reference.covariance = np.eye(2) * width**2  # an isotropic kernel, as ours
    reference.cho_cov = np.eye(2) * width
    reference.log_det = 2 * np.log(2 * np.pi * width**2)
    assert found["loglik"][-1] == pytest.approx(np.log(reference(x.T.double().numpy())).mean(), abs=1e-6)
    assert min(found["kl"]) < 0.1


def test_what_a_run_stores_of_a_perfect_projector():
    fuzzy = toys.TwoMoons(0.3)
    found = fields.evaluated(fuzzy.nearest, fuzzy)
    assert found["field"]["all"]["spearman"] == pytest.approx(1, abs=1e-6)
    density = found["drift_density"]
    assert min(density["kl"]) < 0.1 < max(density["kl"])
    assert "drift_density" not in fields.evaluated(fuzzy.nearest, toys.TwoMoons(0.0))


def test_density_scores_of_two_gaussians():
    limits = ((-8.0, 8.0), (-8.0, 8.0))
    points = lattice(limits, 300)
    p, q = (toys.Mixture(((m, 0.0),), (1.0,), (1.0,)).density(points.double()) for m in (0.0, 1.0))
    found = density_scores(q.log(), p, limits)
    assert found["kl"] == pytest.approx(0.5, abs=1e-4)
    assert found["tv"] == pytest.approx(math.erf(0.5 / math.sqrt(2)), abs=1e-3)
    assert found["outside"] == pytest.approx(0, abs=1e-6)
    assert density_scores(p.log(), p, limits) == {
        "tv": pytest.approx(0),
        "kl": pytest.approx(0),
        "outside": pytest.approx(0, abs=1e-6),
    }


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: scores(lambda z: z, toys.grid(), GRID, near=100.0), "near is 100.0, which makes 6400 of 6400 points"),
        (lambda: log_normaliser(torch.full((4,), math.inf), LIMITS), "the log of the normaliser is -inf"),
        (lambda: log_normaliser(torch.tensor([1.0, math.nan]), LIMITS), "the log of the normaliser is nan"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(call, words):
    with pytest.raises(ValueError, match=words) as error:
        call()
    assert "\n" not in str(error.value)


def test_a_line_has_a_lattice_a_box_and_a_quadrature():
    assert LINE.shape == (900, 1)
    assert LINE[0].item() == pytest.approx(-4 + 0.005, abs=1e-6)
    assert LINE[-1].item() == pytest.approx(5 - 0.005, abs=1e-5)
    np.testing.assert_allclose(fields.box(toys.trimodal()), [(-4.0, 5.0)])
    log_z = log_normaliser(0.5 * (LINE[:, 0].double() / 0.3) ** 2, ((-4.0, 5.0),))
    assert math.exp(log_z) == pytest.approx(0.3 * math.sqrt(2 * math.pi), rel=1e-3)


def test_a_kernel_density_on_a_line_is_near_the_true_one():
    toy = toys.trimodal()
    found = fields.kernel_density(toy, LINE, toy.sample(2_000, torch.Generator().manual_seed(0)), ((-4.0, 5.0),))
    assert min(found["kl"]) < 0.05
