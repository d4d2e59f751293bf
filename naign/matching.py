"""Which generated point is pulled to which data point: the minimum of Eq. 8.

A matching turns noises z and data x into pairs (z, target), of which d(target, f(z)) is then
minimised. None records a gradient, and none holds N x M x D numbers.
Below: what a search remembers from step to step, all of it on the device.
"""

import functools
import math
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from naign.base import distributed

CHUNK = 1024  # candidates a pass: on a CPU at most, on CUDA at least
CACHED = 2**20  # numbers a pass: the activations of more do not stay in a CPU's cache
Pairs = tuple[Tensor, Tensor, Tensor]  # noises z (N, *D), the target (N, *D) of each f(z), the share that differs


def _scores(x: Tensor, y: Tensor, d: str) -> Tensor:
    """Numbers that order the candidates y (c, *D) of each x (N, *D) as d does: (N, c)."""
    x, y = x.flatten(1), y.flatten(1)
    if d.startswith("l1"):
        return _fused_l1()(x, y) if x.device.type == "cuda" else torch.cdist(x, y, p=1)
    # |x - y|^2 without |x|^2, which no comparison needs, as one matrix product.
    ones = x.new_ones(len(x), 1)
    return torch.cat([x, ones], 1) @ torch.cat([-2 * y, y.square().sum(1, keepdim=True)], 1).T


def _chunk(z: Tensor) -> int:
    """Samples a pass that suit the device: on CUDA those of the plane are one."""
    fitting = CACHED // math.prod(z.shape[1:])
    return max(CHUNK, fitting) if z.device.type == "cuda" else max(1, min(CHUNK, fitting))


@functools.cache
def _fused_l1() -> Callable[[Tensor, Tensor], Tensor]:
    """sum_k |x_ik - y_jk| of every pair of x (N, D) and y (M, D), (N, M), as one compiled kernel, which holds no
    N x M x D; CUDA's cdist is many times slower than f itself.
    """
    fused = torch.compile(lambda x, y: (x[:, None] - y).abs().sum(2))
    try:
        fused(*torch.zeros(2, 3, 4, device="cuda"))
    except Exception as error:  # whatever a compiler may lack here
        warnings.warn(f"l1 distances are not compiled and slow: {str(error).splitlines()[0]}", stacklevel=4)
        return lambda x, y: torch.cdist(x, y, p=1)
    return fused


@torch.no_grad()
def images(f: nn.Module, z: Tensor) -> Tensor:
    """f(z) of many, (M, *D), without a gradient."""
    y = torch.cat([f(part) for part in z.split(_chunk(z))])
    torch.clear_autocast_cache()  # as after `nearest`
    return y


@torch.no_grad()
def nearest(f: nn.Module, x: Tensor, z: Tensor, d: str = "l2", dtype: str = "float32") -> Tensor:
    """Index of the candidate whose image f(z_j) is nearest to each x_i (Eq. 8).

    Memory grows with N, never with N x M x D; no gradient is recorded.

    Parameters
    ----------
    x : (N, *D); z : (M, *D)
    dtype : "float32", "bfloat16" to run f on the candidates in half precision, or "auto"
        for whichever is faster on this machine
    """
    half = dtype == "bfloat16" or (dtype == "auto" and fast_in_half_precision(x.device.type))
    chunk, own = _chunk(z), distributed.part(len(z))
    best = torch.full_like(x.flatten(1)[:, 0], float("inf"))
    index = torch.zeros_like(best, dtype=torch.long)
    for start in range(own.start, own.stop, chunk):
        with torch.autocast(x.device.type, torch.bfloat16, enabled=half):
            y = f(z[start : min(start + chunk, own.stop)])
        with torch.autocast(x.device.type, enabled=False):
            score, j = _scores(x, y.to(x.dtype), d).min(1)
        better = score < best
        best = torch.where(better, score, best)
        index = torch.where(better, j + start, index)
    torch.clear_autocast_cache()  # of weights cast without a gradient, which the terms would else be given
    return distributed.least(best, index)


@functools.cache
def fast_in_half_precision(device: str) -> bool:
    """Whether a device multiplies bf16 matrices faster than fp32: CUDA, and CPUs with instructions for them."""
    own = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return device == "cuda" or (device == "cpu" and own)


def distinct_share(index: Tensor, candidates: int) -> Tensor:
    """Share of the N data points' winners that differ, in (0, 1], without a host sync."""
    hit = torch.zeros(candidates, device=index.device)
    return hit.scatter(0, index, 1.0).sum() / len(index)


def distances(y: Tensor, x: Tensor) -> Tensor:
    """The Euclidean distance of every pair of y (M, *D) and x (N, *D), (M, N)."""
    return torch.cdist(y.flatten(1).float(), x.flatten(1).float())


class Memory:
    """Tensors that a search holds from step to step, by name; they are a part of the state of a training."""

    def __init__(self):
        self.held: dict[str, Tensor] = {}

    def state_dict(self) -> dict[str, Tensor]:
        return dict(self.held)

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.held = {name: value.clone() for name, value in state.items()}


class Replay(Memory):
    """The last `capacity` batches (x, z*) with their winners, to train on again without a search (Section 4).

    Nothing waits for the device, so `store` and `draw` can both be captured in a CUDA graph once a
    first batch is stored.
    """

    def __init__(self, capacity: int):
        super().__init__()
        self.capacity = capacity

    def store(self, *parts: Tensor) -> None:
        """Keep one batch, tensors of the same shapes every time, in place of the oldest."""
        if not self.held:
            self.held = {str(i): p.new_zeros(self.capacity, *p.shape) for i, p in enumerate(parts)}
            self.held["stored"] = torch.zeros(1, dtype=torch.long, device=parts[0].device)  # how many batches ever
        at = self.held["stored"] % self.capacity
        for i, p in enumerate(parts):
            self.held[str(i)].index_copy_(0, at, p.detach()[None])
        self.held["stored"] += 1

    def draw(self, generator: torch.Generator) -> tuple[Tensor, ...]:
        """One of the batches kept, each as likely as any other."""
        filled = self.held["stored"].clamp(max=self.capacity)
        at = (torch.rand(1, generator=generator, device=filled.device) * filled).long()
        return tuple(self.held[str(i)].index_select(0, at)[0] for i in range(len(self.held) - 1))
