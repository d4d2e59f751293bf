"""What turns gradients into steps: AdamW, or Muon for the matrices within f and AdamW for the rest."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from naign.settings import Schedule


class Optimiser:
    """One interface to both choices of `Schedule.optimiser`.

    Muon (Jordan et al. 2024, torch.optim.Muon) replaces the momentum of a weight matrix by the nearest
    orthogonal one, so that all directions of the matrix learn at one pace; its step is scaled to the
    size of AdamW's, so that one learning rate serves both. It takes the weights within f, a kernel as
    a matrix of a row an output; first and last layer, biases and norms stay with AdamW.

    Parameters
    ----------
    f : on the device to train on
    schedule : its lr, weight_decay and optimiser
    """

    def __init__(self, f: nn.Module, schedule: Schedule):
        self.parameters = list(f.parameters())
        cuda = self.parameters[0].device.type == "cuda"
        self.kernels: list[tuple[nn.Parameter, nn.Parameter]] = []
        if schedule.optimiser == "muon":
            inner = [p for p in self.parameters if p.ndim > 1][1:-1]
            self.kernels = [(p, nn.Parameter(_matrix(p.detach()))) for p in inner]
        taken = {id(p) for p, _ in self.kernels}
        # On CUDA the learning rate is a tensor, so that a captured step reads its new value.
        lr = torch.tensor(schedule.lr, device=self.parameters[0].device) if cuda else schedule.lr
        rest = [p for p in self.parameters if id(p) not in taken]
        self.parts: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(rest, lr=lr, weight_decay=schedule.weight_decay, fused=True, capturable=cuda)
        ]
        if self.kernels:
            matrices = [m for _, m in self.kernels]
            self.parts.append(
                torch.optim.Muon(
                    matrices, lr=schedule.lr, weight_decay=schedule.weight_decay, adjust_lr_fn="match_rms_adamw"
                )
            )

    def step(self, loss: Tensor) -> None:
        """One step down the gradient of a loss."""
        for p in self.parameters:
            p.grad = None
        loss.backward()
        for p, matrix in self.kernels:
            matrix.grad = _matrix(p.grad)
        for part in self.parts:
            part.step()

    def set_lr(self, lr: float) -> None:
        for part in self.parts:
            for group in part.param_groups:
                if isinstance(group["lr"], Tensor):
                    group["lr"].fill_(lr)
                else:
                    group["lr"] = lr

    def state(self) -> dict[str, Tensor]:
        """Every average, by name; not copied."""
        own = dict(self.kernels)
        tensors = {}
        for i, p in enumerate(self.parameters):
            part, key = (self.parts[1], own[p]) if p in own else (self.parts[0], p)
            tensors |= {f"adam.{i}.{k}": v for k, v in part.state.get(key, {}).items()}
        return tensors

    def put_back(self, tensors: dict[str, Tensor]) -> None:
        """Undo what happened since `state` was copied."""
        own = dict(self.kernels)
        for part in self.parts:
            part.state.clear()
        for name, value in tensors.items():
            if name.startswith("adam."):
                _, i, key = name.split(".")
                p = self.parameters[int(i)]
                part, p = (self.parts[1], own[p]) if p in own else (self.parts[0], p)
                # A fused optimiser reads both by address: its averages must lie in memory as the parameter does.
                same = value.shape == p.shape
                part.state[p][key] = torch.empty_like(p).copy_(value) if same else value.clone()


def _matrix(kernel: Tensor) -> Tensor:
    """A weight as a matrix on the same memory, a row for each entry of its first dimension."""
    if kernel.ndim == 4 and kernel.is_contiguous(memory_format=torch.channels_last):
        kernel = kernel.permute(0, 2, 3, 1)
    return kernel.view(len(kernel), -1)  # never a copy: a step must reach the network
