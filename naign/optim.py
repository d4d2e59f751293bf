"""How long and how fast to train, and what turns gradients into steps."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from naign.base import distributed
from naign.base.settings import Field, Numbers, settings


@settings
class Schedule:
    """How long and how fast to train."""

    steps: int = Field(ge=1, le=10**9, description="optimiser steps")
    batch_size: int = Field(ge=1, le=10**6, description="N")
    lr: float = Field(1e-4, gt=0, le=1e6, description="learning rate")
    decay: Literal["constant", "cosine"] = Field("constant", description="of the learning rate; cosine ends at 0")
    weight_decay: float = Field(0.01, ge=0, le=1e3, description="decoupled, as AdamW's")
    optimiser: Literal["adamw", "muon"] = Field("adamw", description="muon for the matrices within f, see `Optimiser`")
    warm_start: int = Field(0, ge=0, description="first steps, of reconstruction alone (Section 4)")
    replay: float = Field(
        0.0, ge=0, le=1, description="probability of a step on a past batch and its winners (Section 4)"
    )
    replay_batches: int = Field(50, ge=1, le=10**5, description="how many past batches are kept")
    dtype: Literal["float32", "tf32", "bfloat16"] = Field(
        "float32", description="bfloat16: half precision where that is safe; tf32: a GPU's, in the terms alone"
    )
    snapshots: Numbers = Field((), description="shares of the run, 0 to 1, after which f is copied, to be looked at")

    def __post_init__(self):
        if self.warm_start > self.steps:
            raise ValueError(f"warm_start is {self.warm_start}: it must lie between 0 and steps = {self.steps}.")
        if any(not 0 <= share <= 1 for share in self.snapshots):
            raise ValueError(f"snapshots is {self.snapshots}: give shares of the run, from 0 to 1.")

    @property
    def copied(self) -> set[int]:
        """The steps after which f is copied."""
        return {round(share * self.steps) for share in self.snapshots}

    def lr_at(self, step: int) -> float:
        """The learning rate after so many steps."""
        if self.decay == "constant":
            return self.lr
        return self.lr * 0.5 * (1 + math.cos(math.pi * step / self.steps))


class Optimiser:
    """AdamW, or Muon for the weights within f and AdamW for the rest: first and last layer, biases and norms.

    Muon (Jordan et al. 2024, torch.optim.Muon) replaces the momentum of a weight matrix by the nearest
    orthogonal one, so that all directions of the matrix learn at one pace; its step is scaled to the
    size of AdamW's, so that one learning rate serves both. A kernel is a matrix of a row an output.
    """

    def __init__(self, f: nn.Module, schedule: Schedule):
        self.parameters, self.lr = list(f.parameters()), schedule.lr
        device, decay = self.parameters[0].device, schedule.weight_decay
        cuda = device.type == "cuda"
        inner = [p for p in self.parameters if p.ndim > 1][1:-1] if schedule.optimiser == "muon" else []
        self.matrices = {p: nn.Parameter(_matrix(p.detach())) for p in inner}  # on the same memory
        rest = [p for p in self.parameters if p not in self.matrices]
        # On CUDA the learning rate is a tensor, so that a captured step reads its new value.
        lr = torch.tensor(schedule.lr, device=device) if cuda else schedule.lr
        self.adamw = torch.optim.AdamW(rest, lr=lr, weight_decay=decay, fused=True, capturable=cuda)
        self.parts: list[torch.optim.Optimizer] = [self.adamw]
        if inner:
            matrices = list(self.matrices.values())
            muon = torch.optim.Muon(matrices, lr=schedule.lr, weight_decay=decay, adjust_lr_fn="match_rms_adamw")
            self.parts.append(muon)
        # Muon reads its learning rate on the host, where a captured step never looks again: on CUDA it steps at a
        # fixed one, and as its step is linear in it, the share of the step that is kept makes up for that.
        self.share = torch.ones((), device=device) if inner and cuda else None

    def step(self, loss: Tensor) -> None:
        """One step down the gradient of a loss."""
        for p in self.parameters:
            p.grad = None
        loss.backward()
        distributed.summed(p.grad for p in self.parameters if p.grad is not None)
        for p, matrix in self.matrices.items():
            matrix.grad = _matrix(p.grad)
        before = {m: m.detach().clone() for m in self.matrices.values()} if self.share is not None else {}
        for part in self.parts:
            part.step()
        with torch.no_grad():
            for matrix, old in before.items():
                matrix.lerp_(old, 1 - self.share)

    def set_lr(self, lr: float) -> None:
        """The learning rate of the next steps, of captured ones too."""
        if self.share is not None:
            self.share.fill_(lr / self.lr)
        for part in self.parts:
            for group in part.param_groups:
                if isinstance(group["lr"], Tensor):
                    group["lr"].fill_(lr)
                elif part is self.adamw or self.share is None:
                    group["lr"] = lr

    def _averages(self, p: nn.Parameter) -> dict[str, Tensor]:
        return self.parts[1].state[self.matrices[p]] if p in self.matrices else self.adamw.state[p]

    def state_dict(self) -> dict[str, Tensor]:
        """Every average, by the number of its parameter and its name; not copied."""
        return {f"{i}.{k}": v for i, p in enumerate(self.parameters) for k, v in self._averages(p).items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        for part in self.parts:
            part.state.clear()
        for name, value in state.items():
            i, key = name.split(".")
            p = self.parameters[int(i)]
            like = self.matrices.get(p, p)
            # A fused optimiser reads both by address: its averages must lie in memory as the parameter does.
            own = torch.empty_like(like).copy_(value) if value.shape == like.shape else value.clone()
            self._averages(p)[key] = own


def _matrix(kernel: Tensor) -> Tensor:
    """A weight as a matrix on the same memory, a row for each entry of its first dimension."""
    if kernel.ndim == 4 and kernel.is_contiguous(memory_format=torch.channels_last):
        kernel = kernel.permute(0, 2, 3, 1)
    return kernel.view(len(kernel), -1)  # never a copy: a step must reach the network
