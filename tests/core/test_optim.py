"""The optimisers: AdamW as PyTorch has it, Muon's orthogonal steps on matrices and kernels, exact resume."""

import copy

import pytest
import torch
from torch import nn

from naign.methods import NAIGN
from naign.models import MLP, ConvAutoencoder, seeded
from naign.optim import Optimiser, Schedule

MUON = Schedule(10, 8, lr=0.1, weight_decay=0.0, optimiser="muon")


def network(kind):
    return seeded(lambda: MLP((2,), 32, 3) if kind == "mlp" else ConvAutoencoder((1, 16, 16), 8, "group"), 0)


def loss(f, kind):
    x = torch.randn((16, 2) if kind == "mlp" else (4, 1, 16, 16), generator=torch.Generator().manual_seed(1))
    return (f(x) - 2 * x.flip(0)).square().mean()


def test_adamw_is_pytorchs():
    ours, theirs = network("mlp"), network("mlp")
    optimiser = Optimiser(ours, Schedule(10, 8, lr=0.01))
    plain = torch.optim.AdamW(theirs.parameters(), lr=0.01, weight_decay=0.01, fused=True)
    for _ in range(5):
        optimiser.step(loss(ours, "mlp"))
        plain.zero_grad()
        loss(theirs, "mlp").backward()
        plain.step()
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


@pytest.mark.parametrize("kind", ["mlp", "conv"])
def test_muons_first_step_is_nearly_orthogonal_within_f_and_adamws_at_its_ends(kind):
    f = network(kind)
    before = copy.deepcopy(f)
    generator = torch.Generator().manual_seed(2)
    # A linear loss, so that every gradient is known: singular values from 1 to 10.
    gradients = []
    for p in f.parameters():
        u, _, v = torch.linalg.svd(torch.randn(len(p), p[0].numel(), generator=generator), full_matrices=False)
        gradients.append((u * torch.linspace(1, 10, u.shape[1]) @ v).view(p.shape))
    Optimiser(f, MUON).step(sum((p * g).sum() for p, g in zip(f.parameters(), gradients, strict=True)))
    steps = [(a - b).detach() for a, b in zip(f.parameters(), before.parameters(), strict=True)]
    kernels = [i for i, step in enumerate(steps) if step.ndim > 1]
    for i in kernels[1:-1]:
        step = steps[i].flatten(1)
        values = torch.linalg.svdvals(step) / (0.1 * 0.2 * max(step.shape) ** 0.5)  # the root mean square of AdamW's
        assert values.min() > 0.6 and values.max() < 1.3
        assert (step * gradients[i].flatten(1)).sum() < 0  # downhill
    for i in set(range(len(steps))) - set(kernels[1:-1]):
        torch.testing.assert_close(steps[i], -0.1 * gradients[i].sign(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", ["mlp", "conv"])
def test_muon_learns(kind):
    f = network(kind)
    optimiser, first = Optimiser(f, Schedule(10, 8, lr=0.01, optimiser="muon")), loss(f, kind).item()
    for _ in range(60):
        optimiser.step(loss(f, kind))
    assert loss(f, kind).item() < 0.5 * first


@pytest.mark.parametrize("kind", ["mlp", "conv"])
def test_muon_continues_exactly_from_a_copied_state(kind):
    f = network(kind)
    optimiser = Optimiser(f, MUON)
    for _ in range(3):
        optimiser.step(loss(f, kind))
    kept = {k: v.clone() for k, v in optimiser.state_dict().items()}
    weights = copy.deepcopy(f.state_dict())
    assert sum("momentum_buffer" in k for k in kept) == len([p for p in f.parameters() if p.ndim > 1]) - 2
    for _ in range(2):
        optimiser.step(loss(f, kind))
    wanted = copy.deepcopy(f.state_dict())
    for again in (f, network(kind)):  # rewound, and started anew
        other = optimiser if again is f else Optimiser(again, MUON)
        again.load_state_dict(weights)
        other.load_state_dict(kept)
        for _ in range(2):
            other.step(loss(again, kind))
        assert all(torch.equal(v, wanted[k]) for k, v in again.state_dict().items())


def test_a_small_network_without_inner_matrices_is_adamws_alone():
    f = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    assert len(Optimiser(f, MUON).parts) == 1


def test_the_learning_rate_reaches_both():
    optimiser = Optimiser(network("mlp"), MUON)
    optimiser.set_lr(0.0)
    before = [p.detach().clone() for p in optimiser.parameters]
    f = network("mlp")
    optimiser = Optimiser(f, MUON)
    optimiser.set_lr(0.0)
    optimiser.step(loss(f, "mlp"))
    assert all(torch.equal(a, b) for a, b in zip(before, f.parameters(), strict=True))


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_without_a_gradient_weights_decay_alone(optimiser):
    f = network("mlp")
    before = [p.detach().clone() for p in f.parameters()]
    schedule = Schedule(10, 8, lr=0.1, weight_decay=0.5, optimiser=optimiser)
    Optimiser(f, schedule).step(sum((0 * p).sum() for p in f.parameters()))
    for now, then in zip(f.parameters(), before, strict=True):
        torch.testing.assert_close(now.detach(), 0.95 * then)


def test_steps_are_rounded():
    assert Schedule(10, 4, snapshots=(0.29,)).copied == {3} and NAIGN(candidates=0.19).count(10) == 2
