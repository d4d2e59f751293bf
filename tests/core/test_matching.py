"""The search of Eq. 8 against hand-solved cases and the plain search."""

import pytest
import torch
from torch import nn

from naign import losses, matching, methods
from naign.models import MLP, seeded
from naign.sources import StandardNormal


def test_imle_of_three_points_by_hand():
    # f is the identity; data 0, 1, 10; candidates 9, 0.4, 2. Nearest: 0.4, 0.4, 9.
    x, z = torch.tensor([[0.0], [1.0], [10.0]]), torch.tensor([[9.0], [0.4], [2.0]])
    winner = matching.nearest(nn.Identity(), x, z)
    assert winner.tolist() == [1, 1, 0]
    assert losses.imle(x, z[winner]).item() == pytest.approx((0.4 + 0.6 + 1.0) / 3)
    assert matching.distinct_share(winner, 3).item() == pytest.approx(2 / 3)


@pytest.mark.parametrize("d", losses.DISTANCES)
@pytest.mark.parametrize("shape", [(1,), (2,), (1, 4, 4)])
@pytest.mark.parametrize("chunk", [7, 64, 1000])
def test_chunked_search_equals_the_plain_one(d, shape, chunk, monkeypatch):
    monkeypatch.setattr(matching, "_chunk", lambda z: chunk)
    g = torch.Generator().manual_seed(0)
    f = seeded(lambda: MLP(shape, 16, 2), 0)
    x, z = torch.randn(50, *shape, generator=g), torch.randn(200, *shape, generator=g)
    with torch.no_grad():
        gaps = (x[:, None] - f(z)[None]).flatten(2)
    plain = gaps.square().sum(2) if d.startswith("l2") else gaps.abs().sum(2)
    assert torch.equal(matching.nearest(f, x, z, d), plain.argmin(1))


def test_candidates_see_no_autograd_and_winners_do():
    calls = []

    class Spy(MLP):
        def forward(self, x):
            calls.append((torch.is_grad_enabled(), len(x)))
            return super().forward(x)

    f, x = Spy((2,), 8, 1), torch.randn(16, 2)
    terms = methods.NAIGN(w_idem=0.0).terms(f, x, StandardNormal((2,)), torch.Generator().manual_seed(0))
    terms["total"].backward()
    assert calls == [(False, 160), (True, 32)]  # M = 10 N without, data and winners with gradient


def test_imle_gradient_is_that_of_autograd_through_all_candidates():
    f, n = seeded(lambda: MLP((2,), 16, 2), 0), 32
    x = torch.randn(n, 2, generator=torch.Generator().manual_seed(1))
    method = methods.NAIGN(w_idem=0.0, w_rec=0.0, candidate_dtype="float32")
    source = StandardNormal((2,))
    method.terms(f, x, source, torch.Generator().manual_seed(2))["total"].backward()
    ours = [p.grad.clone() for p in f.parameters()]
    f.zero_grad()
    z = source.sample(10 * n, torch.Generator().manual_seed(2))
    gaps = torch.linalg.vector_norm(x[:, None] - f(z)[None], dim=2)
    gaps.min(1).values.mean().backward()
    for a, p in zip(ours, f.parameters(), strict=True):
        assert torch.allclose(a, p.grad, atol=1e-6)


def test_winner_distance_is_computed_directly():
    # Far from the origin the product form loses every digit of a small gap; the loss must not.
    x = torch.full((4, 2), 1e4) + torch.arange(4)[:, None]
    assert losses.imle(x, x + 2**-6).item() == pytest.approx(2**-6 * 2**0.5, rel=1e-3)


