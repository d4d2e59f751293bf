"""The field that takes the place of the search: where it rests, how it points, and that it shares the mass."""

import math

import pytest
import torch

from naign import losses
from naign.beyond.field import field
from naign.methods import make
from naign.models import MLP, seeded
from naign.sources import StandardNormal


def column(*values):
    return torch.tensor(values)[:, None]


def draws(n, seed, dim=3):
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed))


def test_it_vanishes_everywhere_where_data_and_samples_are_the_same():
    x = draws(20, 0)
    assert field(draws(30, 1), x, x).abs().max() < 1e-5


def test_data_and_samples_exchanged_turn_it_round():
    y, x, others = draws(30, 0), draws(20, 1), draws(25, 2) + 1
    there, back = field(y, x, others), field(y, others, x)
    assert there.abs().max() > 0.1
    assert torch.allclose(there, -back, atol=1e-5)


def test_one_sample_between_a_data_point_and_another_sample():
    # Both are as near: half of the mean 1 draws, half of the mean -1 pushes, each with its whole weight.
    assert field(column(0.0), column(1.0), column(-1.0), (0.3,)).item() == pytest.approx(2)


def test_two_data_points_weigh_by_the_roots_of_their_softmax():
    # Distances 1, 3, 1 of mean 5 / 3: at a radius of 3 / 5 the logits are -1, -3, -1.
    near = math.exp(-1)
    expected = (1 + 3 * near) / (1 + near) + 1
    found = field(column(0.0), column(1.0, 3.0), column(-1.0), (0.6,))
    assert found.item() == pytest.approx(expected, rel=1e-6)


def test_two_samples_and_one_data_point():
    # The sample on the data point is pushed off by the other; that one is drawn to where it is pushed from: 0.
    y, x = column(0.0, 1.0), column(0.0)
    assert field(y, x, radii=(4 / 3,)).flatten().tolist() == pytest.approx([-1, 0], abs=1e-6)


def test_images_are_moved_as_their_pixels_are():
    y, x = draws(8, 0, 16), draws(9, 1, 16)
    images = field(y.view(8, 1, 4, 4), x.view(9, 1, 4, 4))
    assert images.shape == (8, 1, 4, 4)
    assert torch.equal(images.flatten(1), field(y, x))


def test_one_sample_alone_is_refused():
    with pytest.raises(ValueError, match="1 sample.*at least 2"):
        field(column(0.0), column(1.0))


def test_samples_that_follow_it_share_the_mass_as_the_data_do():
    # The radius must reach from mode to mode, 4 apart, or what fell into the wrong one stays there.
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(200, 1, generator=generator)
    for step in range(300):
        right = torch.rand(200, 1, generator=generator) < 0.75
        x = torch.where(right, 2.0, -2.0) + 0.1 * torch.randn(200, 1, generator=generator)
        y = y + 0.2 * (1 - step / 300) * field(y, x, radii=(0.5,))
    assert (y > 0).float().mean().item() == pytest.approx(0.75, abs=0.05)
    assert (torch.minimum((y - 2).abs(), (y + 2).abs()) < 0.3).float().mean() > 0.9


def test_the_term_pulls_each_sample_along_the_field():
    f, source = seeded(lambda: MLP((2,), 8, 2), 0), StandardNormal((2,))
    x = draws(6, 0, 2)
    method = make("naign-field", w_rec=0.0, reconstructed=0.5)
    terms = method.terms(f, x, source, torch.Generator().manual_seed(3))
    z = source.sample(6, torch.Generator().manual_seed(3))
    fz = f(z)
    v = field(fz.detach(), x)
    assert terms["field"].item() == pytest.approx(0.5 * v.square().mean().item(), rel=1e-5)
    found = torch.autograd.grad(terms["total"], f.parameters())
    wanted = torch.autograd.grad(fz, f.parameters(), -v / v.numel())
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(found, wanted, strict=True))


def test_reconstruction_sees_its_share_of_the_batch():
    x = draws(8, 0, 2)
    f, source = seeded(lambda: MLP((2,), 8, 2), 0), StandardNormal((2,))
    terms = make("naign-field", reconstructed=0.25).terms(f, x, source, torch.Generator().manual_seed(3))
    assert terms["rec"].item() == pytest.approx((x[:2] - f(x[:2])).norm(dim=1).mean().item(), rel=1e-5)


@pytest.mark.parametrize("radii", ["", "0.1,-1", "0"])
def test_radii_that_are_none_are_refused(radii):
    with pytest.raises(ValueError, match="radii is"):
        make("naign-field", radii=radii)


def test_what_is_near_to_nothing_stays():
    y, x = draws(60, 0, 1), draws(60, 1, 1)
    y[-1] = 1e3
    v = field(y, x)
    assert torch.isfinite(v).all() and v[-1] == 0


def test_idempotence_is_that_of_as_many_samples_as_are_reconstructed():
    f, x, source = seeded(lambda: MLP((2,), 6, 2), 0), draws(5, 0, 2), StandardNormal((2,))
    method = make("naign-field", w_rec=2.0, w_imle=0.5, w_idem=3.0, idempotence="plain", reconstructed=0.4)
    terms = method.terms(f, x, source, torch.Generator().manual_seed(1))
    z = source.sample(5, torch.Generator().manual_seed(1))
    assert terms["idem"].item() == pytest.approx(losses.idempotence(f(z)[:2], f).item(), rel=1e-5)
    assert terms["total"].item() == pytest.approx((2 * terms["rec"] + 0.5 * terms["field"] + 3 * terms["idem"]).item())
