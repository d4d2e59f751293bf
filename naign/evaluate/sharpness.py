"""How sharp images are beside others: their energy at high frequencies, and their patches in random features."""

import torch
from torch import Tensor
from torch.nn import functional

from naign.evaluate import SEED
from naign.evaluate.shares import frechet

CUTOFF = 0.25  # cycles a pixel; the grid resolves up to 0.5
PATCH, STRIDE, FEATURES = 8, 4, 64


def high_frequency(images: Tensor, cutoff: float = CUTOFF) -> float:
    """Share, in [0, 1], of the energy of images (n, C, H, W) at frequencies of more than `cutoff` cycles a pixel.

    The mean over images of: the power spectrum beyond the radius over all of it, without the mean of each channel. A
    Hann window keeps the jump from one edge to the other out. 0 for constant images.
    """
    h, w = images.shape[2:]
    window = torch.outer(torch.hann_window(h), torch.hann_window(w))
    centred = images.float() - (images.float() * window).mean((2, 3), keepdim=True) / window.mean()
    power = torch.fft.fft2(centred * window).abs().square().sum(1)  # (n, H, W)
    radius = torch.hypot(torch.fft.fftfreq(h)[:, None], torch.fft.fftfreq(w))
    share = power[:, radius > cutoff].sum(1) / power.sum((1, 2)).clamp_min(1e-12)
    return share.mean().item()


def patch_distance(a: Tensor, b: Tensor) -> float:
    """Fréchet distance of the patches of images (n, C, H, W) and (m, C, H, W), in random features; 0 or more.

    Patches of 8 x 8 pixels, 4 apart, each 64 numbers relu(<w, patch>) with w drawn once from N(0, I / its size): blind
    to what an image shows, and alike whether it shows it here or there.
    """
    return frechet(patch_features(a).numpy(), patch_features(b).numpy())


def patch_features(images: Tensor) -> Tensor:
    """Those of every patch of images (n, C, H, W), (n * patches, 64)."""
    generator, channels = torch.Generator().manual_seed(SEED), images.shape[1]
    kernels = torch.randn(FEATURES, channels, PATCH, PATCH, generator=generator) / (channels * PATCH**2) ** 0.5
    return functional.conv2d(images.float(), kernels, stride=STRIDE).relu().movedim(1, -1).flatten(0, 2)


def scores(images: Tensor, photographs: Tensor) -> dict[str, float]:
    """Both measures of images, "patches" against photographs; and "real", the share of these at high frequencies."""
    found = {"high": high_frequency(images), "real": high_frequency(photographs)}
    return found | {"patches": patch_distance(images, photographs)}
