"""The baseline: what its loss and its paths are where they are known, and that it is recorded once."""

import math

import pytest
import torch
from torch import nn

from naign.sources import StandardNormal
from naign.study import flow, records

SHAPE = (1, 8, 8)


def draws(n, seed):
    return torch.randn(n, *SHAPE, generator=torch.Generator().manual_seed(seed))


def of(function):
    """A velocity that is known."""
    v = nn.Module()
    v.forward = function
    return v


def test_euler_follows_a_constant_velocity_exactly_and_a_linear_one_as_by_hand():
    z = draws(3, 0)
    for steps in (1, 7, 20):
        assert torch.allclose(flow.Flow(of(lambda x, t: torch.ones_like(x)), steps)(z), z + 1, atol=1e-5)
        assert torch.allclose(flow.Flow(of(lambda x, t: x), steps)(z), (1 + 1 / steps) ** steps * z, rtol=1e-5)


def test_euler_asks_for_the_times_from_0_to_before_1():
    asked = []
    flow.Flow(of(lambda x, t: asked.append(t[0].item()) or x), 4)(draws(2, 0))
    assert asked == [0, 0.25, 0.5, 0.75]


def test_the_velocity_to_a_single_data_point_has_no_loss_and_leads_there():
    point, source = draws(1, 0), StandardNormal(SHAPE)
    v = of(lambda x, t: (point - x) / (1 - t.view(-1, 1, 1, 1)))
    loss = flow.FlowMatching().terms(v, point.expand(50, *SHAPE), source, torch.Generator().manual_seed(1))
    assert loss["total"].item() < 1e-6
    assert torch.allclose(flow.Flow(v, 20)(draws(3, 2)), point.expand(3, *SHAPE), atol=1e-4)


def test_the_loss_of_no_velocity_is_the_mean_square_of_data_and_noise():
    x = torch.full((4_000, *SHAPE), 2.0)
    still = flow.FlowMatching().terms(
        of(lambda x, t: torch.zeros_like(x)), x, StandardNormal(SHAPE), torch.Generator().manual_seed(0)
    )
    assert still["total"].item() == pytest.approx(2**2 + 1, rel=0.01)


class Asks(nn.Module):
    """A body that gives a constant and keeps what it was asked."""

    def forward(self, x):
        self.asked = x
        return torch.full_like(x, 0.3)


def test_time_is_a_channel_and_what_the_body_gives_is_a_data_point():
    v = flow.Velocity(SHAPE, 8, "group")
    x, t = draws(2, 0), torch.tensor([0.0, 0.5])
    assert v(x, t).shape == x.shape
    v.net = Asks()
    assert torch.allclose(v(x, t), (0.3 - x) / torch.tensor([1.0, 0.5]).view(2, 1, 1, 1))
    assert torch.equal(v.net.asked[:, 0], x[:, 0])
    assert torch.equal(v.net.asked[:, 1], t.view(2, 1, 1).expand(2, 8, 8))
    assert torch.allclose(flow.Flow(v, 20)(x), torch.full_like(x, 0.3), atol=1e-4)


def test_every_training_is_recorded_once(elsewhere, monkeypatch, tmp_path):
    (tmp_path / "records").mkdir()
    assert flow.record("quick").name == "flow-quick.json"
    found = records.noted("flow-quick")
    assert set(found) == {"s0"}
    for entry in found.values():
        assert {"commit", "device", "seconds", "cpu_seconds", "threads", "config", "loss"} <= entry.keys()
        assert set(entry["euler"]) == {"1", "20"}
        for scored in entry["euler"].values():
            assert math.isfinite(scored["fld"]) and sum(scored["classes"]) == pytest.approx(1)
    monkeypatch.setattr(flow, "_one", None)
    flow.record("quick")  # trains nothing


def test_the_network_has_the_size_of_the_field_s_and_its_settings():
    t, e = flow.training("quick", 0)
    own, other = (sum(p.numel() for p in f.parameters()) for f in (t.f, e.network.build(e.data.shape)))
    assert own == other + 2 * 16 * e.network.width + 1  # for the channel of t, in and out
    assert t.schedule.batch_size == e.method.count(e.schedule.batch_size)
    assert (t.schedule.lr, t.schedule.optimiser) == (e.schedule.lr, e.schedule.optimiser)
