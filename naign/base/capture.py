"""What makes a step fast on a GPU: CUDA graphs, one launch instead of hundreds, and TF32 where it picks no winners."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from naign.base import distributed, files

WARM_UP = 11  # steps before a capture, so that both kinds are among them, but for once in a thousand times
SWITCH = "NAIGN_CAPTURE"  # 0: steps run as they come


@contextlib.contextmanager
def tf32(wanted: bool) -> Iterator[None]:
    """Within it a GPU rounds the factors of float products to 10 bits after the point, many times faster, if that is
    wanted, and else does not; torch by itself lets convolutions do so.
    """
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.fp32_precision, cudnn.allow_tf32
    matmul.fp32_precision, cudnn.allow_tf32 = ("tf32", True) if wanted else ("ieee", False)
    try:
        yield
    finally:
        matmul.fp32_precision, cudnn.allow_tf32 = before


class CaptureFailed(ValueError):
    """The step cannot become a graph; torch may be left in the middle of it, so that only a new process goes on."""


def suits(training: Any) -> bool:
    """Whether `captured` is for this training: on one GPU, unless $NAIGN_CAPTURE is 0."""
    alone = training.device.type == "cuda" and distributed.world() == 1
    return alone and os.environ.get(SWITCH, "1") != "0"


def captured(training: Any) -> Callable[[bool], None]:
    """Both kinds of step of a training as graphs, after real steps on a side stream, as capture needs; they count.

    training : a `naign.training.Training` on a GPU

    A memory is filled by waiting for the host: its search stays outside, and hands what it finds to the graph.
    CaptureFailed if it cannot be, after the state was saved.
    """
    torch.backends.cudnn.benchmark = True  # every step has the same shapes: worth looking for the fastest convolutions
    found: list[Tensor] = []

    def warm(again: bool) -> None:
        found[:] = training.find(again)
        training.learn(*found)

    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            training.advance(warm)
    torch.cuda.current_stream().wait_stream(stream)
    if not training.memory:
        kinds = [False, True] if training.schedule.replay else [False]
        graphs = [_graph(training, lambda kind=kind: training.one_step(kind)) for kind in kinds]
        return lambda again=False: graphs[again]()
    held = [part.clone() for part in found]
    graph = _graph(training, lambda: training.learn(*held))

    def step(again: bool = False) -> None:
        for place, part in zip(held, training.find(again), strict=True):
            place.copy_(part)
        graph()

    return step


def _graph(training: Any, step: Callable[[], None]) -> Callable[[], None]:
    graph = torch.cuda.CUDAGraph()
    try:
        for generator in training.generators:
            graph.register_generator_state(generator)
        with torch.cuda.graph(graph):
            step()
    except RuntimeError as error:
        with contextlib.suppress(RuntimeError):  # the device may be beyond answering
            training.save()
        reason = files.in_a_line(error)
        raise CaptureFailed(
            f"the step could not be captured into a graph ({reason}): "
            f"the same call with {SWITCH}=0 in the environment goes on without."
        ) from None
    return graph.replay
