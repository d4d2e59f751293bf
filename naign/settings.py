"""How long and how fast to train, and settings read from text."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Parameters
    ----------
    steps : optimiser steps; batch_size : N
    lr : learning rate; decay : "constant" or "cosine" (down to 0)
    weight_decay : decoupled, as AdamW's
    optimiser : "adamw", or "muon" for the matrices within f, see `naign.optim.Optimiser`
    warm_start : first steps in which reconstruction alone is minimised (Section 4 has them on FFHQ-100)
    replay : probability of a step on a past batch with the winners it had then, which needs no
        search; replay_batches : how many past batches are kept (Section 4.1 has the former at 0.5)
    dtype : "float32", or "bfloat16" to compute f in half precision where that is safe (autocast)
    snapshots : steps after which f is copied; probes : steps after which its samples are scored
    """

    steps: int
    batch_size: int
    lr: float = 1e-4
    decay: str = "constant"
    weight_decay: float = 0.01
    optimiser: str = "adamw"
    warm_start: int = 0
    replay: float = 0.0
    replay_batches: int = 50
    dtype: str = "float32"
    snapshots: tuple[int, ...] = ()
    probes: tuple[int, ...] = ()

    def __post_init__(self):
        for name in ("steps", "batch_size", "replay_batches"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be at least 1.")
        if not 0 < self.lr < float("inf"):
            raise ValueError(f"lr is {self.lr}: it must be a positive number.")
        if self.decay not in ("constant", "cosine"):
            raise ValueError(f"unknown decay {self.decay!r}: choose constant or cosine.")
        if self.optimiser not in ("adamw", "muon"):
            raise ValueError(f"unknown optimiser {self.optimiser!r}: choose adamw or muon.")
        if self.dtype not in ("float32", "bfloat16"):
            raise ValueError(f"unknown dtype {self.dtype!r}: choose float32 or bfloat16.")
        if not 0 <= self.warm_start <= self.steps:
            raise ValueError(f"warm_start is {self.warm_start}: it must lie between 0 and steps = {self.steps}.")
        if not 0 <= self.replay <= 1:
            raise ValueError(f"replay is {self.replay}: it is a probability, give 0 to 1.")
        for name in ("snapshots", "probes"):
            if any(not 0 <= s <= self.steps for s in getattr(self, name)):
                raise ValueError(f"{name} {getattr(self, name)} must lie between 0 and steps = {self.steps}.")

    @property
    def log_every(self) -> int:
        """Steps that one row of the history averages over: about 200 rows a run."""
        return max(1, self.steps // 200)

    def lr_at(self, step: int) -> float:
        if self.decay == "constant":
            return self.lr
        return self.lr * 0.5 * (1 + math.cos(math.pi * step / self.steps))


def typed(name: str, value: object, default: object) -> object:
    """`value`, read from text if need be, if it has the type of `default`.

    Raises
    ------
    ValueError
        If it has not.
    """
    kind, given = type(default), value
    try:
        if isinstance(value, str) and kind is tuple:
            value = tuple(type(default[0])(v) if default else int(v) for v in value.split(",") if v)
        elif isinstance(value, str) and kind in (int, float):
            value = kind(value)
        elif kind is float and type(value) is int:
            value = float(value)
        elif kind is tuple and isinstance(value, list):
            value = tuple(value)
    except ValueError:
        pass
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        example = ",".join(map(str, default)) if kind is tuple else default
        raise ValueError(f"{name}={given!r} is not a finite {kind.__name__}: give one like {example!r}.")
    return value
