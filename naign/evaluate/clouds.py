"""What figures and tables on toys draw on: clouds of points, f as it was during training, the terms of the loss."""

import copy
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from naign.evaluate import SEED
from naign.methods import NAIGN
from naign.projection import project
from naign.sources import Sampler

Snapshots = dict[int, dict[str, Tensor]]  # step -> the parameters of f after it


def five_columns(f: nn.Module, source: Sampler, data: Sampler, n: int = 4000) -> list[np.ndarray]:
    """x, f(x), z, f(z) and f(f(z)), n of each: the columns of Figures 2 and 3."""
    generator = torch.Generator().manual_seed(0)
    x, z = data.sample(n, generator), source.sample(n, generator)
    return [c.numpy() for c in (x, project(f, x), z, project(f, z), project(f, z, 2))]


def each_snapshot(f: nn.Module, snapshots: Snapshots) -> Iterator[tuple[int, nn.Module]]:
    """The steps of some snapshots in their order, each with a copy of f as it then was."""
    f = copy.deepcopy(f)
    for step, parameters in sorted(snapshots.items()):
        f.load_state_dict(parameters)
        yield step, f


def at_snapshots(f: nn.Module, snapshots: Snapshots, z: Tensor, applications: int = 1) -> dict[int, np.ndarray]:
    """f(z), or f applied several times, as f was after some steps: step -> (n, *D)."""
    return {step: project(then, z, applications).numpy() for step, then in each_snapshot(f, snapshots)}


@torch.no_grad()
def mean_terms(f: nn.Module, source: Sampler, data: Sampler, method: NAIGN, n: int, batches: int = 50) -> dict:
    """Each loss term of f by name, averaged over fresh batches of n; `method` is any that needs no memory."""
    generator = torch.Generator().manual_seed(SEED)
    rows = [method.terms(f, data.sample(n, generator), source, generator) for _ in range(batches)]
    return {name: torch.stack([row[name] for row in rows]).mean().item() for name in method.columns}
