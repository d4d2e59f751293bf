"""What is measured on images, for networks whose answers are known."""

import os

import pytest
import torch
from torch import nn

from naign import downloads, fewshot, images, lenet, metrics, models, restoration
from naign.corruptions import CORRUPTIONS
from naign.images import TensorData
from naign.restoration import Judge
from naign.sources import StandardNormal


class Constant(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = nn.Parameter(value)

    def forward(self, x):
        return self.value.expand_as(x)


@pytest.fixture(scope="module")
def judge():
    return Judge(images.digits(), n=120)


def test_the_shipped_lenet_reads_digits_and_knows_how_well():
    net, record = lenet.load()
    assert record["accuracy"]["test"] >= 0.99
    assert "dirty" not in record["commit"]
    data = images.digits()  # another data set, far blurrier: well above chance is enough
    x = data.test.take(slice(None))
    assert (lenet.labels(net, x) == data.test.labels).float().mean() > 0.5
    assert lenet.features(net, x[:7]).shape == (7, 84)
    assert lenet.features(net, x[:7]).min() >= 0


@pytest.mark.skipif(not os.environ.get("NAIGN_DATA"), reason="needs MNIST")
def test_the_lenets_accuracy_is_the_recorded_one():
    net, record = lenet.load()
    test = downloads.mnist().test
    right = torch.cat([lenet.labels(net, part) for part in test.take(slice(None)).split(1000)]) == test.labels
    assert right.float().mean().item() == pytest.approx(record["accuracy"]["test"], abs=2e-4)


def test_lenet_training_learns_and_its_file_comes_back(tmp_path):
    net, record = lenet.train(images.digits(), epochs=6, progress=False)
    assert record["accuracy"]["test"] > 0.7
    lenet.save(net, record, tmp_path / "new" / "lenet.safetensors")
    again, same = lenet.load(tmp_path / "new" / "lenet.safetensors")
    x = torch.randn(3, 1, 32, 32)
    assert torch.equal(net(x), again(x))
    assert same == record
    with pytest.raises(ValueError, match="does not exist"):
        lenet.load(tmp_path / "none.safetensors")


def test_the_identity_reconstructs_settles_and_repairs_nothing(judge):
    f = nn.Sequential(nn.Identity())
    result, pictures = restoration.measure(f, StandardNormal((1, 32, 32)), judge)
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
    assert pictures["fz"].shape == (64, 1, 32, 32)
    assert len(set(result["winners"].values())) == 1


def test_a_constant_network_scores_as_a_constant(judge):
    eight = judge.x[judge.y == 8][:1]
    result, _ = restoration.measure(Constant(eight[0]), StandardNormal((1, 32, 32)), judge)
    apart = (judge.x - eight).abs().mean().item()
    assert result["rec"] == pytest.approx(apart)
    assert all(result["restoration"][name]["once"] == pytest.approx(apart) for name in CORRUPTIONS)
    assert result["gap"] == 0
    assert result["fz"]["coverage"] < 0.2
    assert max(result["classes"]) == 1
    shift = judge.real.mean(0) - judge.features(eight)[0]
    spread = metrics.np.trace(metrics.np.cov(judge.real, rowvar=False))
    assert result["fz"]["fld"] == pytest.approx((shift**2).sum() + spread, rel=1e-4)


def test_real_images_score_best(judge):
    real = judge.data.take(slice(0, 120))
    noise = torch.randn(120, 1, 32, 32)
    good, bad = judge.scores(real), judge.scores(noise)
    assert good["fld"] < 0.2 * bad["fld"]
    assert good["coverage"] > 10 * bad["coverage"]
    assert good["pixel_coverage"] > 0.2 > 10 * bad["pixel_coverage"]
    assert judge.scores(judge.x)["fld"] == pytest.approx(0, abs=1e-3)
    assert restoration.floor(judge)["train"] == judge.scores(real)


def test_the_norms_differ_in_what_the_search_sees(judge):
    source, found = StandardNormal((1, 32, 32)), {}
    for norm in models.NORMS:
        f = models.seeded(lambda norm=norm: models.ConvAutoencoder((1, 32, 32), 8, norm), 0)
        before = {k: v.clone() for k, v in f.state_dict().items()}
        found[norm] = restoration.winners(f, source, judge.x[:20], 200)
        assert all(torch.equal(v, before[k]) for k, v in f.state_dict().items())  # measuring changes nothing
    searched, trained, used = found["group"].values()
    assert searched == pytest.approx(trained, rel=1e-5) == pytest.approx(used, rel=1e-5)
    assert abs(found["batch"]["searched"] - found["batch"]["used"]) > 1e-3


def test_failures_are_digits_that_became_others(judge):
    eight = judge.x[judge.y == 8][:1]
    (x, damaged, restored), read = restoration.failures(Constant(eight[0]), "noise", judge, count=5)
    assert len(x) == len(damaged) == len(restored) == len(read) == 5
    assert all(not text.startswith("8") for text in read)
    assert torch.equal(restored, eight.expand(5, -1, -1, -1))
    assert not torch.equal(x, damaged)


def test_images_that_are_no_digits_are_judged_by_their_pixels():
    judge = Judge(TensorData(torch.rand(fewshot.FEW + 1, 3, 8, 8) * 2 - 1))
    result, _ = restoration.measure(nn.Sequential(nn.Identity()), StandardNormal((3, 8, 8)), judge)
    assert set(result["fz"]) == {"coverage", "density"}
    assert "changed" not in result["restoration"]["blur"]
    assert judge.probe(StandardNormal((3, 8, 8)))(nn.Linear(8, 8)).keys() == {"gap"}


def test_few_images_are_asked_for_one_by_one():
    x = torch.rand(30, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    judge = Judge(TensorData(x[:24], None, TensorData(x[24:])))
    result, pictures = restoration.measure(nn.Identity(), StandardNormal((3, 16, 16)), judge)
    assert result["n"] == fewshot.SAMPLES
    assert sum(result["fz"]["pixels"]["counts"]) == fewshot.SAMPLES
    assert result["fz"].keys() == {"pixels", "shapes"}
    assert result["rec"] == result["gap"] == 0
    assert pictures["fz"].shape == (64, 3, 16, 16)
    assert judge.probe(StandardNormal((3, 16, 16)))(nn.Identity()).keys() == {"covered", "diversity", "ffz_covered"}
    plain = restoration.floor(judge)["baselines"]
    assert plain["noise"].keys() == {"median filter", "PCA"}
    assert 0 < plain["noise"]["PCA"] < result["restoration"]["noise"]["damaged"]
    assert restoration.floor(Judge(TensorData(x))) == {}


def test_a_curve_lines_up_the_seeds():
    runs = [{"probes": {"0": {"fz": 9.0, "seconds": 0.0}, "10": {"fz": i, "seconds": 2.0 + i}}} for i in (1.0, 3.0)]
    at, values = restoration.curve(runs, "fz")
    assert at == [0, 10]
    assert values.tolist() == [[9, 1], [9, 3]]
    assert restoration.curve(runs, "fz", "seconds")[0] == [0, 4]
