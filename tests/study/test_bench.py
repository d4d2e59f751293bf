"""What the benchmark counts, and that it measures what it says."""

import json
import os

import pytest
import torch

from naign.study import bench, records
from naign.study.experiment import get


def test_the_arithmetic_of_a_step_is_that_by_hand():
    training = bench.endless(get("grid-naign", "paper", idempotence="plain"), torch.device("cpu"))
    forward = sum(2 * m.weight.numel() for m in training.f.modules() if isinstance(m, torch.nn.Linear))
    # Candidates: one forward. Data, winners and z: forward and twice that backward. The frozen f: twice. By hand the
    # scores of the search are left out and a product of the first layer is one too many: within 2%.
    by_hand = forward * (10 * 512 + 3 * 3 * 512 + 2 * 512)
    assert bench.flops(training) == pytest.approx(by_hand, rel=0.02)


def test_the_literal_step_descends_the_same_loss():
    experiment = get("grid-naign", "paper", idempotence="plain", candidate_dtype="float32")
    assert bench.SIZE == "512 x 3, N = 512, M = 5120"
    assert (experiment.network.width, experiment.network.depth, experiment.schedule.batch_size) == (bench.WIDTH, 3, 512)
    assert experiment.method.count(512) == 5120
    literal, ours = (bench.endless(experiment, torch.device("cpu")) for _ in range(2))
    literal.optimiser.step = lambda loss: loss.backward()
    bench.literal_step(literal)
    x = ours.data.sample(512, ours.generator)
    ours.method.terms(ours.f, x, ours.source, ours.generator)["total"].backward()
    for p, q in zip(literal.f.parameters(), ours.f.parameters(), strict=True):
        assert torch.allclose(p.grad, q.grad, atol=2e-5)


def test_a_report_has_every_step_and_ratio():
    result = bench.measure(rounds=1)
    assert min(result["seconds"].values()) > 0
    assert min(result["speedup"], result["cost"], result["rate"]) > 0
    text = bench.report(result)
    assert all(name in text for name in (*result["seconds"], "times as fast", "of the rate of a plain fp32"))


def test_the_step_of_an_experiment_is_timed_and_its_arithmetic_counted():
    small = get("grid-ign", "quick", width=32, depth=1, batch_size=10)
    result = bench.measure_step(small, rounds=1)
    # f: 2 x 32 and 32 x 2. Eq. 4 by hand: f at 2 N points, then N more for each of two frozen-or-not second calls.
    forward = 2 * (2 * 32 + 32 * 2)
    first_input = 2 * 2 * 32  # no gradient of the first layer's input at x and z, nor at the detached f(z)
    by_hand = 20 * (3 * forward - first_input) + 10 * 2 * forward + 10 * (3 * forward - first_input)
    assert result["gflop"] * 1e9 == by_hand
    assert result["share"] > 0
    assert "GFLOP a step" in bench.report(bench.measure_step(get("mnist-naign", "quick"), rounds=1))


def test_every_matching_is_timed_beside_the_nearest():
    result = bench.measure_matchings(rounds=1)
    assert len(result["seconds"]) == 6 and min(result["seconds"].values()) > 0
    assert [line.split("  ")[1] for line in bench.report(result).splitlines()[1:]] == list(result["seconds"])


def test_what_was_recorded_is_reported():
    for name in ("bench", "matchings"):
        recorded = json.loads((records.records_root() / f"{name}.json").read_text())
        text = bench.report(recorded)
        assert recorded["device"] in text and all(f"{1e3 * s:.2f} ms" in text for s in recorded["seconds"].values())


def test_the_field_is_timed_beside_ign_at_equal_n():
    compared = {name: get(of, "cpu", **given) for name, (of, given) in bench.BESIDE_FIELD.items()}
    ign, field = compared["IGN"], compared[bench.FIELD]
    assert ign.network.width == field.network.width == 32
    assert ign.schedule.batch_size == field.schedule.batch_size == field.method.count(256) == 256
    assert field.method.passes(256) == 2 * 256  # the data and the generated samples, as IGN's
    assert field.method.w_idem > 0


@pytest.mark.skipif(not os.environ.get("NAIGN_DATA"), reason="needs MNIST")
def test_cost_is_the_ratio_of_what_was_timed():
    result = bench.measure_field(rounds=1)
    assert result["cost"] == pytest.approx(result["seconds"]["field"] / result["seconds"]["IGN"])
    assert len(result["seconds"]) == 4


def test_ratios_are_those_of_the_seconds(monkeypatch):
    seconds = {bench.LITERAL: 0.6, bench.PLAIN: 0.2, bench.FP32: 0.3, "IGN": 0.1, bench.PRODUCT: 0.5}
    monkeypatch.setattr(bench, "steps", lambda *_: {})
    monkeypatch.setattr(bench, "timed", lambda *_: {"seconds": seconds})
    monkeypatch.setattr(bench, "flops", lambda _: 10**9)
    found = bench.measure()
    assert (found["speedup"], found["cost"]) == pytest.approx((3, 2))
    assert (found["fp32"]["speedup"], found["fp32"]["cost"]) == pytest.approx((2, 3))
    peak = 20 * 2 * bench.matching.CHUNK * 512 * 512 / 0.5
    assert found["rate"] == pytest.approx(10**9 / 0.2 / peak) and found["gflops"] == pytest.approx(5)


def test_times_are_medians_after_two_rounds(monkeypatch):
    clock, lasts = [0.0], iter([100.0, 100.0, 1.0, 5.0, 2.0])
    monkeypatch.setattr(bench, "timer", lambda: clock[0])
    case = {"a": lambda: clock.__setitem__(0, clock[0] + next(lasts))}
    assert bench.timed("this", case, 3, torch.device("cpu"))["seconds"] == {"a": 2.0}


def test_the_share_of_the_rate_by_hand(monkeypatch):
    monkeypatch.setattr(bench, "steps", lambda *_: {"step": None})
    monkeypatch.setattr(bench, "timed", lambda *_: {"seconds": {"step": 0.5, bench.PRODUCT: 0.25}})
    monkeypatch.setattr(bench, "flops", lambda _: 2**30)
    assert bench.measure_step(get("grid-ign", "quick"))["share"] == pytest.approx(0.25)  # 2^31 FLOP a product


def test_a_step_of_a_matching_is_a_sixteenth_of_its_block(monkeypatch):
    monkeypatch.setattr(bench, "steps", lambda *_: {})
    monkeypatch.setattr(bench, "timed", lambda *_: {"seconds": {"a": 1.6}})
    assert bench.measure_matchings()["seconds"] == pytest.approx({"a": 0.1})
