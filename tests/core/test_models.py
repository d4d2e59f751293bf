"""The encoder and decoder: its layout, both norms, and what is refused."""

import pytest
import torch
from torch import nn

from naign import models
from naign.models import ConvAutoencoder


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 32, 32), (3, 64, 64)])
def test_images_come_out_in_their_shape_and_range(shape, norm):
    f = ConvAutoencoder(shape, 8, norm)
    y = f(3 * torch.randn(2, *shape))
    assert y.shape == (2, *shape)
    assert y.abs().max() <= 1
    y.sum().backward()
    assert all(p.grad is not None for p in f.parameters())


def test_the_papers_layout_layer_by_layer():
    f = ConvAutoencoder((1, 32, 32), 64, "batch")
    convolutions = [m for m in f.net if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    channels = [1, 64, 128, 256, 256, 256, 128, 64, 1]
    assert [(m.in_channels, m.out_channels) for m in convolutions] == list(zip(channels, channels[1:], strict=False))
    assert all(m.kernel_size == (4, 4) for m in convolutions)
    norms = [i for i, m in enumerate(f.net) if isinstance(m, nn.BatchNorm2d)]
    assert [f.net[i].num_features for i in norms] == [128, 256, 256, 128, 64]  # none on first layer, code and output
    sizes, h = [], torch.zeros(2, 1, 32, 32)
    for layer in f.net:
        h = layer(h)
        if layer in convolutions:
            sizes.append(h.shape[-1])
    assert sizes == [16, 8, 4, 1, 4, 8, 16, 32]
    deeper = ConvAutoencoder((3, 64, 64), 64, "batch").net
    assert [m.out_channels for m in deeper if isinstance(m, nn.Conv2d)] == [64, 128, 256, 512, 512]


def test_group_norm_treats_each_image_alone_and_batch_norm_does_not():
    x, other = torch.randn(4, 1, 32, 32), torch.randn(4, 1, 32, 32)
    for norm, alone in (("group", True), ("batch", False)):
        f = models.seeded(lambda norm=norm: ConvAutoencoder((1, 32, 32), 8, norm), 0).train()
        assert torch.allclose(f(torch.cat([x, other]))[:4], f(x), atol=1e-5) == alone


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (((1, 28, 28), 8), r"images of shape \(1, 28, 28\): give \(C, H, H\) with H = 8, 16, 32"),
        (((1, 32, 16), 8), "images of shape"),
        (((5,), 8), "images of shape"),
    ],
)
def test_impossible_networks_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        ConvAutoencoder(*arguments)
    with pytest.raises(ValueError, match="width is 12: .* multiple of 8"):
        models.Convolutional(12, "group")


def test_half_precision_stays_near_single():
    f = models.seeded(lambda: ConvAutoencoder((1, 32, 32), 16, "group"), 0)
    x = torch.randn(4, 1, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        half = f(x)
    assert half.dtype == torch.float32
    assert (half - f(x)).abs().max() < 0.05


def test_under_autocast_the_ends_of_an_mlp_stay_in_single_precision():
    f, seen = models.MLP((2,), 8, 2), []
    for layer in f.net:
        layer.register_forward_hook(lambda layer, inputs, y: seen.append(y.dtype))
    with torch.autocast("cpu", torch.bfloat16):
        f(torch.randn(4, 2))
    assert seen[0] == seen[-1] == torch.float32 and seen[2] == torch.bfloat16
