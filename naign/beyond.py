"""Beyond the paper: other generative terms in NAIGN's place of Eq. 8."""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from naign import losses, matching
from naign.base.settings import Field, Numbers
from naign.field import RADII, field
from naign.matching import Pairs
from naign.methods import Terms, ThreeTerms, method, spread, together
from naign.sources import Sampler


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

    def searcher(self, data: Sampler, n: int, generator: torch.Generator) -> matching.Pool:
        """What finds and remembers the pairs of a training on `data` with batches of n."""
        return matching.Pool(self.match, data, self.pool * n, self.reuse)

    def searched(self, n: int, size: int) -> tuple[int, int]:
        """As of `NAIGN`: the pool is matched at once."""
        m = self.pool * n
        return m * m, 6 * m * m + 4 * m * (size + self.reuse)

    def match(self, z: Tensor, fz: Tensor, x: Tensor) -> Tensor:
        """The data point of each noise: z, fz, x (M, *D) -> (M,) integers."""
        return matching.assignment(self.cost(z, fz, x))

    def cost(self, z: Tensor, fz: Tensor, x: Tensor) -> Tensor:
        """c of every noise z_i with image f(z_i) and every data point x_j, (M, M)."""
        result = matching.distances(fz, x).pow(self.power)
        if self.w_source:
            result += self.w_source * matching.distances(z, x).pow(self.source_power)
        return result


@method("naign-field", "field", "#117733")
class ByField(ThreeTerms):
    """NAIGN with a field in place of the search: each f(z) is moved along `naign.field.field`, half of

        E |f(z) - [f(z) + V(f(z))]|^2 / D,    [.] held fixed,

    where V vanishes once f(z) is distributed as the data. The batch of N data is what the field sees, at no cost to
    the network, so they may be many: `generated` noises are drawn for them, and `reconstructed` of them are what f is
    asked to leave alone, as many as the samples of which idempotence is asked.
    """

    w_idem: float = Field(0.0, ge=0, le=1e6, description="weight of idempotence; 0 leaves the term out")
    generated: float = Field(1.0, gt=0, le=100, description="noises a step, as a multiple of the batch size N")
    reconstructed: float = Field(1.0, gt=0, le=1, description="data that f is asked to leave alone, as a share of N")
    features: Literal["pixels", "convolutions"] = Field("pixels", description="what the field's distances are of")
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
        target = y + field(y, x, radii=self.radii, features=self.features)
        moved = 0.5 * (fz - target).square().mean()
        idem = self.idem(f, fz[:few]) if self.w_idem else torch.zeros_like(rec)
        return self.weighted(rec, moved, idem) | {"field": moved, "spread": spread(kept, fx)}
