"""What is measured on images, for networks whose answers are known."""

import numpy as np
import pytest
import torch
from torch import nn

from naign import models
from naign.data.corruptions import CORRUPTIONS
from naign.data.samples import FEW, TensorData
from naign.data.sets import Digits
from naign.evaluate import fewshot, images, lenet, shares
from naign.evaluate.images import Judge
from naign.evaluate.restoration import LEVELS, damage, mae
from naign.sources import StandardNormal


class Constant(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = nn.Parameter(value)

    def forward(self, x):
        return self.value.expand_as(x)


@pytest.fixture(scope="module")
def judge():
    return Judge(Digits().load(), n=120)


def test_the_identity_reconstructs_settles_and_repairs_nothing(judge):
    f = nn.Sequential(nn.Identity())
    result, pictures = images.measure(f, StandardNormal((1, 32, 32)), judge)
    assert result["rec"] == result["gap"] == 0
    assert max(result["settle"]["move"]) == 0
    assert len(set(result["settle"]["fld"])) == 1
    for name in CORRUPTIONS:
        scores = result["restoration"][name]
        assert scores["once"] == scores["twice"] == scores["damaged"] > 0
        assert scores["literal"] == 0
        assert scores["changed"] == scores["changed_damaged"]
        assert result["levels"][name]["once"] == result["levels"][name]["damaged"]
        assert torch.equal(pictures[f"{name}.0"], pictures[f"{name}.2"])
    assert torch.equal(pictures["x"], pictures["ffx"])
    assert pictures["fz"].shape == (16, 1, 32, 32)
    assert len(set(result["winners"].values())) == 1


def test_a_constant_network_scores_as_a_constant(judge):
    eight = judge.x[judge.y == 8][:1]
    result, _ = images.measure(Constant(eight[0]), StandardNormal((1, 32, 32)), judge)
    apart = (judge.x - eight).abs().mean().item()
    assert result["rec"] == pytest.approx(apart)
    assert all(result["restoration"][name]["once"] == pytest.approx(apart) for name in CORRUPTIONS)
    assert result["gap"] == 0
    right = judge.y[lenet.labels(judge.net, judge.x) == judge.y]
    assert result["restoration"]["blur"]["changed"] == pytest.approx((right != 8).float().mean().item())
    assert result["fz"]["coverage"] < 0.2
    assert max(result["classes"]) == 1
    shift = judge.real.mean(0) - lenet.features(judge.net, eight)[0]
    spread = np.trace(np.cov(judge.real, rowvar=False))
    assert result["fz"]["fld"] == pytest.approx((shift**2).sum().item() + spread, rel=1e-4)


class Half(nn.Module):
    def forward(self, x):
        return x / 2


def test_a_network_that_halves_scores_as_by_hand(judge):
    source, x = StandardNormal((1, 32, 32)), judge.x
    (result, _), z = images.measure(Half(), source, judge), judge.draws(source)
    assert result["gap"] == pytest.approx(z.abs().mean().item() / 4)
    assert (result["fz"], result["ffz"]) == (judge.scores(z / 2), judge.scores(z / 4))
    first = z[: judge.few].abs().mean().item()
    assert result["settle"]["move"] == pytest.approx([first / 2**k for k in range(2, 11)])
    for name in CORRUPTIONS:
        damaged, found = damage(name, x), result["restoration"][name]
        wanted = {"once": mae(x, damaged / 2), "twice": mae(x, damaged / 4), "literal": mae(damaged, damaged / 2)}
        assert {key: found[key] for key in wanted} == pytest.approx(wanted)
        each = [mae(x[:100], damage(name, x[:100], level) / 2) for level in LEVELS[name]]
        assert result["levels"][name]["once"] == pytest.approx(each)


def test_a_judge_compares_with_the_test_part(judge):
    real = judge.data.take(slice(0, 120))
    x, y, found = judge.x.flatten(1), real.flatten(1), judge.scores(real)
    assert torch.equal(judge.x, judge.data.test.take(slice(0, 120)))
    assert torch.equal(judge.y, judge.data.test.labels[:120])
    assert (found["pixel_coverage"], found["pixel_density"]) == shares.coverage_density(x, y, shares.radii(x))
    assert images.floor(judge)["halves"] > 1e-3


def test_real_images_score_best(judge):
    real = judge.data.take(slice(0, 120))
    noise = torch.randn(120, 1, 32, 32)
    good, bad = judge.scores(real), judge.scores(noise)
    assert good["fld"] < 0.2 * bad["fld"]
    assert good["coverage"] > 10 * bad["coverage"]
    assert good["pixel_coverage"] > 0.2 > 10 * bad["pixel_coverage"]
    assert judge.scores(judge.x)["fld"] == pytest.approx(0, abs=1e-3)
    assert images.floor(judge)["train"] == judge.scores(real)


def test_the_norms_differ_in_what_the_search_sees(judge):
    source, found = StandardNormal((1, 32, 32)), {}
    for norm in ("batch", "group"):
        f = models.seeded(lambda norm=norm: models.ConvAutoencoder((1, 32, 32), 8, norm), 0)
        before = {k: v.clone() for k, v in f.state_dict().items()}
        found[norm] = images.winners(f, source, judge.x[:20], 200)
        assert all(torch.equal(v, before[k]) for k, v in f.state_dict().items())  # measuring changes nothing
    searched, trained, used = found["group"].values()
    assert searched == pytest.approx(trained, rel=1e-5) == pytest.approx(used, rel=1e-5)
    assert abs(found["batch"]["searched"] - found["batch"]["used"]) > 1e-3


def test_failures_are_digits_that_became_others(judge):
    eight = judge.x[judge.y == 8][:1]
    (x, damaged, restored), read = images.failures(Constant(eight[0]), "noise", judge, count=5)
    assert len(x) == len(damaged) == len(restored) == len(read) == 5
    assert all(not text.startswith("8") for text in read)
    assert torch.equal(restored, eight.expand(5, -1, -1, -1))
    assert not torch.equal(x, damaged)


def test_images_that_are_no_digits_are_judged_by_their_pixels():
    judge = Judge(TensorData(torch.rand(FEW + 1, 3, 8, 8) * 2 - 1))
    result, _ = images.measure(nn.Sequential(nn.Identity()), StandardNormal((3, 8, 8)), judge)
    assert set(result["fz"]) == {"coverage", "density"}
    assert "changed" not in result["restoration"]["blur"]


def test_few_images_are_asked_for_one_by_one():
    x = torch.rand(30, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    judge = Judge(TensorData(x[:24], None, TensorData(x[24:])))
    result, pictures = images.measure(nn.Identity(), StandardNormal((3, 16, 16)), judge)
    assert result["n"] == fewshot.SAMPLES
    assert sum(result["fz"]["pixels"]["counts"]) == fewshot.SAMPLES
    assert result["fz"].keys() == {"pixels", "shapes", "sharpness"}
    assert result["rec"] == result["gap"] == 0
    assert pictures["fz"].shape == (16, 3, 16, 16)
    probe = images.probes(nn.Identity(), StandardNormal((3, 16, 16)), {0: {}}, judge)["0"]
    assert probe.keys() == {"covered", "diversity", "ffz_covered"}
    assert probe["covered"] == probe["ffz_covered"]
    plain = images.floor(judge)["baselines"]
    assert plain["noise"].keys() == {"median filter", "PCA"}
    assert 0 < plain["noise"]["PCA"] < result["restoration"]["noise"]["damaged"]
    assert images.floor(Judge(TensorData(x))) == {}


def test_scores_during_training_are_those_of_the_snapshots(judge):
    eights, ones = (judge.x[judge.y == digit][:1][0] for digit in (8, 1))
    f = Constant(eights)
    snapshots = {10: {"value": eights}, 0: {"value": ones}}
    found = images.probes(f, StandardNormal((1, 32, 32)), snapshots, judge)
    assert list(found) == ["0", "10"]
    for step, image in (("0", ones), ("10", eights)):
        assert found[step]["fz"] == found[step]["ffz"] == judge.fld(image.expand(judge.few, -1, -1, -1))
    assert torch.equal(f.value, eights)
