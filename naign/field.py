"""A field that moves generated samples onto the data without a search (Generative Modeling via Drifting, 2602.04770).

Every generated sample is drawn to the data and pushed away by the other generated samples. Where both have one
distribution the two forces cancel: with the field at rest, f(z) is distributed as the data.
"""

import torch
from torch import Tensor
from torch.nn import functional

from naign.matching import distances

RADII = (0.02, 0.05, 0.2)
LEAST = 1e-6  # total weight below which nothing is near enough to draw or to push


@torch.no_grad()
def field(
    y: Tensor, x: Tensor, others: Tensor | None = None, radii: tuple[float, ...] = RADII, features: str = "pixels"
) -> Tensor:
    """V(y_i), the sum over radii R of the weighted mean of the data less that of the other samples,

        V_R(y_i) = sum_j A_ij x_j / sum_j A_ij - sum_k B_ik o_k / sum_k B_ik.

    The weights A of the data and B of the generated samples are one matrix, the geometric mean of two softmaxes
    of -distance / R: over its rows, where each sample chooses among all points, and over its columns, where each point
    chooses its sample, as the data of IMLE do. Distances count in units of their mean. No gradient is recorded.

    Parameters
    ----------
    y : (B, *D), where the field is asked for
    x : (N, *D), data, which attract
    others : (M, *D), generated samples, which repel; by default y itself, of which none repels itself
    radii : positive, as shares of the mean distance
    features : what distances are of: "pixels", the coordinates themselves, or of images the `convolutions`

    Returns
    -------
    Tensor
        (B, *D); V_R is 0 where no point is near enough to draw, or none to push. ValueError if a single sample is
        asked to repel itself.
    """
    itself = others is None
    if itself and len(y) < 2:
        raise ValueError("the field of 1 sample has nothing that repels: give at least 2.")
    points = torch.cat([x, y if itself else others])
    seen = torch.cat([points, y])
    seen = convolutions(seen) if features == "convolutions" else seen.flatten(1)
    points, n = points.flatten(1), len(x)
    gaps = distances(seen[len(points) :], seen[: len(points)])
    gaps /= gaps.sum() / (gaps.numel() - len(y) * itself)
    if itself:
        gaps[:, n:].fill_diagonal_(float("inf"))
    weights = torch.zeros_like(gaps)
    for radius in radii:
        closeness = gaps / -radius
        mutual = (closeness.log_softmax(1) + closeness.log_softmax(0)).mul_(0.5).exp_()
        a, b = (part.sum(1, keepdim=True) for part in (mutual[:, :n], mutual[:, n:]))
        near = torch.minimum(a, b) > LEAST
        weights[:, :n] += torch.where(near, mutual[:, :n] / a, 0)
        weights[:, n:] -= torch.where(near, mutual[:, n:] / b, 0)
    return (weights @ points).view_as(y)


def convolutions(x: Tensor, channels: tuple[int, ...] = (32, 64, 64)) -> Tensor:
    """Images (n, C, H, W) beside layers of random convolutions of them, which halve the side, (n, features).

    Each layer is scaled to have the samples at distance 1 from their mean, on average.
    """
    generator, found, a = torch.Generator().manual_seed(0), [x], x
    for out in channels:
        kernels = torch.randn(out, a.shape[1], 5, 5, generator=generator).to(x) * (2 / (25 * a.shape[1])) ** 0.5
        a = functional.conv2d(a, kernels, stride=2, padding=2).relu()
        found.append(a)
    centred = [(b - b.mean(0)).flatten(1) for b in found]
    return torch.cat([b / b.norm(dim=1).mean().clamp_min(1e-12) for b in centred], 1)
