"""Which of M candidates is pulled to which data point (the minimum in Eq. 8), and the memory of past answers."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn

CHUNK = 1024  # candidates a pass, at most
CACHED = 2**20  # numbers a pass on a CPU: the activations of more do not stay in its cache


def _scores(x: Tensor, y: Tensor, d: str) -> Tensor:
    """Numbers that order the candidates y (c, *D) of each x (N, *D) as d does: (N, c)."""
    x, y = x.flatten(1), y.flatten(1)
    if d.startswith("l1"):
        return torch.cdist(x, y, p=1)
    # |x - y|^2 without |x|^2, which no comparison needs, as one matrix product.
    ones = x.new_ones(len(x), 1)
    return torch.cat([x, ones], 1) @ torch.cat([-2 * y, y.square().sum(1, keepdim=True)], 1).T


@torch.no_grad()
def nearest(f: nn.Module, x: Tensor, z: Tensor, d: str = "l2", dtype: str = "float32", chunk: int = 0) -> Tensor:
    """Index of the candidate whose image f(z_j) is nearest to each x_i.

    Memory grows with N x chunk, never with N x M x D; no gradient is recorded.

    Parameters
    ----------
    x : (N, *D); z : (M, *D)
    d : distance, see `naign.losses.distance`
    dtype : "float32", "bfloat16" to run f on the candidates in half precision, or "auto"
        for whichever is faster on this machine
    chunk : candidates a pass; 0 for what suits the device

    Returns
    -------
    (N,) integers in [0, M)
    """
    half = dtype == "bfloat16" or (dtype == "auto" and fast_in_half_precision(x.device.type))
    if not chunk:
        chunk = CHUNK if x.device.type == "cuda" else max(1, min(CHUNK, CACHED // z[0].numel()))
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
