"""What figures and tables on toys draw on: clouds of points and the terms of the loss."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from naign.evaluate import SEED
from naign.methods import NAIGN
from naign.projection import project
from naign.sources import Sampler


def five_columns(f: nn.Module, source: Sampler, data: Sampler, n: int = 4000, seed: int = 0) -> list[np.ndarray]:
    """x, f(x), z, f(z) and f(f(z)), n of each: the columns of Figures 2 and 3."""
    generator = torch.Generator().manual_seed(seed)
    x, z = data.sample(n, generator), source.sample(n, generator)
    columns = [x, project(f, x)] + [project(f, z, k) for k in range(3)]
    return [c.numpy() for c in columns]


def at_snapshots(
    f: nn.Module, snapshots: dict[int, dict[str, Tensor]], z: Tensor, applications: int = 1
) -> dict[int, np.ndarray]:
    """f(z), or f applied several times, with the parameters that f had after some steps: step -> (n, *D)."""
    f, clouds = copy.deepcopy(f), {}
    for step, parameters in sorted(snapshots.items()):
        f.load_state_dict(parameters)
        clouds[step] = project(f, z, applications).numpy()
    return clouds


@torch.no_grad()
def mean_terms(
    f: nn.Module, source: Sampler, data: Sampler, method: NAIGN, n: int, batches: int = 50
) -> dict[str, float]:
    """Each loss term of f, averaged over fresh batches of n; `method` is any that needs no memory."""
    generator = torch.Generator().manual_seed(SEED)
    rows = [method.terms(f, data.sample(n, generator), source, generator) for _ in range(batches)]
    return {name: torch.stack([row[name] for row in rows]).mean().item() for name in method.columns}
