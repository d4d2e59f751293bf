"""Counted arithmetic against what PyTorch counts, and what the cost model says where it is known by hand."""

import json
import signal

import pytest
from torch.utils.flop_counter import FlopCounterMode

from naign.study import scaling


@pytest.mark.parametrize("point", [{"n": 8, "m": 80, "size": 16}, {"n": 16, "m": 16, "size": 16}])
def test_the_operations_of_a_step_are_those_that_pytorch_counts(point):
    training = scaling.training(**point)
    with FlopCounterMode(display=False) as counter:
        training.one_step()
    passed, _ = scaling.forward(scaling.WIDTH, (1, point["size"], point["size"]))
    counted = scaling.operations(point["n"], point["m"], point["size"] ** 2, passed)
    # By hand the gradients of the first layer's input at x, z* and z are too many; distances are no matrix products.
    assert counter.get_total_flops() == pytest.approx(counted["search"] + counted["terms"], rel=0.03)
    assert counted["pairs"] == 3 * point["n"] * point["m"] * point["size"] ** 2


def test_steps_are_timed_in_one_process_and_in_two(monkeypatch):
    monkeypatch.setattr(scaling, "POINTS", [{}, {"m": 8}])
    monkeypatch.setattr(scaling, "BASE", {"n": 8, "m": 16, "size": 16})
    monkeypatch.setattr(scaling.os, "cpu_count", lambda: 2)
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(n) for n in numbers]
    found = scaling.measure()
    assert [signal.getsignal(n) for n in numbers] == before  # or a training after it would not be saved
    assert [(row["m"], row["processes"]) for row in found["rows"]] == [(16, 1), (8, 1), (16, 2)]
    assert min(row["seconds"] for row in found["rows"]) > 0
    assert len(scaling.report(json.loads(json.dumps(found))).splitlines()) == 5


def test_the_prediction_by_hand():
    assumed = {"width": 8, "n": 10, "m": 4, "epochs": 3, "rate": 1e12, "pairs": 1e11, "memory": 1e12}
    assumed |= {"near": 1e11, "far": 1e10, "machine": 8}
    passed, parameters = scaling.forward(8, (3, 16, 16))
    one, eight, many = (scaling.predicted(16, 1000, gpus, assumed) for gpus in (1, 8, 64))
    assert one["network"] == pytest.approx((40 + 160) * passed / 1e12)
    assert one["pairs"] == pytest.approx(3 * 10 * 40 * 768 / 1e11) and one["gradients"] == 0
    assert one["draws"] == eight["draws"] == pytest.approx(4 * 60 * 768 / 1e12)
    assert eight["network"] == pytest.approx(one["network"] / 8)
    assert eight["gradients"] == pytest.approx(2 * 4 * parameters * 7 / 8 / 1e11)
    assert many["gradients"] == pytest.approx(2 * 4 * parameters * 63 / 64 / 1e10)
    assert one["hours"] == pytest.approx(one["step"] * 3 * 100 / 3600)


def test_a_report_of_scaling_by_hand():
    row = {"n": 1, "m": 2, "size": 16, "processes": 2, "processor": 0.5, "seconds": 0.25}
    row |= {"operations": {"search": 1 * 10**9, "terms": 2 * 10**9, "pairs": 1 * 10**9}}
    line = scaling.report({"width": 8, "device": "a CPU", "rows": [row]}).splitlines()[-1]
    assert line.split() == ["1", "2", "16²", "2", "500.0", "250.0", "2.00", "4.0"]
