"""What a trained f is used for: generating, projecting, measuring distance and density."""

import math

import torch
from torch import Tensor, nn

from naign.losses import distance as distance_between

BATCH, NUMBERS = 4096, 2**22  # samples and their numbers, at most, a forward pass


def generate(
    f: nn.Module,
    source: nn.Module,
    n: int,
    generator: torch.Generator | None = None,
    applications: int = 1,
    keep: float = 1.0,
) -> Tensor:
    """f(z), or f(f(z)), ..., (n, *D), for draws z of the source.

    Parameters
    ----------
    generator : on the device of f; by default one with a fresh random seed
    applications : how many times f is applied, 0 or more
    keep : n / keep draws are made, and the n of least drift returned: f tells which of its images
        missed the manifold
    """
    if n < 1:
        raise ValueError(f"n is {n}: generate at least 1 sample.")
    if not 0 < keep <= 1:
        raise ValueError(f"keep is {keep}: it must be a share above 0, at most 1.")
    if generator is None:
        generator = torch.Generator(next(f.parameters()).device)
        generator.seed()
    y = project(f, source.sample(math.ceil(n / keep), generator), applications)
    return y if keep == 1 else y[drift(f, y).argsort()[:n].sort().values]


@torch.no_grad()
def project(f: nn.Module, x: Tensor, applications: int = 1) -> Tensor:
    """f applied `applications` times to each x, (B, *D), in evaluation mode."""
    if applications < 0:
        raise ValueError(f"applications is {applications}: it must be 0 or more.")
    step = max(1, min(BATCH, NUMBERS // max(1, math.prod(x.shape[1:]))))
    was_training = f.training
    f.eval()
    try:
        for _ in range(applications):
            x = torch.cat([f(part) for part in x.split(step)])
    finally:
        f.train(was_training)
    return x


def drift(f: nn.Module, x: Tensor, distance: str = "l2") -> Tensor:
    """delta(x) = d(x, f(x)), (B,): f's estimate of the distance to the data manifold (Section 2.1)."""
    return distance_between(x, project(f, x), distance)


def energy(f: nn.Module, x: Tensor, k: float = 2.0, distance: str = "l2") -> Tensor:
    """E(x) = exp(k delta(x)) - 1, (B,), Eq. 13 and 14."""
    if not k > 0:
        raise ValueError(f"k is {k}: it must be positive.")
    return torch.expm1(k * drift(f, x, distance))


def unnormalised_density(f: nn.Module, x: Tensor, k: float = 2.0, distance: str = "l2") -> Tensor:
    """exp(-E(x)), (B,), in [0, 1]: Eq. 12 without its constant."""
    return torch.exp(-energy(f, x, k, distance))
