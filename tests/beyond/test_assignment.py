"""The matchings beyond the paper against cases solved by hand, scipy and known optima."""

import itertools

import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import nn
from torch.overrides import TorchFunctionMode

from naign import beyond, losses, matching, methods
from naign.beyond.assignment import assignment
from naign.data.toys import Grid
from naign.matching import distances, nearest
from naign.models import MLP, seeded
from naign.sources import StandardNormal


def column(*values):
    return torch.tensor(values)[:, None]


def test_nearest_piles_up_where_an_assignment_does_not():
    x, z = column(0.0, 0.1, 10.0), column(0.05, 1.0, 2.0)
    assert nearest(nn.Identity(), x, z).tolist() == [0, 0, 2]  # the first serves two, the second none
    assert assignment(distances(z, x)).tolist() == [0, 1, 2]  # on a line: in order


def test_an_assignment_of_three_points_is_the_best_of_six():
    cost = torch.tensor([[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]])
    totals = {s: sum(cost[i, j].item() for i, j in enumerate(s)) for s in itertools.permutations(range(3))}
    assert min(totals.values()) == totals[1, 0, 2] == 5  # by hand: 1 + 2 + 2
    assert assignment(cost).tolist() == [1, 0, 2]


@pytest.mark.parametrize("p", [1.0, 0.5, 2.0])
def test_a_pool_is_assigned_as_scipy_does(p):
    generator = torch.Generator().manual_seed(0)
    method = beyond.Balanced(distance="l1", power=p, w_source=0.0)
    z, x = torch.randn(60, 3, generator=generator), torch.randn(60, 3, generator=generator)
    chosen = method.match(z, z, x)
    by_hand = (z[:, None] - x[None]).double().square().sum(2).sqrt() ** p
    rows, columns = linear_sum_assignment(by_hand.numpy())
    assert sorted(chosen.tolist()) == list(range(60))
    assert by_hand[range(60), chosen].sum() == pytest.approx(by_hand[rows, columns].sum().item(), rel=1e-6)


def test_a_concave_cost_leaves_in_place_what_both_have():
    z, x = column(0.0, 1.0), column(1.0, 2.0)
    concave, convex = (beyond.Balanced(power=p, w_source=0.0) for p in (0.5, 2.0))
    assert concave.match(z, z, x).tolist() == [1, 0]  # 0 -> 2 and 1 stays: sqrt 2 against 2
    assert convex.match(z, z, x).tolist() == [0, 1]  # each moves by one: 2 against 4


def test_the_source_term_moves_a_noise_that_is_no_data():
    z, fz, x = column(0.5, -0.3), column(0.5, 0.4), column(0.5, 3.0)  # the first noise is a data point
    plain, ours = (beyond.Balanced(w_source=w) for w in (0.0, 2.0))
    wish = [0, 1]  # the data point stays, the other goes
    assert ours.match(z, fz, x).tolist() == wish
    assert ours.cost(z, fz, x)[[0, 1], wish].sum().item() == pytest.approx(2.6**0.5 + 2 * 3.3**0.25, rel=1e-5)
    assert beyond.Balanced(power=1.0, w_source=0.0).cost(z, fz, x).sum().item() == pytest.approx(0 + 2.5 + 0.1 + 2.6)
    assert plain.cost(z, fz, x)[0, 1].item() == pytest.approx(2.5**0.5)


def test_a_pool_hands_out_each_pair_as_often_as_asked():
    source, generator = StandardNormal((2,)), torch.Generator().manual_seed(0)
    pool = beyond.Balanced(pool=3, reuse=2).searcher(Grid(), 4)
    x, seen = torch.zeros(4, 2), []
    for _ in range(6):
        z, target, distinct = pool.search(nn.Identity(), x, source, generator)
        assert distinct == 1
        seen += [(*a, *b) for a, b in zip(z.tolist(), target.tolist(), strict=True)]
    assert len(seen) == 24 and len(set(seen)) == 12
    assert all(seen.count(pair) == 2 for pair in seen)
    assert len({pair[2:] for pair in seen}) == 12  # as many data points as noises
    following = pool.search(nn.Identity(), x, source, generator)[0]
    assert not {tuple(z) for z in following.tolist()} & {pair[:2] for pair in seen}


class Largest(TorchFunctionMode):
    """Notes the largest tensor that any operation returns."""

    size = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for part in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(part, torch.Tensor):
                self.size = max(self.size, part.numel())
        return result


@pytest.mark.parametrize("method", [methods.NAIGN(candidates=4), beyond.Balanced()])
def test_no_matching_holds_n_by_m_by_d(method):
    n, dim, source, generator = 100, 50, StandardNormal((50,)), torch.Generator().manual_seed(0)
    data = StandardNormal((dim,))
    search = method.searcher(data, n).search if hasattr(method, "searcher") else method.search
    with Largest() as mode:
        search(nn.Identity(), data.sample(n, generator), source, generator)
    assert 0 < mode.size <= 400 * 400  # one matrix of distances


def test_distances_agree_with_the_loss():
    from naign.losses import distance

    a, b = torch.randn(5, 2, 3), torch.randn(7, 2, 3)
    for i, j in itertools.product(range(5), range(7)):
        one = distance(a[i : i + 1], b[j : j + 1]).item()
        assert matching.distances(a, b)[i, j].item() == pytest.approx(one, rel=1e-4)


def test_the_terms_are_those_of_the_pairs():
    f, generator = seeded(lambda: MLP((2,), 6, 2), 0), torch.Generator().manual_seed(0)
    x, z = torch.randn(5, 2, generator=generator), torch.randn(5, 2, generator=generator)
    method = beyond.Balanced(w_rec=2.0, w_imle=0.5, w_idem=3.0, idempotence="plain")
    terms = method.terms(f, x, None, None, (z, x.flip(0), torch.ones(())))
    by_hand = [losses.reconstruction(x, f(x)), losses.imle(x.flip(0), f(z)), losses.idempotence(f(z), f)]
    assert [terms[name].item() for name in ("rec", "imle", "idem")] == pytest.approx([t.item() for t in by_hand])
    total = sum(w * t.item() for w, t in zip((2, 0.5, 3), by_hand, strict=True))
    assert terms["total"].item() == pytest.approx(total)
