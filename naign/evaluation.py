"""The metrics of one trained f, as they are stored with its run."""

from __future__ import annotations

import copy
import functools

import numpy as np
import torch
from torch import Tensor, nn

from naign import fields, metrics, projection
from naign.losses import distance
from naign.methods import Method
from naign.records import Run
from naign.sources import Sampler


def evaluate(f: nn.Module, source: nn.Module, data: Sampler, d: str, n: int = 10_000) -> dict:
    """Metrics of f(z) and f(f(z)) against as many fresh samples of the data.

    The draws are the same for every run, so that runs differ by training alone.
    """
    generator = torch.Generator().manual_seed(20_251_102)
    if hasattr(data, "assign"):
        x = data.sample(n, generator)
    else:  # a data set in memory: each sample once
        x = data.take(slice(0, n))
        n = len(x)
    fz = projection.generate(f, source, n, generator)
    ffz = projection.project(f, fz)
    result = {
        "n": n,
        "rec": distance(x, projection.project(f, x), d).mean().item(),
        "gap": distance(fz, ffz, d).mean().item(),
    }
    judge = _judge_toy if hasattr(data, "assign") else _judge_samples
    result |= {"fz": judge(data, x, fz), "ffz": judge(data, x, ffz)}
    if hasattr(data, "assign"):  # fresh samples of the data: the best that n samples can score
        result["data"] = judge(data, x, data.sample(n, generator))
        result |= of_the_field(f, data)
    return result


def of_the_field(f: nn.Module, toy: Sampler) -> dict:
    """f's drift against the exact distance on a toy: `naign.fields.evaluated`."""
    return fields.evaluated(functools.partial(projection.project, f), toy)


def _judge_samples(data: Sampler, x: Tensor, y: Tensor) -> dict:
    coverage, density = metrics.coverage_density(x.flatten(1), y.flatten(1))
    return {"coverage": coverage, "density": density}


def _judge_toy(toy: Sampler, x: Tensor, y: Tensor) -> dict:
    labels, good = toy.assign(y), toy.is_high_quality(y)
    shares = metrics.mode_shares(labels, len(toy.shares))
    result = {
        "shares": [round(float(s), 6) for s in shares],
        "modes": metrics.modes_hit(labels, good),
        "high_quality": float(good.float().mean()),
        "reverse_kl": metrics.reverse_kl(shares, toy.shares),
    }
    if toy.shape == (1,):
        result["w1"] = metrics.wasserstein_1d(x, y)
    return result | _judge_samples(toy, x, y)


def five_columns(run: Run, data: Sampler, n: int = 4000, seed: int = 0) -> list[np.ndarray]:
    """x, f(x), z, f(z) and f(f(z)), n of each: the columns of Figures 2 and 3."""
    generator = torch.Generator().manual_seed(seed)
    x, z = data.sample(n, generator), run.source.sample(n, generator)
    columns = [x, projection.project(run.f, x)] + [projection.project(run.f, z, k) for k in range(3)]
    return [c.numpy() for c in columns]


def at_snapshots(run: Run, z: Tensor, applications: int = 1) -> dict[int, np.ndarray]:
    """f(z), or f applied several times, after each recorded number of steps: step -> (n, *D)."""
    f, clouds = copy.deepcopy(run.f), {}
    for step, parameters in sorted(run.snapshots.items()):
        f.load_state_dict(parameters)
        clouds[step] = projection.project(f, z, applications).numpy()
    return clouds


@torch.no_grad()
def mean_terms(
    f: nn.Module, source: Sampler, data: Sampler, method: Method, n: int, batches: int = 50
) -> dict[str, float]:
    """Each loss term of f, averaged over fresh batches of n."""
    generator = torch.Generator().manual_seed(20_251_102)
    rows = [method.terms(f, data.sample(n, generator), source, generator) for _ in range(batches)]
    return {name: torch.stack([row[name] for row in rows]).mean().item() for name in method.columns}
