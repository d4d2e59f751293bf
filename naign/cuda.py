"""A step as a CUDA graph."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch


def captured(step: Callable[[], None], generator: torch.Generator) -> Callable[[], None]:
    """The step as a CUDA graph, one launch instead of hundreds; the step itself, with a warning, if that fails."""
    graph = torch.cuda.CUDAGraph()
    try:
        graph.register_generator_state(generator)
        with torch.cuda.graph(graph):
            step()
    except RuntimeError as error:
        warnings.warn(f"the step could not be captured, it runs uncaptured: {error}", stacklevel=3)
        return step
    return graph.replay
