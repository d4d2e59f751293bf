"""Distributions on the line and in the plane with labelled modes, whose noiseless manifold is known exactly."""

import functools
import math
from typing import ClassVar, Self

import torch
from torch import Tensor

from naign.base.settings import Field, Numbers, settings


class Toy:
    """What all toys share; a toy is its own sampler."""

    kind: ClassVar[str] = "plane"
    called: ClassVar[str]  # in a sentence
    licence: ClassVar[str] = "none needed: the samples are drawn from a formula"
    shared: ClassVar[bool] = True

    def load(self) -> Self:
        """Itself, as every data set can be asked."""
        return self

    def fingerprint(self) -> str:
        """Tells one data set from another."""
        return repr(self)

    def distance(self, points: Tensor) -> Tensor:
        """Euclidean distance of points (B, D) to the noiseless manifold, (B,), Eq. 1."""
        return torch.linalg.vector_norm(points - self.nearest(points), dim=1)


class Gaussians(Toy):
    """K isotropic Gaussians in D dimensions; the noiseless manifold is the set of their centres."""

    centres: tuple[tuple[float, ...], ...]  # K of D numbers
    sigma: float  # of each
    sigmas = property(lambda self: (self.sigma,) * len(self.centres), doc="Standard deviation of each mode.")
    weights = property(lambda self: (1 / len(self.centres),) * len(self.centres), doc="Probability of each mode.")
    shares = property(lambda self: self.weights, doc="The same, as every toy has it.")
    shape = property(lambda self: (len(self.centres[0]),), doc="That of one sample, (D,).")

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n points, (n, D), on the generator's device."""
        device = generator.device
        centres, sigmas, weights = _on_device(self, device)
        u = torch.rand(n, generator=generator, device=device)
        mode = torch.bucketize(u, weights.cumsum(0)[:-1], right=True)
        noise = torch.randn(n, *self.shape, generator=generator, device=device)
        return centres[mode] + sigmas[mode, None] * noise

    def assign(self, points: Tensor) -> Tensor:
        """Index of the nearest centre, (B,)."""
        return torch.cdist(points, points.new_tensor(self.centres)).argmin(1)

    def nearest(self, points: Tensor) -> Tensor:
        """Nearest centre, (B, D)."""
        return points.new_tensor(self.centres)[self.assign(points)]

    def is_high_quality(self, points: Tensor) -> Tensor:
        """Within 3 sigma of the nearest centre, (B,)."""
        sigmas = torch.tensor(self.sigmas, device=points.device)
        return self.distance(points) <= 3 * sigmas[self.assign(points)]

    def density(self, points: Tensor) -> Tensor:
        """Exact probability density at points (B, D), (B,)."""
        sigmas = points.new_tensor(self.sigmas)
        scale = points.new_tensor(self.weights) / (sigmas * math.sqrt(2 * math.pi)) ** points.shape[1]
        gaps = torch.cdist(points, points.new_tensor(self.centres))
        return (scale * torch.exp(-((gaps / sigmas) ** 2) / 2)).sum(1)


@functools.cache
def _on_device(toy: Gaussians, device: torch.device) -> tuple[Tensor, ...]:
    # Copied once a device: a training step must not copy from the host.
    return tuple(torch.tensor(v, device=device) for v in (toy.centres, toy.sigmas, toy.weights))


@settings
class Trimodal(Gaussians):
    """Three Gaussians on the line; the paper gives no recipe (ledger, entry 8)."""

    modes: Numbers = Field((-2.0, 0.5, 3.0), description="their means")
    widths: Numbers = Field((0.2, 0.2, 0.2), description="their standard deviations, positive")
    weights: Numbers = Field((1 / 3, 1 / 3, 1 / 3), description="their probabilities, which sum to 1")
    kind: ClassVar[str] = "line"
    called: ClassVar[str] = "three Gaussians on the line"

    centres = functools.cached_property(lambda self: tuple((m,) for m in self.modes))
    sigmas = property(lambda self: self.widths)

    def __post_init__(self):
        c, s, w = len(self.centres), len(self.sigmas), len(self.weights)
        if not 0 < c == s == w:
            raise ValueError(f"a mixture got {c} centres, {s} sigmas and {w} weights: give one of each a mode.")
        if min(self.sigmas) <= 0 or min(self.weights) <= 0 or abs(sum(self.weights) - 1) > 1e-6:
            raise ValueError(f"sigmas {self.sigmas} and weights {self.weights} must be positive, and weights sum to 1.")


@settings
class Grid(Gaussians):
    """side x side Gaussians centred on the origin."""

    side: int = Field(5, ge=1, le=100, description="modes a side")
    spacing: float = Field(2.0, gt=0, description="distance of neighbouring modes")
    sigma: float = Field(0.05, gt=0, description="standard deviation of each")
    called: ClassVar[str] = "a grid of Gaussians"

    @functools.cached_property
    def centres(self) -> tuple[tuple[float, float], ...]:
        ticks = [self.spacing * (i - (self.side - 1) / 2) for i in range(self.side)]
        return tuple((a, b) for a in ticks for b in ticks)


