"""NAIGN with other matchings, beyond the paper, and every method by name."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from naign import matching, memories
from naign.methods import DAE, IGN, NAIGN, Matched, Method, Searching
from naign.sources import Sampler


@dataclass(frozen=True)
class Rejection(Searching):
    """RS-IMLE's prior in NAIGN: candidates already within epsilon of a data point do not stand for election.

    Parameters
    ----------
    epsilon : in units of the distance

    The others are those of `Searching`.
    """

    epsilon: float = 0.1

    def __post_init__(self):
        super().__post_init__()
        if not 0 < self.epsilon < float("inf"):
            raise ValueError(f"epsilon is {self.epsilon}: it must be a positive distance.")

    def search(self, f: nn.Module, x: Tensor, source: nn.Module, generator: torch.Generator) -> tuple[Tensor, ...]:
        """The noises (N, *D) nearest to a batch x among those left, x, and the share of the noises that differ."""
        candidates = source.sample(self.count(len(x)), generator)
        winner = matching.nearest_of_the_rest(f, x, candidates, self.epsilon, self.distance)
        return candidates[winner], x, matching.distinct_share(winner, len(candidates))


@dataclass(frozen=True)
class Balanced(Matched):
    """NAIGN with an optimal assignment in place of the nearest: every data point gets one sample, every sample
    a data point.

    min over permutations s of sum_i c(z_i, x_s(i)), solved exactly for a pool of pairs, with

        c(z, x) = |f(z) - x|^p + w |z - x|^q

    in Euclidean distances, which take one matrix product whatever d is. Exponents below 1 make the cost
    concave: mass that is in place stays, and the surplus of a mode goes all the way to where it lacks,
    instead of all moving up by one (Gangbo and McCann 1996). The second term picks that surplus among the
    noises that are no data: f(x) = x holds the others fast.

    A share of each batch may go to the rejecting search instead: it draws in from their ends the bridges that the
    assignment, which sends their middle this way in one pool and that way in the next, leaves standing.

    Parameters
    ----------
    pool : pairs matched at once, as a multiple of the batch size N
    reuse : times each pair is used before the next pool
    power, source_power : p and q, above 0
    w_source : w, 0 or more
    rejection : share of each batch that `Rejection` matches, 0 or more, below 1
    epsilon : as in `Rejection`

    The others are those of `Matched`.
    """

    pool: int = 4
    reuse: int = 4
    power: float = 0.5
    source_power: float = 0.25
    w_source: float = 3.0
    rejection: float = 0.0
    epsilon: float = 0.1

    def __post_init__(self):
        super().__post_init__()
        for name in ("pool", "reuse"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be at least 1.")
        for name in ("power", "source_power"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} is {getattr(self, name)}: it must be a positive number.")
        if not 0 <= self.w_source < float("inf"):
            raise ValueError(f"w_source is {self.w_source}: it must be 0 or a positive number.")
        if not 0 <= self.rejection < 1:
            raise ValueError(f"rejection is {self.rejection}: it must be a share, 0 or more and below 1.")
        self._rejecting()

    def _rejecting(self) -> Rejection:
        return Rejection(distance=self.distance, epsilon=self.epsilon)

    def searcher(self, data: Sampler, n: int, generator: torch.Generator) -> memories.Pool | memories.Joined:
        """What finds the pairs of a training on `data` with batches of n."""
        pool = memories.Pool(self.match, data, self.pool * n, self.reuse)
        return memories.Joined(self._rejecting().search, pool, self.rejection) if round(self.rejection * n) else pool

    def match(self, z: Tensor, fz: Tensor, x: Tensor) -> Tensor:
        """The data point of each noise: z, fz, x (M, *D) -> (M,) integers."""
        return matching.assignment(self.cost(z, fz, x))

    def cost(self, z: Tensor, fz: Tensor, x: Tensor) -> Tensor:
        """c of every noise z_i with image f(z_i) and every data point x_j, (M, M)."""
        result = matching.distances(fz, x).pow(self.power)
        if self.w_source:
            result += self.w_source * matching.distances(z, x).pow(self.source_power)
        return result


@dataclass(frozen=True)
class Entropic(Balanced):
    """`Balanced` with Sinkhorn's prices in place of the exact solver: no wait for the host.

    Parameters
    ----------
    temperature : as a share of the mean cost

    The others are those of `Balanced`.
    """

    temperature: float = 0.02

    def __post_init__(self):
        super().__post_init__()
        if not 0 < self.temperature < float("inf"):
            raise ValueError(f"temperature is {self.temperature}: it must be a positive number.")

    def match(self, z: Tensor, fz: Tensor, x: Tensor) -> Tensor:
        """The data point of each noise: z, fz, x (M, *D) -> (M,) integers."""
        return matching.entropic(self.cost(z, fz, x), self.temperature)


@dataclass(frozen=True)
class Priced(Matched):
    """NAIGN with semi-discrete transport: each sample goes to a data point under prices learned on the way.

    Parameters
    ----------
    points : how many data points are drawn once to share the samples
    price_step, price_decay : the n-th step of the prices is price_step / (1 + n / price_decay), in units of
        the distance

    The others are those of `Matched`.
    """

    points: int = 2500
    price_step: float = 30.0
    price_decay: float = 1000.0

    def __post_init__(self):
        super().__post_init__()
        if self.points < 1:
            raise ValueError(f"points is {self.points}: it must be at least 1.")
        for name in ("price_step", "price_decay"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} is {getattr(self, name)}: it must be a positive number.")

    def searcher(self, data: Sampler, n: int, generator: torch.Generator) -> memories.Prices:
        """What finds the pairs of a training on `data` with batches of n."""
        return memories.Prices(data.sample(self.points, generator), self.price_step, self.price_decay, self.distance)


METHODS = {
    "naign": NAIGN,
    "naign-minus": NAIGN,
    "ign": IGN,
    "dae": DAE,
    "naign-balanced": Balanced,
    "naign-rejection": Rejection,
    "naign-entropic": Entropic,
    "naign-priced": Priced,
}


def make(name: str, **options: object) -> Method:
    """The method called `name`, one of METHODS, with its options."""
    if name not in METHODS:
        raise ValueError(f"unknown method {name!r}: choose one of {', '.join(METHODS)}.")
    if name == "naign-minus":
        options = options | {"w_idem": 0.0}
    return METHODS[name](**options)
