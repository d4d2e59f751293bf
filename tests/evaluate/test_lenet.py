"""The LeNet that ships, and its training."""

import os

import pytest
import torch

from naign.data.sets import Digits, Mnist
from naign.evaluate import lenet


def test_the_shipped_lenet_reads_digits_and_knows_how_well():
    net, record = lenet.load()
    assert record["accuracy"]["test"] >= 0.99
    assert "dirty" not in record["commit"]
    data = Digits().load()  # another data set, far blurrier: well above chance is enough
    x = data.test.take(slice(None))
    assert (lenet.labels(net, x) == data.test.labels).float().mean() > 0.5
    assert lenet.features(net, x[:7]).shape == (7, 84)
    assert lenet.features(net, x[:7]).min() >= 0


@pytest.mark.skipif(not os.environ.get("NAIGN_DATA"), reason="needs MNIST")
def test_the_lenets_accuracy_is_the_recorded_one():
    net, record = lenet.load()
    test = Mnist().load().test
    right = torch.cat([lenet.labels(net, part) for part in test.take(slice(None)).split(1000)]) == test.labels
    assert right.float().mean().item() == pytest.approx(record["accuracy"]["test"], abs=2e-4)


def test_lenet_training_learns_and_its_file_comes_back(tmp_path):
    net, record = lenet.train(Digits().load(), epochs=6, progress=False)
    assert record["accuracy"]["test"] > 0.7
    lenet.save(net, record, tmp_path / "new" / "lenet.safetensors")
    again, same = lenet.load(tmp_path / "new" / "lenet.safetensors")
    x = torch.randn(3, 1, 32, 32)
    assert torch.equal(net(x), again(x))
    assert same == record
    with pytest.raises(ValueError, match="does not exist"):
        lenet.load(tmp_path / "none.safetensors")