@settings
class EightGaussians(Gaussians):
    """Eight Gaussians on a circle, scaled as in FFJORD."""

    radius: float = Field(4.0, gt=0, description="of the circle, before scaling")
    sigma: float = Field(0.5, gt=0, description="standard deviation of each, before scaling")
    scale: float = Field(1 / 1.414, gt=0, description="factor on both")
    called: ClassVar[str] = "eight Gaussians on a circle"

    sigmas = property(lambda self: (self.scale * self.sigma,) * 8)

    @functools.cached_property
    def centres(self) -> tuple[tuple[float, float], ...]:
        angles, reach = [2 * math.pi * i / 8 for i in range(8)], self.scale * self.radius
        return tuple((reach * math.cos(a), reach * math.sin(a)) for a in angles)


@settings
class TwoMoons(Toy):
    """Two half circles with Gaussian noise: scikit-learn's moons times 2, shifted by (-1, -0.2), as in FFJORD.

    The default noise is FFJORD's 0.1 before the scaling.
    """

    noise: float = Field(0.2, ge=0, description="standard deviation, in the units of the data")
    called: ClassVar[str] = "two moons"
    shape: ClassVar[tuple[int]] = (2,)
    shares: ClassVar[tuple[float, ...]] = (0.5, 0.5)
    radius: ClassVar[float] = 2.0
    arcs: ClassVar = (((-1.0, -0.2), 1.0), ((1.0, 0.8), -1.0))  # centre; +1: upper half, -1: lower

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n points, (n, 2), on the generator's device."""
        device = generator.device
        t = math.pi * torch.rand(n, generator=generator, device=device)
        lower = torch.rand(n, generator=generator, device=device) < 0.5
        noise = torch.randn(n, 2, generator=generator, device=device)
        cos, sin = torch.cos(t), torch.sin(t)
        (a, _), (b, _) = self.arcs
        x = torch.where(lower, b[0] - self.radius * cos, a[0] + self.radius * cos)
        y = torch.where(lower, b[1] - self.radius * sin, a[1] + self.radius * sin)
        return torch.stack([x, y], 1) + self.noise * noise

    def nearest(self, points: Tensor) -> Tensor:
        """Nearest point of the two arcs, (B, 2)."""
        on_arcs = self._nearest_on_each(points)
        return on_arcs[self.assign(points), torch.arange(len(points), device=points.device)]

    def assign(self, points: Tensor) -> Tensor:
        """0 where the upper arc is nearer, 1 where the lower one is, (B,)."""
        gaps = self._nearest_on_each(points) - points
        return torch.linalg.vector_norm(gaps, dim=2).argmin(0)

    def is_high_quality(self, points: Tensor) -> Tensor:
        """Within 3 standard deviations of the noise of an arc, (B,)."""
        return self.distance(points) <= 3 * self.noise

    def density(self, points: Tensor) -> Tensor:
        """Probability density at points (B, 2), (B,), by the midpoint rule along the arcs; ValueError without noise."""
        if self.noise == 0:
            raise ValueError("noise is 0: the mass lies on two curves and has no density in the plane.")
        # Nodes half a noise apart: the rule then errs by less than a part in a million.
        n = max(64, math.ceil(2 * math.pi * self.radius / self.noise))
        t = math.pi * (torch.arange(n, dtype=points.dtype, device=points.device) + 0.5) / n
        total = torch.zeros(len(points), dtype=points.dtype, device=points.device)
        for centre, side in self.arcs:
            nodes = points.new_tensor(centre) + self.radius * torch.stack([t.cos(), side * t.sin()], 1)
            total += torch.exp(-0.5 * (torch.cdist(points, nodes) / self.noise) ** 2).mean(1)
        return total / (2 * 2 * math.pi * self.noise**2)

    def _nearest_on_each(self, points: Tensor) -> Tensor:  # (2, B, 2)
        centres, side = (points.new_tensor(part)[:, None] for part in zip(*self.arcs, strict=True))
        v, side = points - centres, side[:, None]
        # A point beyond the half plane of its arc is nearest to one of the two tips.
        x = torch.where(v[..., :1] < 0, -1.0, 1.0).to(v)
        tip, top = torch.cat([x, torch.zeros_like(x)], 2), torch.cat([torch.zeros_like(side), side], 2)
        norm = torch.linalg.vector_norm(v, dim=2, keepdim=True)
        ray = torch.where(norm > 0, v / norm.clamp_min(1e-30), top)
        return centres + self.radius * torch.where(side * v[..., 1:] >= 0, ray, tip)


TOYS = {"trimodal": Trimodal, "grid": Grid, "2moons": TwoMoons, "8gaussians": EightGaussians}
