"""Which of M candidates is pulled to which data point (the minimum in Eq. 8)."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn

CHUNK = 1024  # candidates a pass: their activations stay in the cache of a CPU core


def _scores(x: Tensor, y: Tensor, d: str) -> Tensor:
    """Numbers that order the candidates y (c, *D) of each x (N, *D) as d does: (N, c)."""
    x, y = x.flatten(1), y.flatten(1)
    if d.startswith("l1"):
        return torch.cdist(x, y, p=1)
    # |x - y|^2 without |x|^2, which no comparison needs, as one matrix product.
    ones = x.new_ones(len(x), 1)
    return torch.cat([x, ones], 1) @ torch.cat([-2 * y, y.square().sum(1, keepdim=True)], 1).T


@torch.no_grad()
def nearest(f: nn.Module, x: Tensor, z: Tensor, d: str = "l2", dtype: str = "float32", chunk: int = CHUNK) -> Tensor:
    """Index of the candidate whose image f(z_j) is nearest to each x_i.

    Memory grows with N x chunk, never with N x M x D; no gradient is recorded.

    Parameters
    ----------
    x : (N, *D); z : (M, *D)
    d : distance, see `naign.losses.distance`
    dtype : "float32", "bfloat16" to run f on the candidates in half precision, or "auto"
        for whichever is faster on this machine

    Returns
    -------
    (N,) integers in [0, M)
    """
    half = dtype == "bfloat16" or (dtype == "auto" and fast_in_half_precision(x.device.type))
    best = index = None
    for start in range(0, len(z), chunk):
        with torch.autocast(x.device.type, torch.bfloat16, enabled=half):
            y = f(z[start : start + chunk])
        with torch.autocast(x.device.type, enabled=False):
            score, j = _scores(x, y.float(), d).min(1)
        if best is None:
            best, index = score, j
        else:
            better = score < best
            best = torch.where(better, score, best)
            index = torch.where(better, j + start, index)
    return index


@functools.cache
def fast_in_half_precision(device: str) -> bool:
    """Whether a device multiplies bf16 matrices faster than fp32: CUDA, and CPUs with tile units."""
    return device == "cuda" or (device == "cpu" and torch.cpu._is_amx_tile_supported())


def distinct_share(index: Tensor, candidates: int) -> Tensor:
    """Share of the N data points' winners that differ, in (0, 1], without a host sync."""
    hit = torch.zeros(candidates, device=index.device)
    return hit.scatter_(0, index, 1.0).sum() / len(index)
