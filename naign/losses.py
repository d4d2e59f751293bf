"""One equation of the paper, one function.

Shapes: x, z, fx, fz, fz_star, fq are (N, *D); a distance is one value a sample, (N,).
The frozen network f_theta-bot is the same f on detached parameters: gradients still
pass through its input, never into its weights.
"""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor, nn

Distance = Literal["l2", "l1", "l2-squared", "l1-squared"]
DISTANCES = get_args(Distance)


def distance(a: Tensor, b: Tensor, kind: str = "l2") -> Tensor:
    """d(a, b), one value a sample, (N,), 0 or more.

    Parameters
    ----------
    a, b : (N, *D)
    kind : "l2" is the Euclidean norm of the difference and "l1" its mean absolute
        value a coordinate (MAE), which reads the same at any image size; with
        "-squared" appended, their squares
    """
    if a.shape != b.shape:
        raise ValueError(f"cannot compare shapes {tuple(a.shape)} and {tuple(b.shape)}: they must agree.")
    gap = (a - b).flatten(1)
    if kind == "l2":
        return torch.linalg.vector_norm(gap, dim=1)  # its gradient at 0 is 0, not NaN
    if kind == "l1":
        return gap.abs().mean(1)
    if kind == "l2-squared":
        return gap.square().sum(1)
    if kind == "l1-squared":
        return gap.abs().mean(1).square()
    raise ValueError(f"unknown distance {kind!r}: choose one of {', '.join(DISTANCES)}.")


def frozen(f: nn.Module) -> Callable[[Tensor], Tensor]:
    """f_theta-bot: the same network on detached parameters."""
    parameters = {name: p.detach() for name, p in f.named_parameters()}
    return lambda x: torch.func.functional_call(f, parameters, (x,))


def reconstruction(x: Tensor, fx: Tensor, d: str = "l2") -> Tensor:
    """Eq. 5: E d(x, f(x))."""
    return distance(x, fx, d).mean()


def idempotence(fz: Tensor, f: nn.Module, d: str = "l2") -> Tensor:
    """Eq. 6: E d(f(z), f_bot(f(z)))."""
    return distance(fz, frozen(f)(fz), d).mean()


def modified_idempotence(fz: Tensor, fq: Tensor, f: nn.Module, d: str = "l2") -> Tensor:
    """Appendix 7: the mean of Eq. 6 at z and at q, a generated point fed back in."""
    return idempotence(torch.cat([fz, fq]), f, d)  # both halves have N samples: one mean


def tightness(fz: Tensor, f: nn.Module, d: str = "l2") -> Tensor:
    """Eq. 7: -E d(f_bot(z), f(f_bot(z)))."""
    fz = fz.detach()
    return -distance(fz, f(fz), d).mean()


def imle(x: Tensor, fz_star: Tensor, d: str = "l2") -> Tensor:
    """Eq. 8, averaged over the batch as in Algorithm 1, given each x's winner f(z*)."""
    return distance(x, fz_star, d).mean()
