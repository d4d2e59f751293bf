"""Samples of a model trained on few images: do they cover them, vary, repeat them, are they as sharp?"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from naign.evaluate import SEED
from naign.evaluate.shares import frechet

SAMPLES = 1_000
QUANTILES = 21
CELL, BINS = 8, 9  # pixels a side and orientations of a histogram
CUTOFF = 0.25  # cycles a pixel; the grid resolves up to 0.5
PATCH, STRIDE, FEATURES = 8, 4, 64


def scores(fz: Tensor, x: Tensor) -> dict[str, dict]:
    """Samples (m, C, H, W) and training images (n, C, H, W), in [-1, 1], `compared` in pixels; if large, also by `hog`,
    and how sharp they are beside them.
    """
    result = {"pixels": compared(fz.flatten(1), x.flatten(1))}
    if min(x.shape[2:]) >= 2 * CELL:
        result |= {"shapes": compared(hog(fz), hog(x)), "sharpness": sharpness(fz, x)}
    return result


def compared(fz: Tensor, x: Tensor) -> dict[str, float | list]:
    """How samples (m, D) lie among training points (n, D), by Euclidean distance; ValueError if m or n is below 2.

    Returns
    -------
    dict
        covered : share of training points that are some sample's nearest one
        effective : exp of the entropy of the samples' shares: the number of training points
            that would serve them evenly, 1 to n
        diversity : mean distance between two samples over that between two training points
        ratio : median distance of a sample to its nearest training point over that of a training
            point to its nearest other; 0 for copies
        samples, training : quantiles of these two distances, the latter's median as unit
        counts : samples a training point, (n,)
    """
    if len(fz) < 2 or len(x) < 2:
        raise ValueError(f"{len(fz)} samples and {len(x)} training points: at least 2 of each are needed.")

    def mean(distances: Tensor) -> Tensor:  # off the diagonal
        return distances.sum() / (len(distances) * (len(distances) - 1))

    to_training, index = torch.cdist(fz, x).min(1)
    among = torch.cdist(x, x)
    others = among.clone().fill_diagonal_(math.inf).min(1).values
    counts = torch.bincount(index, minlength=len(x))
    shares = counts[counts > 0] / len(fz)
    unit = others.median().clamp_min(1e-12)
    at = torch.linspace(0, 1, QUANTILES)
    return {
        "covered": (counts > 0).float().mean().item(),
        "effective": math.exp(-(shares * shares.log()).sum().item()),
        "diversity": (mean(torch.cdist(fz, fz)) / mean(among).clamp_min(1e-12)).item(),
        "ratio": (to_training.median() / unit).item(),
        "samples": [round(q, 4) for q in (to_training / unit).quantile(at).tolist()],
        "training": [round(q, 4) for q in (others / unit).quantile(at).tolist()],
        "counts": counts.tolist(),
    }


def hog(images: Tensor) -> Tensor:
    """Histograms of oriented gradients (Dalal and Triggs 2005), scikit-image's: shapes rather than colours, (n, D).

    Of images (n, C, H, W) in [-1, 1], H and W at least 16: cells of 8 x 8 pixels, 9 unsigned orientations, blocks of
    2 x 2 cells with Euclidean norm 1; of several channels each pixel takes the steepest.
    """
    from skimage.feature import hog as of_one

    arrays = images.float().add(1).div(2).movedim(1, -1).numpy()
    found = [of_one(a, BINS, (CELL, CELL), (2, 2), block_norm="L2", channel_axis=-1) for a in arrays]
    return torch.from_numpy(np.stack(found)).float()


def high_frequency(images: Tensor) -> float:
    """Share, in [0, 1], of the energy of images (n, C, H, W) at frequencies of more than `CUTOFF` cycles a pixel.

    The mean over images of: the power spectrum beyond the radius over all of it, without the mean of each channel. A
    Hann window keeps the jump from one edge to the other out. 0 for constant images.
    """
    h, w = images.shape[2:]
    window = torch.outer(torch.hann_window(h), torch.hann_window(w))
    centred = images.float() - (images.float() * window).mean((2, 3), keepdim=True) / window.mean()
    power = torch.fft.fft2(centred * window).abs().square().sum(1)  # (n, H, W)
    radius = torch.hypot(torch.fft.fftfreq(h)[:, None], torch.fft.fftfreq(w))
    share = power[:, radius > CUTOFF].sum(1) / power.sum((1, 2)).clamp_min(1e-12)
    return share.mean().item()


def patch_distance(a: Tensor, b: Tensor) -> float:
    """Fréchet distance of the patches of images (n, C, H, W) and (m, C, H, W), in random features; 0 or more.

    Patches of 8 x 8 pixels, 4 apart, each 64 numbers relu(<w, patch>) with w drawn once from N(0, I / its size): blind
    to what an image shows, and alike whether it shows it here or there.
    """
    generator, channels = torch.Generator().manual_seed(SEED), a.shape[1]
    kernels = torch.randn(FEATURES, channels, PATCH, PATCH, generator=generator) / (channels * PATCH**2) ** 0.5
    features = (functional.conv2d(images.float(), kernels, stride=STRIDE).relu() for images in (a, b))
    return frechet(*(y.movedim(1, -1).flatten(0, 2).numpy() for y in features))


def sharpness(images: Tensor, photographs: Tensor) -> dict[str, float]:
    """Both measures of images, "patches" against photographs; and "real", the share of these at high frequencies."""
    found = {"high": high_frequency(images), "real": high_frequency(photographs)}
    return found | {"patches": patch_distance(images, photographs)}
