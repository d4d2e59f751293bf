"""What a training remembers of its matchings from step to step. Everything lies on the device."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from naign.matching import distances, distinct_share, images
from naign.sources import Sampler


class Replay:
    """The last `capacity` batches (x, z*) with their winners, to train on again without a search (Section 4.1).

    Everything lies on the device and nothing waits for it, so both `store` and `draw` can be
    captured in a CUDA graph once a first batch has been stored.

    Parameters
    ----------
    capacity : batches kept; a new one then overwrites the oldest
    """

    def __init__(self, capacity: int):
        self.capacity = capacity
        self.parts: tuple[Tensor, ...] = ()
        self.stored: Tensor | None = None  # how many batches ever

    def store(self, *parts: Tensor) -> None:
        """Keep one batch: tensors of the same shapes every time."""
        if self.stored is None:
            self.parts = tuple(p.new_zeros(self.capacity, *p.shape) for p in parts)
            self.stored = torch.zeros(1, dtype=torch.long, device=parts[0].device)
        at = self.stored % self.capacity
        for memory, p in zip(self.parts, parts, strict=True):
            memory.index_copy_(0, at, p.detach()[None])
        self.stored += 1

    def draw(self, generator: torch.Generator) -> tuple[Tensor, ...]:
        """One of the batches kept, each as likely as any other."""
        filled = self.stored.clamp(max=self.capacity)
        at = (torch.rand(1, generator=generator, device=filled.device) * filled).long()
        return tuple(memory.index_select(0, at)[0] for memory in self.parts)

    def state(self) -> dict[str, Tensor]:
        """A copy of everything, by name; nothing before the first batch."""
        if self.stored is None:
            return {}
        parts = {f"replay.{i}": p.clone() for i, p in enumerate(self.parts)}
        return parts | {"replay.stored": self.stored.clone()}

    def put_back(self, tensors: dict[str, Tensor]) -> None:
        """Undo what happened since `state`."""
        own = {k.removeprefix("replay."): v for k, v in tensors.items() if k.startswith("replay.")}
        self.stored = own.pop("stored").clone() if own else None
        self.parts = tuple(own[str(i)].clone() for i in range(len(own)))


class Pool:
    """Pairs matched by the many and handed out by the few.

    `size` noises and as many data points are matched at once, which evens out the accidents of a
    batch; the pairs are then gone through `reuse` times, N at a time, in a new order each time.

    Parameters
    ----------
    match : noises z, their images f(z) and data points x, (M, *D) each -> (M,) the data point of each noise
    data : where data points are drawn
    size : pairs at once, a multiple of N; reuse : times each is used
    """

    def __init__(self, match: Callable[[Tensor, Tensor, Tensor], Tensor], data: Sampler, size: int, reuse: int):
        self.match, self.data, self.size, self.reuse = match, data, size, reuse
        self.pairs: tuple[Tensor, ...] = ()  # noises, their targets, and the share of targets that differ
        self.order: Tensor | None = None  # which pairs come next

    @torch.no_grad()
    def search(self, f: nn.Module, x: Tensor, source: Sampler, generator: torch.Generator) -> tuple[Tensor, ...]:
        """The next N = len(x) pairs: z, target, and the share of targets that differ."""
        n = len(x)
        if self.order is None or len(self.order) < n:
            m = self.size
            z, points = source.sample(m, generator), self.data.sample(m, generator)
            chosen = self.match(z, images(f, z), points)
            self.pairs = (z, points[chosen], distinct_share(chosen, m))
            orders = [torch.randperm(m, generator=generator, device=z.device) for _ in range(self.reuse)]
            self.order = torch.cat(orders)
        now, self.order = self.order[:n], self.order[n:]
        z, target, distinct = self.pairs
        return z[now], target[now], distinct

    def state(self) -> dict[str, Tensor]:
        """Everything by name; the pairs themselves are never changed in place."""
        if self.order is None:
            return {}
        return {f"pool.{i}": p for i, p in enumerate(self.pairs)} | {"pool.order": self.order}

    def put_back(self, tensors: dict[str, Tensor]) -> None:
        """Undo what happened since `state`."""
        self.order = tensors.get("pool.order")
        self.pairs = tuple(tensors[f"pool.{i}"] for i in range(3)) if self.order is not None else ()


class Joined:
    """Two searches that share each batch.

    Parameters
    ----------
    first : (f, x, source, generator) -> noises, their targets, and the share that differs, without a memory
    rest : the memory that finds the pairs for the rest of the batch
    share : of the batch that goes to the first, above 0 and below 1
    """

    def __init__(self, first: Callable[..., tuple[Tensor, ...]], rest: Pool, share: float):
        self.first, self.rest, self.share = first, rest, share

    def search(self, f: nn.Module, x: Tensor, source: Sampler, generator: torch.Generator) -> tuple[Tensor, ...]:
        """N = len(x) noises, their targets, and the share of targets that differ."""
        n = round(self.share * len(x))
        some, others = self.first(f, x[:n], source, generator), self.rest.search(f, x[n:], source, generator)
        z, target = (torch.cat(pair) for pair in zip(some[:2], others[:2], strict=True))
        return z, target, self.share * some[2] + (1 - self.share) * others[2]

    def state(self) -> dict[str, Tensor]:
        """The memory's."""
        return self.rest.state()

    def put_back(self, tensors: dict[str, Tensor]) -> None:
        """Undo what happened since `state`."""
        self.rest.put_back(tensors)


class Prices:
    """Semi-discrete optimal transport: each sample goes to the data point of least distance minus price.

    The dual problem max_g E_z min_j [d(f(z), x_j) - g_j] + mean_j g_j (Genevay et al. 2016) has the gradient
    1/K - P(x_j is chosen), so that a point chosen too often loses its price and one chosen too seldom
    gains; at the optimum all K are chosen equally often.

    Parameters
    ----------
    points : (K, *D), the data points that share the samples
    step : of the first prices, in units of the distance; the n-th is step / (1 + n / decay)
    d : distance
    """

    def __init__(self, points: Tensor, step: float, decay: float, d: str):
        self.points, self.step, self.decay, self.d = points, step, decay, d
        self.prices = points.new_zeros(len(points))
        self.searches = points.new_zeros(())

    @torch.no_grad()
    def search(self, f: nn.Module, x: Tensor, source: Sampler, generator: torch.Generator) -> tuple[Tensor, ...]:
        """N = len(x) noises, their targets, and the share of targets that differ."""
        z = source.sample(len(x), generator)
        chosen = (distances(images(f, z), self.points, self.d) - self.prices).argmin(1)
        hits = torch.zeros_like(self.prices).index_add_(0, chosen, self.prices.new_ones(len(z)))
        step = self.step / (1 + self.searches / self.decay)
        self.prices += step * (1 / len(self.points) - hits / len(z))
        self.searches += 1
        return z, self.points[chosen], distinct_share(chosen, len(self.points))

    def state(self) -> dict[str, Tensor]:
        """A copy of the prices and their count, and the points, by name."""
        copies = {"prices": self.prices.clone(), "prices.searches": self.searches.clone()}
        return copies | {"prices.points": self.points}

    def put_back(self, tensors: dict[str, Tensor]) -> None:
        """Undo what happened since `state`."""
        self.prices, self.searches = tensors["prices"].clone(), tensors["prices.searches"].clone()
        self.points = tensors["prices.points"]
