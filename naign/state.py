"""f and its optimiser as one flat dict of tensors, and a step as a CUDA graph."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn


def copied(f: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """A copy of everything that a step changes but the random stream."""
    tensors = {f"f.{k}": v for k, v in f.state_dict().items()}
    for i, p in enumerate(f.parameters()):
        tensors |= {f"adam.{i}.{k}": v for k, v in optimiser.state.get(p, {}).items()}
    return {k: v.detach().clone() for k, v in tensors.items()}


def put_back(f: nn.Module, optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Undo what happened since `copied`."""
    f.load_state_dict({k[2:]: v for k, v in tensors.items() if k.startswith("f.")})
    parameters = list(f.parameters())
    optimiser.state.clear()
    for name, value in tensors.items():
        if name.startswith("adam."):
            _, i, key = name.split(".")
            p = parameters[int(i)]
            # A fused optimiser reads both by address: its averages must lie in memory as the parameter does.
            same = value.shape == p.shape
            optimiser.state[p][key] = torch.empty_like(p).copy_(value) if same else value.clone()


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
