"""The losses against hand calculations and finite differences."""

import pytest
import torch
from torch import nn

from naign import losses, methods
from naign.models import MLP, seeded
from naign.sources import StandardNormal


def small(seed=0):
    f = seeded(lambda: MLP((2,), 6, 2), seed).double()
    with torch.no_grad():  # far from a contraction, so that differences are well conditioned
        for p in f.parameters():
            p.mul_(2.5)
    return f


def numeric(f, value, epsilon=1e-6):
    """Central differences of value() in every parameter of f."""
    grads = []
    for p in f.parameters():
        flat = p.data.view(-1)
        g = torch.zeros_like(flat)
        for i in range(len(flat)):
            old = flat[i].item()
            flat[i] = old + epsilon
            up = value()
            flat[i] = old - epsilon
            down = value()
            flat[i] = old
            g[i] = (up - down) / (2 * epsilon)
        grads.append(g.view_as(p))
    return grads


def analytic(f, loss):
    f.zero_grad()
    loss.backward()
    return [p.grad.clone() for p in f.parameters()]


def same(a, b):
    return all(torch.allclose(x, y, atol=1e-6) for x, y in zip(a, b, strict=True))


@pytest.fixture
def points():
    g = torch.Generator().manual_seed(1)
    return torch.randn(5, 2, generator=g, dtype=torch.float64), torch.randn(5, 2, generator=g, dtype=torch.float64)


@pytest.mark.parametrize(("kind", "expected"), [("l2", 5.0), ("l1", 3.5), ("l2-squared", 25.0), ("l1-squared", 12.25)])
def test_distances_of_a_3_4_5_triangle(kind, expected):
    a, b = torch.zeros(1, 2), torch.tensor([[3.0, -4.0]])
    assert losses.distance(a, b, kind).item() == pytest.approx(expected)


def test_distance_is_one_value_a_sample_for_images():
    a = torch.zeros(3, 1, 4, 4)
    assert losses.distance(a, a + 2, "l1").tolist() == [2, 2, 2]
    assert losses.distance(a, a + 2, "l2").tolist() == [8, 8, 8]


def test_distance_has_a_finite_gradient_where_points_coincide():
    a = torch.ones(2, 3, requires_grad=True)
    losses.distance(a, torch.ones(2, 3)).sum().backward()
    assert a.grad.abs().sum() == 0


def test_distance_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="choose one of l2"):
        losses.distance(torch.zeros(1, 2), torch.zeros(1, 2), "cosine")
    with pytest.raises(ValueError, match=r"\(1, 2\) and \(2, 2\)"):
        losses.distance(torch.zeros(1, 2), torch.zeros(2, 2))


@pytest.mark.parametrize("d", ["l2", "l1", "l2-squared"])
def test_identity_has_no_reconstruction_nor_idempotence_loss(points, d):
    f = nn.Identity()
    x, z = points
    assert losses.reconstruction(x, f(x), d) == 0
    assert losses.idempotence(f(z), f, d) == 0
    assert losses.modified_idempotence(f(z), f(f(z)), f, d) == 0
    assert losses.tightness(f(z), f, d) == 0


def test_lemma_1_on_an_exact_projector():
    # Projection on the unit circle fixes it and maps onto it, so it is idempotent.
    class Circle(nn.Module):
        def forward(self, x):
            return x / torch.linalg.vector_norm(x, dim=1, keepdim=True)

    f = Circle()
    z = torch.randn(1000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = f(z)
    assert losses.reconstruction(x, f(x)) < 1e-15
    assert losses.idempotence(f(z), f) < 1e-15
    assert losses.distance(z, f(z)).mean() > 0.1  # and it is not the identity


@pytest.mark.parametrize("d", losses.DISTANCES)
def test_reconstruction_and_imle_gradients(points, d):
    f, (x, z) = small(), points
    for inputs, loss in ((x, losses.reconstruction), (z, losses.imle)):
        g = analytic(f, loss(x, f(inputs), d))
        assert same(g, numeric(f, lambda i=inputs, fn=loss: fn(x, f(i), d).item()))


@pytest.mark.parametrize("d", losses.DISTANCES)
def test_idempotence_moves_the_inner_f_only(points, d):
    f, outer, (_, z) = small(), small(), points  # `outer` stays where f was: theta-bot
    g = analytic(f, losses.idempotence(f(z), f, d))
    assert same(g, numeric(f, lambda: losses.distance(f(z), outer(f(z)), d).mean().item()))
    assert max(x.abs().max() for x in g) > 1e-4


def test_modified_idempotence_trains_f_at_z_and_at_q_and_stops_at_q(points):
    f, outer, (_, z) = small(), small(), points
    q = f(z).detach()
    g = analytic(f, losses.modified_idempotence(f(z), f(q), f))

    def value():
        at_z = losses.distance(f(z), outer(f(z))).mean()
        at_q = losses.distance(f(q), outer(f(q))).mean()
        return ((at_z + at_q) / 2).item()

    assert same(g, numeric(f, value))
    plain = analytic(f, losses.idempotence(f(z), f))
    assert not same(g, plain)


@pytest.mark.parametrize("d", losses.DISTANCES)
def test_tightness_moves_the_outer_f_only_and_the_other_way(points, d):
    f, inner, (_, z) = small(), small(), points
    g = analytic(f, losses.tightness(f(z), f, d))
    fz = inner(z)
    assert same(g, numeric(f, lambda: -losses.distance(fz, f(fz), d).mean().item()))
    assert losses.tightness(f(z), f, d) <= 0


def test_frozen_f_gives_the_same_values_and_no_parameter_gradient(points):
    f, (x, _) = small(), points
    x.requires_grad_(True)
    y = losses.frozen(f)(x)
    assert torch.equal(y, f(x))
    y.sum().backward()
    assert all(p.grad is None for p in f.parameters())
    assert x.grad.abs().sum() > 0


def test_the_denoising_autoencoder_sees_noise_of_even_strengths():
    """For the identity E |x + sigma e - x|^2 = D E sigma^2 = D s^2 / 3 with sigma even in [0, s]."""
    x = torch.randn(50_000, 3, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    terms = methods.DAE(distance="l2-squared", level=0.6).terms(nn.Identity(), x, None, generator)
    assert terms["rec"].item() == pytest.approx(3 * 0.36 / 3, rel=0.02)
    assert terms["total"] is terms["rec"]


def test_without_noise_it_is_a_plain_autoencoder(points):
    f = small()
    x = points[0]
    terms = methods.DAE(level=0.0).terms(f, x, None, torch.Generator().manual_seed(0))
    assert terms["rec"].item() == pytest.approx(losses.reconstruction(x, f(x)).item())


@pytest.mark.parametrize("clamp", [0.0, 0.5])
def test_ign_descends_equation_4_and_its_bound_is_held_fixed(points, clamp):
    f, bot, (x, _), source, d = small(), small(), points, StandardNormal((2,)), losses.distance
    method = methods.IGN(w_rec=2.0, w_idem=3.0, w_tight=0.5, clamp=clamp)
    g = analytic(f, method.terms(f, x, source, torch.Generator().manual_seed(0))["total"])
    z = source.sample(5, torch.Generator().manual_seed(0)).double()
    bound = clamp * d(x, bot(x)).mean()

    def value():
        rec, idem, tight = d(x, f(x)).mean(), d(f(z), bot(f(z))).mean(), -d(bot(z), f(bot(z))).mean()
        return (2 * rec + 3 * idem + 0.5 * (torch.tanh(tight / bound) * bound if clamp else tight)).item()

    assert same(g, numeric(f, value))
