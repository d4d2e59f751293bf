"""Images as float tensors (n, C, H, W) in [-1, 1], and the one interface training reads."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class TensorData:
    """Samples held in memory; a batch is drawn from them with replacement.

    Parameters
    ----------
    x : (n, *D), floating point, finite, n at least 2

    Raises
    ------
    ValueError
        If x has another type or shape, fewer than two samples, or NaN or infinite values.
    """

    x: Tensor

    def __post_init__(self):
        x = self.x
        if not isinstance(x, Tensor):
            raise ValueError(f"data is a {type(x).__name__}: give a torch tensor of shape (n, *D).")
        if x.ndim < 2 or x[0].numel() == 0:
            raise ValueError(f"data has shape {tuple(x.shape)}: give (n, *D), one sample a row.")
        if not x.is_floating_point():
            raise ValueError(f"data has type {x.dtype}: convert it to float and scale it to about [-1, 1].")
        if len(x) < 2:
            raise ValueError(f"data has {len(x)} sample(s): at least 2 are needed.")
        bad = int((~torch.isfinite(x)).flatten(1).any(1).sum())
        if bad:
            raise ValueError(f"data has NaN or infinite values in {bad} of {len(x)} samples: remove or mend them.")

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.x.shape[1:])

    def fingerprint(self) -> str:
        """SHA-256 of the samples' bytes: tells one data set from another."""
        raw = self.x.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
        return hashlib.sha256(raw.tobytes()).hexdigest()

    def to(self, device: torch.device) -> TensorData:
        return TensorData(self.x.to(device))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n samples, (n, *D), drawn with replacement."""
        index = torch.randint(len(self.x), (n,), generator=generator, device=self.x.device)
        return self.x[index]


def digits() -> TensorData:
    """The 1,797 handwritten digits that scikit-learn ships, (1797, 1, 8, 8)."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ValueError("the digits come with scikit-learn: install it with `pip install scikit-learn`.") from None
    x = torch.tensor(load_digits().images, dtype=torch.float32)
    return TensorData((x / 8 - 1).unsqueeze(1))
