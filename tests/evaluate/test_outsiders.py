"""Out-of-distribution scores against scikit-learn and by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from naign.data.samples import TensorData
from naign.evaluate import outsiders

RNG = np.random.default_rng(0)
INSIDE, OUTSIDE = RNG.normal(0, 1, 300), RNG.normal(1, 2, 200).round(1)


def test_auroc_is_scikit_learn_s():
    from sklearn.metrics import roc_auc_score

    for inside, outside in ((INSIDE, OUTSIDE), (INSIDE.round(1), OUTSIDE), (np.zeros(5), np.zeros(3))):
        truth = np.repeat([0, 1], [len(inside), len(outside)])
        assert outsiders.auroc(inside, outside)[0] == pytest.approx(
            roc_auc_score(truth, np.concatenate([inside, outside])), abs=1e-12
        )


def test_auroc_by_hand():
    assert outsiders.auroc(np.array([0.0, 1.0]), np.array([2.0, 3.0])) == [1, 1, 1]
    assert outsiders.auroc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == [0, 0, 0]
    assert outsiders.auroc(np.array([0.0, 2.0]), np.array([1.0, 1.0])) == [0.5, 0, 1]


def test_the_interval_holds_the_value_and_shrinks_with_more_samples():
    value, low, high = outsiders.auroc(INSIDE, OUTSIDE)
    assert low < value < high
    _, least, most = outsiders.auroc(INSIDE[:30], OUTSIDE[:20])
    assert most - least > 1.5 * (high - low)


def test_the_area_under_the_roc_is_the_auroc():
    rates = outsiders.roc(INSIDE, OUTSIDE)
    assert rates[0] <= (INSIDE.max() < OUTSIDE).mean() + 1e-4 and rates[-1] == 1
    assert all(a <= b for a, b in zip(rates, rates[1:], strict=False))
    assert np.trapezoid(rates, np.linspace(0, 1, len(rates))) == pytest.approx(
        outsiders.auroc(INSIDE, OUTSIDE)[0], abs=0.01
    )


def test_shuffled_blocks_are_the_same_blocks_elsewhere():
    x = torch.arange(2 * 32 * 32.0).reshape(2, 1, 32, 32)
    y = outsiders.shuffled(x, torch.Generator().manual_seed(0))
    assert not torch.equal(x, y)
    assert torch.equal(x.flatten(1).sort().values, y.flatten(1).sort().values)
    first = y[0, 0, :8, :8]
    corner = first[0, 0].item()
    row, column = divmod(int(corner), 32)
    assert row % 8 == column % 8 == 0
    assert torch.equal(first, x[0, 0, row : row + 8, column : column + 8])


def digits(n=60):
    x = torch.zeros(n, 1, 32, 32) - 1
    x[:, :, 8:24, 12:20] = torch.rand(n, 1, 16, 8, generator=torch.Generator().manual_seed(0))
    return TensorData(x[: n // 2], None, TensorData(x[n // 2 :]))


class Bar(nn.Module):
    """Leaves the middle as it is and blackens the rest: knows its digits."""

    def forward(self, x):
        y = torch.full_like(x, -1)
        y[:, :, 8:24, 12:20] = x[:, :, 8:24, 12:20]
        return y


def test_a_network_that_knows_its_digits_finds_every_outsider_that_is_none():
    result = outsiders.measure({"knows": Bar(), "blind": nn.Identity()}, digits())
    assert set(result["auroc"]) == {"knows", "blind", "nearest neighbour"}
    for kind in ("noise", "inverted", "turned by 90°", "shuffled blocks", "faces"):
        assert result["auroc"]["knows"][kind] == [1, 1, 1], kind
        assert result["auroc"]["blind"][kind][0] == 0.5
    assert result["auroc"]["knows"]["mirrored"][0] == 0.5  # a mirrored bar is a bar
    assert result["correlation"]["blind"]["noise"] == 0  # a constant drift says nothing
    assert all(value == 0.5 for value, _, _ in result["auroc"]["blind"].values())


def test_drift_and_error_of_a_network_that_removes_part_of_the_noise():
    x = torch.rand(200, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1

    class Shrink(nn.Module):
        def forward(self, z):
            return 0.5 * z

    found = outsiders.drift_and_error(Shrink(), "noise", x)
    assert 0 < found < 1


def test_the_yardstick_is_the_nearest_training_image_and_a_mirror_exchanges_left_and_right():
    black = torch.zeros(4, 1, 32, 32)
    both = torch.cat([black, black + 1])
    found = outsiders.measure({}, TensorData(both, test=TensorData(both)), {"grey": black + 0.5})
    assert found["auroc"]["nearest neighbour"]["grey"] == [1, 1, 1]
    black[..., 0, :3] = 1  # above, on the left
    assert outsiders.outsiders(black)["mirrored"][..., 0, -3:].eq(1).all()