def peak_of_search(d, n, m, dim):
    """Largest tensor that the search asks for, in numbers."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Largest(TorchDispatchMode):
        most = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            out = function(*args, **(kwargs or {}))
            for t in out if isinstance(out, tuple) else (out,):
                if isinstance(t, torch.Tensor):
                    Largest.most = max(Largest.most, t.numel())
            return out

    x, z = torch.randn(n, dim), torch.randn(m, dim)
    with Largest():
        matching.nearest(nn.Identity(), x, z, d)
    return Largest.most


@pytest.mark.parametrize("d", ["l1", "l2"])
def test_search_never_holds_n_by_m_by_d(d, monkeypatch):
    n, m, dim, chunk = 64, 2048, 256, 128
    monkeypatch.setattr(matching, "_chunk", lambda z: chunk)
    assert peak_of_search(d, n, m, dim) <= max(n * chunk, m * dim, chunk * (dim + 1))


def test_bfloat16_search_agrees_where_candidates_are_far_apart():
    f = seeded(lambda: MLP((2,), 32, 2), 0)
    g = torch.Generator().manual_seed(0)
    z = torch.randn(64, 2, generator=g)
    with torch.no_grad():
        x = f(z) + 1e-4
    exact = matching.nearest(f, x, z)
    rough = matching.nearest(f, x, z, dtype="bfloat16")
    gap = losses.distance(f(z)[rough], f(z)[exact])
    assert exact.tolist() == list(range(64))
    assert gap.max() < 0.02  # half precision may swap near neighbours, nothing else


def test_batches_are_joined_unless_a_batch_norm_would_mix_them():
    calls = []

    class Net(nn.Module):
        def __init__(self, norm):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(2, 4), norm, nn.Linear(4, 2))

        def forward(self, x):
            calls.append(len(x))
            return self.net(x)

    x = torch.randn(6, 2)
    joined = methods.together(Net(nn.LayerNorm(4)), x, 3 * x)
    assert calls == [12]
    assert [len(y) for y in joined] == [6, 6]
    calls.clear()
    apart = Net(nn.BatchNorm1d(4))
    y, _ = methods.together(apart, x, 3 * x)
    assert calls == [6, 6]
    assert torch.allclose(y, apart.net(x), atol=1e-6)


@pytest.mark.parametrize("candidates", [0.0, -1.0])
def test_m_below_one_is_refused(candidates):
    with pytest.raises(ValueError, match=f"candidates is {candidates}: give a number greater than 0"):
        methods.NAIGN(candidates=candidates)
    with pytest.raises(ValueError, match="M = 0"):
        methods.NAIGN(candidates=0.01).count(10)


def batches(n, shape=(2,)):
    for i in range(n):
        yield torch.full((4, *shape), float(i)), torch.full((4, *shape), 10.0 + i), torch.tensor(0.5)


def test_replay_keeps_the_last_batches_with_their_winners():
    replay = matching.Replay(3)
    assert replay.state_dict() == {}
    for parts in batches(5):
        replay.store(*parts)
    drawn = {}
    generator = torch.Generator().manual_seed(0)
    for _ in range(300):
        x, z, share = replay.draw(generator)
        assert x.shape == z.shape == (4, 2) and share == 0.5
        assert torch.equal(z, x + 10)  # a batch and its own winners
        drawn[int(x[0, 0])] = drawn.get(int(x[0, 0]), 0) + 1
    assert drawn.keys() == {2, 3, 4}  # 0 and 1 were overwritten
    assert min(drawn.values()) > 70  # each as likely as the others


def test_replay_draws_only_what_was_stored():
    replay = matching.Replay(50)
    replay.store(torch.ones(4, 2))
    generator = torch.Generator().manual_seed(0)
    assert all(replay.draw(generator)[0].eq(1).all() for _ in range(50))


def test_replay_is_put_back_as_it_was():
    replay = matching.Replay(3)
    *first, last = batches(5)
    for parts in first:
        replay.store(*parts)
    kept = {k: v.clone() for k, v in replay.state_dict().items()}
    replay.store(*last)
    assert not torch.equal(replay.state_dict()["0"], kept["0"])
    for other in (replay, matching.Replay(3)):
        other.load_state_dict(kept)
        assert all(torch.equal(v, kept[k]) for k, v in other.state_dict().items())
    other.store(*last)
    assert not torch.equal(kept["0"], other.state_dict()["0"])  # a copy was put back
    other.load_state_dict({})
    assert other.state_dict() == {}


def test_a_stored_batch_does_not_change_with_its_tensor_and_carries_no_gradient():
    replay = matching.Replay(2)
    x = torch.ones(4, 2, requires_grad=True)
    replay.store(x)
    x.data.zero_()
    drawn = replay.draw(torch.Generator())[0]
    assert drawn.eq(1).all() and not drawn.requires_grad


def test_a_search_runs_f_in_the_precision_asked_for_and_compares_in_single():
    seen, generator = [], torch.Generator().manual_seed(0)
    x, z = 30 + torch.randn(50, 2, generator=generator), 30 + torch.randn(200, 2, generator=generator)

    class Spy(nn.Identity):
        def forward(self, z):
            seen.append(torch.is_autocast_enabled("cpu"))
            return z

    with torch.autocast("cpu", torch.bfloat16):  # as within a training in half precision
        for dtype in ("float32", "bfloat16"):
            assert torch.equal(matching.nearest(Spy(), x, z, dtype=dtype), torch.cdist(x, z).argmin(1))
    assert seen == [False, True]
