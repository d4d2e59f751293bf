"""A field that moves generated samples onto the data without a search (Generative Modeling via Drifting, 2602.04770).

Every generated sample is drawn to the data and pushed away by the other generated samples. Where both have one
distribution the two forces cancel: with the field at rest, f(z) is distributed as the data.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from naign import losses
from naign.base.settings import Field, Numbers
from naign.matching import distances
from naign.methods import Terms, ThreeTerms, method, spread, together
from naign.sources import Sampler

RADII = (0.02, 0.05, 0.2)
LEAST = 1e-6  # total weight below which nothing is near enough to draw or to push


@torch.no_grad()
def field(y: Tensor, x: Tensor, others: Tensor | None = None, radii: tuple[float, ...] = RADII) -> Tensor:
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

    Returns
    -------
    Tensor
        (B, *D); V_R is 0 where no point is near enough to draw, or none to push. ValueError if a single sample is
        asked to repel itself.
    """
    itself = others is None
    if itself and len(y) < 2:
        raise ValueError("the field of 1 sample has nothing that repels: give at least 2.")
    points = torch.cat([x, y if itself else others]).flatten(1)
    gaps, n = distances(y, points), len(x)
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


@method("naign-field", "field", "#117733")
class ByField(ThreeTerms):
    """NAIGN with a field in place of the search: each f(z) is moved along `field`, half of

        E |f(z) - [f(z) + V(f(z))]|^2 / D,    [.] held fixed,

    where V vanishes once f(z) is distributed as the data. The batch of N data is what the field sees, at no cost to
    the network, so they may be many: `generated` noises are drawn for them, and `reconstructed` of them are what f is
    asked to leave alone, as many as the samples of which idempotence is asked.
    """

    w_idem: float = Field(0.0, ge=0, le=1e6, description="weight of idempotence; 0 leaves the term out")
    generated: float = Field(1.0, gt=0, le=100, description="noises a step, as a multiple of the batch size N")
    reconstructed: float = Field(1.0, gt=0, le=1, description="data that f is asked to leave alone, as a share of N")
    radii: Numbers = Field(RADII, description="of the field, as shares of the mean distance")

    columns: ClassVar[tuple[str, ...]] = ("rec", "field", "idem", "total", "spread")

    def __post_init__(self):
        if not self.radii or min(self.radii) <= 0:
            raise ValueError(f"radii is {self.radii}: give one or more positive numbers.")

    def searched(self, n: int, size: int) -> tuple[int, int]:
        """As of `NAIGN`: each generated sample is compared with all samples."""
        m = self.count(n)
        return m * (n + m), 6 * m * (n + m) + 8 * m * size

    def passes(self, n: int) -> int:
        """How many samples of a batch of n go through f."""
        return self.count(n) + round(self.reconstructed * n)

    def count(self, n: int) -> int:
        """Generated samples for a batch of n; at least 2, since one repels nothing."""
        return max(2, round(self.generated * n))

    def terms(self, f: nn.Module, x: Tensor, source: Sampler, generator: torch.Generator) -> Terms:
        """The loss terms of one batch x (N, *D), their weighted total, and the spread."""
        few, n = max(1, round(self.reconstructed * len(x))), self.count(len(x))
        kept = x[:few]
        fx, fz = together(f, kept, source.sample(n, generator))
        rec = losses.reconstruction(kept, fx, self.distance)
        y = fz.detach().float()
        target = y + field(y, x, radii=self.radii)
        moved = 0.5 * (fz - target).square().mean()
        idem = self.idem(f, fz[:few]) if self.w_idem else torch.zeros_like(rec)
        return self.weighted(rec, moved, idem) | {"field": moved, "spread": spread(kept, fx)}
