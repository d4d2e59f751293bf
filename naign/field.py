"""A field that moves generated samples onto the data without a search (Generative modelling via drifting, 2602.04770).

Every generated sample is drawn to the data and pushed away by the other generated samples. Where both have one
distribution the two forces cancel, so a field at rest means that f(z) is distributed as the data.
"""

import torch
from torch import Tensor

from naign.matching import distances

RADII = (0.02, 0.05, 0.2)


@torch.no_grad()
def field(
    y: Tensor, x: Tensor, others: Tensor | None = None, radii: tuple[float, ...] = RADII, scaled: bool = True
) -> Tensor:
    """V(y_i), the sum over radii R of V_R(y_i) = b_i sum_j A_ij x_j - a_i sum_k B_ik o_k, where a_i = sum_j A_ij and
    b_i = sum_k B_ik.

    The weights A of the data and B of the generated samples are one matrix, the geometric mean of two softmaxes
    of -distance / R: over its rows, where each sample chooses among all points, and over its columns, where each point
    chooses its sample, as the data of IMLE do. Distances count in units of their mean. No gradient is recorded.

    Parameters
    ----------
    y : (B, *D), where the field is asked for
    x : (N, *D), data, which attract
    others : (M, *D), generated samples, which repel; by default y itself, of which none repels itself
    radii : positive, as shares of the mean distance
    scaled : whether each V_R is divided by its root mean square; otherwise by a_i b_i, which makes it the
        difference of two weighted means, and 0 where nothing is near enough to draw or to push

    Returns
    -------
    Tensor
        (B, *D); ValueError if a single sample is asked to repel itself
    """
    itself = others is None
    if itself and len(y) < 2:
        raise ValueError("the field of 1 sample has nothing that repels: give at least 2.")
    points = torch.cat([x, y if itself else others]).flatten(1)
    gaps, n = distances(y, points), len(x)
    gaps /= gaps.sum() / (gaps.numel() - len(y) * itself)
    if itself:
        gaps[:, n:].fill_diagonal_(float("inf"))
    total = torch.zeros_like(y.flatten(1))
    for radius in radii:
        closeness = gaps / -radius
        weights = (0.5 * (closeness.log_softmax(1) + closeness.log_softmax(0))).exp()
        drawn, pushed = weights[:, :n], weights[:, n:]
        a, b = drawn.sum(1, keepdim=True), pushed.sum(1, keepdim=True)
        force = torch.cat([b * drawn, -a * pushed], 1) @ points
        if scaled:
            total += force / force.square().mean().sqrt().clamp_min(1e-12)
        else:
            total += torch.where(torch.minimum(a, b) > 1e-6, force / (a * b), 0)
    return total.view_as(y)
