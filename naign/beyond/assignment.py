"""An exact assignment of samples to data in place of Eq. 8 (chapter 6)."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from naign import losses
from naign.base import distributed
from naign.base.settings import Field
from naign.matching import Memory, Pairs, distances, distinct_share, images
from naign.methods import Terms, ThreeTerms, method, spread, together
from naign.sources import Sampler


def assignment(cost: Tensor) -> Tensor:
    """The permutation s of least sum_i cost[i, s(i)], (N, N) -> (N,), exactly, by scipy's solver on the host.

    It is the optimal transport between two samples of one size: every data point gets one sample, and
    every sample a data point.
    """
    from scipy.optimize import linear_sum_assignment

    rows = linear_sum_assignment(cost.T.cpu().numpy())[1]  # of each column: the solver is faster from that side
    return torch.as_tensor(rows).argsort().to(cost.device)  # the inverse of that permutation


class Pool(Memory):
    """Pairs matched by the many and handed out by the few.

    `size` noises and as many data points are matched at once, which evens out the accidents of a
    batch; the pairs are then gone through `reuse` times, N at a time, in a new order each time.
    """

    def __init__(self, method: "Balanced", data: Sampler, size: int):
        super().__init__()
        self.method, self.data, self.size = method, data, size

    @torch.no_grad()
    def search(self, f: nn.Module, x: Tensor, source: Sampler, generator: torch.Generator) -> Pairs:
        """The next N = len(x) pairs."""
        n, m = len(x), self.size
        if not self.held or len(self.held["order"]) < n:
            z, points = source.sample(m, generator), self.data.sample(m, generator)
            chosen = torch.empty(m, dtype=torch.long, device=z.device)
            if distributed.rank() == 0:
                chosen = self.method.match(z, images(f, z), points)
            chosen = distributed.from_first(chosen)
            rounds = range(self.method.reuse)
            order = torch.cat([torch.randperm(m, generator=generator, device=z.device) for _ in rounds])
            self.held = {"0": z, "1": points[chosen], "2": distinct_share(chosen, m), "order": order}
        now, self.held["order"] = self.held["order"][:n], self.held["order"][n:]
        return self.held["0"][now], self.held["1"][now], self.held["2"]


@method("naign-balanced", "balanced", "#882255")
class Balanced(ThreeTerms):
    """NAIGN with an optimal assignment in place of the nearest: a sample for every data point, and the reverse.

    min over permutations s of sum_i c(z_i, x_s(i)), solved exactly for a pool of pairs, with

        c(z, x) = |f(z) - x|^p + w |z - x|^q

    in Euclidean distances. Exponents below 1 make the cost concave: mass that is in place stays, and the surplus
    of a mode goes all the way to where it lacks (Gangbo and McCann 1996). The second term picks that surplus among
    the noises that are no data: f(x) = x holds the others fast.
    """

    pool: int = Field(4, ge=1, le=10**4, description="pairs matched at once, as a multiple of the batch size N")
    reuse: int = Field(4, ge=1, le=10**4, description="times each pair is used before the next pool")
    power: float = Field(0.5, gt=0, description="p")
    source_power: float = Field(0.25, gt=0, description="q")
    w_source: float = Field(3.0, ge=0, description="w")

    divisible: ClassVar[bool] = True  # as of `NAIGN`

    def terms(self, f: nn.Module, x: Tensor, source: Sampler, generator: torch.Generator, found: Pairs) -> Terms:
        """As those of `NAIGN`; the noises matched are plain draws, so idempotence is asked of their images."""
        z, target, distinct = found
        fx, fz = together(f, x, z)
        rec, imle = losses.reconstruction(x, fx, self.distance), losses.imle(target, fz, self.distance)
        idem = self.idem(f, fz) if self.w_idem else torch.zeros_like(rec)
        return self.weighted(rec, imle, idem) | {"distinct": distinct, "spread": spread(x, fx)}

    def searcher(self, data: Sampler, n: int) -> Pool:
        """What finds and remembers the pairs of a training on `data` with batches of n."""
        return Pool(self, data, self.pool * n)

    def searched(self, n: int, size: int) -> tuple[int, int]:
        """As of `NAIGN`: the pool is matched at once."""
        m = self.pool * n
        return m * m, 6 * m * m + 4 * m * (size + self.reuse)

    def match(self, z: Tensor, fz: Tensor, x: Tensor) -> Tensor:
        """The data point of each noise: z, fz, x (M, *D) -> (M,) integers."""
        return assignment(self.cost(z, fz, x))

    def cost(self, z: Tensor, fz: Tensor, x: Tensor) -> Tensor:
        """c of every noise z_i with image f(z_i) and every data point x_j, (M, M)."""
        result = distances(fz, x).pow(self.power)
        if self.w_source:
            result += self.w_source * distances(z, x).pow(self.source_power)
        return result
