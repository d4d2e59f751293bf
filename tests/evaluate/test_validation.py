"""What the best state of a training is chosen by."""

import pytest
import torch
from torch import nn

from naign.data import toys
from naign.data.samples import TensorData
from naign.data.sets import Digits
from naign.evaluate import validation
from naign.sources import StandardNormal


class Shift(nn.Module):
    """Noise of the data's own kind, moved: the further, the worse."""

    def __init__(self, by: float, side: tuple[int, ...]):
        super().__init__()
        self.by = nn.Parameter(torch.full(side, by))

    def forward(self, x):
        return x + self.by


def states(side, **by):
    return {int(step.removeprefix("s")): Shift(value, side).state_dict() for step, value in by.items()}


@pytest.mark.parametrize(
    ("data", "by"),
    [
        (toys.Trimodal(modes=(0.0,), widths=(1.0,), weights=(1.0,)), "w1"),
        (toys.Grid(side=1, sigma=1.0), "coverage"),
    ],
)
def test_the_state_whose_samples_are_the_data_is_best(data, by):
    side = data.shape
    found = validation.by_step(Shift(0.0, side), StandardNormal(side), data, states(side, s1=2.0, s5=0.0, s9=-1.0))
    assert (found["by"], found["best"], list(found["steps"])) == (by, 5, ["1", "5", "9"])
    assert found["steps"]["1"] != found["steps"]["9"]


def test_images_are_chosen_by_those_kept_apart_and_by_nothing_without():
    x = torch.randn(1_300, 1, 8, 8, generator=torch.Generator().manual_seed(0)).clamp(-3, 3)
    data, side = TensorData(x, test=TensorData(x + 2)), (1, 8, 8)
    snapshots = states(side, s1=2.0, s5=0.0)
    f, source = Shift(1.0, side), StandardNormal(side)
    assert validation.by_step(f, source, data, snapshots) == {}
    found = validation.by_step(f, source, data.apart(200), snapshots)
    assert (found["by"], found["best"]) == ("coverage", 5)  # the test images would say 1
    assert f.by.mean() == 1


def test_few_images_are_chosen_by_how_many_of_them_are_served():
    x = torch.stack([torch.full((1, 8, 8), v) for v in (-1.0, 0.0, 1.0)])

    class Sign(Shift):
        def forward(self, z):
            return torch.where(z.mean((1, 2, 3), keepdim=True) > self.by, 1.0, -1.0).expand_as(z)

    side = (1, 1, 1, 1)
    snapshots = {s: {"by": torch.full(side, by)} for s, by in ((3, 0.0), (7, 9.0))}
    found = validation.by_step(Sign(0.0, side), StandardNormal((1, 8, 8)), TensorData(x), snapshots)
    assert found["by"] == "effective" and found["best"] == 3
    assert found["steps"]["3"] == pytest.approx(2, abs=0.01) and found["steps"]["7"] == pytest.approx(1)


def test_digits_are_chosen_by_the_least_fld():
    data, side = Digits(validation=200).load(), (1, 1, 1)
    many = data.take(torch.arange(4096) % len(data))

    class Digit(Shift):
        def forward(self, z):
            return many[: len(z)] + self.by

    found = validation.by_step(Digit(0.0, side), StandardNormal((1, 32, 32)), data, states(side, s3=0.0, s7=1.0))
    assert (found["by"], found["best"]) == ("fld", 3)
