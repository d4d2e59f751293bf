"""One training by several processes, as `torchrun` starts them, that ends where one process would have ended.

Every process draws what one would, from the same generator, so that all that training remembers is the same in each
and a checkpoint goes on with any number of them. What costs is divided: each searches its own part of the candidates,
and the least distance owns the data point; each has the terms of its own part of the batch, and gradients are summed.
Without `group`, and of one process, nothing here does anything.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, distributed


@contextlib.contextmanager
def group() -> Iterator[None]:
    """Within it the processes that torchrun started train together, each on a GPU of its own where there are any."""
    if not distributed.is_available() or not distributed.is_torchelastic_launched():
        yield
        return
    gpus = torch.cuda.is_available()
    if gpus:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def world() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def rank() -> int:
    """The number of this process; number 0 writes, says and scores."""
    return distributed.get_rank() if world() > 1 else 0


def part(n: int) -> slice:
    """Which of n things this process serves."""
    return slice(n * rank() // world(), n * (rank() + 1) // world())


class Part:
    """A sampler that draws a batch of n for all processes and returns one's own part."""

    def __init__(self, source: Any, n: int):
        self.source, self.n, self.shape = source, n, source.shape

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """The draws of this process, (n, *D); n is how many its part of a batch has."""
        return self.source.sample(self.n, generator)[part(self.n)]


def summed(tensors: Iterable[Tensor]) -> None:
    """Replace each tensor by its sum over the processes, all in one message."""
    if world() == 1:
        return
    tensors = list(tensors)
    together = torch.cat([t.reshape(-1) for t in tensors])
    distributed.all_reduce(together)
    for t, total in zip(tensors, together.split([t.numel() for t in tensors]), strict=True):
        t.copy_(total.view(t.shape))


def from_first(tensor: Tensor) -> Tensor:
    """The first process's tensor, whose shape all have, written over one's own."""
    if world() > 1:
        packed = tensor.contiguous()
        distributed.broadcast(packed, 0)
        tensor.copy_(packed)
    return tensor


def least(score: Tensor, index: Tensor) -> Tensor:
    """Where the score of a data point is least over the processes, that one's index: (N,), (N,) -> (N,).

    Of equal scores the first process's counts, as one process would have taken it.
    """
    if world() == 1:
        return index
    scores, indices = ([torch.empty_like(t) for _ in range(world())] for t in (score, index))
    distributed.all_gather(scores, score)
    distributed.all_gather(indices, index)
    owner = torch.stack(scores).argmin(0)
    return torch.stack(indices).gather(0, owner[None])[0]
