"""NAIGN, NAIGN-, IGN and a denoising autoencoder: what one training step minimises."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from naign import losses, matching

Terms = dict[str, Tensor]
Method = typing.Union["Matched", "IGN", "DAE"]


def together(f: nn.Module, *inputs: Tensor) -> tuple[Tensor, ...]:
    """f of several batches in one call, or in one call each if f has a batch norm.

    A batch norm computes statistics over what it is given, so joining batches would
    change the result.
    """
    if any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in f.modules()):
        return tuple(f(x) for x in inputs)
    return f(torch.cat(inputs)).split([len(x) for x in inputs])


def spread(x: Tensor, fx: Tensor) -> Tensor:
    """How much f(x) varies over the batch, over how much x does: 1 for the identity, 0 if f is constant."""
    return fx.detach().std(0, correction=0).mean() / x.std(0, correction=0).mean().clamp_min(1e-12)


def reconstruction_only(method: Method, f: nn.Module, x: Tensor) -> Terms:
    """The terms of a warm-up step, in which reconstruction alone is minimised; the others read 0."""
    fx = f(x)
    rec = losses.reconstruction(x, fx, method.distance)
    zero = torch.zeros_like(rec.detach())
    return dict.fromkeys(method.columns, zero) | {"rec": rec, "total": rec, "spread": spread(x, fx)}


def _check(method: Method) -> None:
    if method.distance not in losses.DISTANCES:
        raise ValueError(f"unknown distance {method.distance!r}: choose one of {', '.join(losses.DISTANCES)}.")
    for name in method.columns:
        w = getattr(method, f"w_{name}", 0.0)
        if not 0 <= w < float("inf"):
            raise ValueError(f"w_{name} is {w}: a weight must be 0 or a positive number.")


@dataclass(frozen=True)
class Matched:
    """Reconstruction + a generative term + idempotence, where a matching says which f(z) is pulled to what.

    Parameters
    ----------
    distance : see `naign.losses.distance`
    w_rec, w_imle, w_idem : weights of the terms
    idempotence : "modified" (Appendix 7) or "plain" (Eq. 6, as Algorithm 1 prints it)
    """

    distance: str = "l2"
    w_rec: float = 1.0
    w_imle: float = 1.0
    w_idem: float = 1.0
    idempotence: str = "modified"

    columns: ClassVar[tuple[str, ...]] = ("rec", "imle", "idem", "total", "distinct", "spread")
    selects: ClassVar[bool] = False  # whether the noises of a matching are other than draws of p_Z

    def __post_init__(self):
        _check(self)
        if self.idempotence not in ("modified", "plain"):
            raise ValueError(f"unknown idempotence {self.idempotence!r}: choose modified or plain.")

    def terms(
        self,
        f: nn.Module,
        x: Tensor,
        source: nn.Module,
        generator: torch.Generator,
        found: tuple[Tensor, ...] | None = None,
    ) -> Terms:
        """The loss terms of one batch x (N, *D), their weighted total, and what the matching reports.

        found : noises z (N, *D), the point (N, *D) that each f(z) is pulled to, and the share of
            them that are distinct; by default what `search` finds, for a method that needs no memory
        """
        d = self.distance
        z, target, distinct = found or self.search(f, x, source, generator)
        inputs = [x, z]
        if self.w_idem and self.selects:
            inputs.append(source.sample(len(x), generator))
        fx, fz, *rest = together(f, *inputs)
        rec, imle = losses.reconstruction(x, fx, d), losses.imle(target, fz, d)
        idem = self._idempotence(f, rest[0] if rest else fz) if self.w_idem else torch.zeros_like(rec)
        total = self.w_rec * rec + self.w_imle * imle + self.w_idem * idem
        return {"rec": rec, "imle": imle, "idem": idem, "total": total, "distinct": distinct, "spread": spread(x, fx)}

    def _idempotence(self, f: nn.Module, fz: Tensor) -> Tensor:
        if self.idempotence == "plain":
            return losses.idempotence(fz, f, self.distance)
        return losses.modified_idempotence(fz, f(fz.detach()), f, self.distance)


@dataclass(frozen=True)
class Searching(Matched):
    """Methods that choose N noises among M candidates.

    Parameters
    ----------
    candidates : M as a multiple of the batch size N

    The others are those of `Matched`.
    """

    candidates: float = 10.0

    selects: ClassVar[bool] = True

    def __post_init__(self):
        super().__post_init__()
        if not self.candidates > 0:
            raise ValueError(f"candidates is {self.candidates}: M = candidates x N must be at least 1.")

    def count(self, n: int) -> int:
        """M for a batch of n."""
        m = round(self.candidates * n)
        if m < 1:
            raise ValueError(f"candidates {self.candidates} x batch size {n} gives M = {m}: M must be at least 1.")
        return m


@dataclass(frozen=True)
class NAIGN(Searching):
    """Eq. 11: reconstruction + IMLE + idempotence; w_idem = 0 gives Eq. 10, NAIGN-.

    Parameters
    ----------
    candidate_dtype : "float32", "bfloat16" or "auto" (what is faster), precision of the search alone

    The others are those of `Searching`.
    """

    candidate_dtype: str = "auto"

    def __post_init__(self):
        super().__post_init__()
        if self.candidate_dtype not in ("auto", "float32", "bfloat16"):
            raise ValueError(f"unknown candidate_dtype {self.candidate_dtype!r}: choose auto, float32 or bfloat16.")

    def search(self, f: nn.Module, x: Tensor, source: nn.Module, generator: torch.Generator) -> tuple[Tensor, ...]:
        """The noises z* (N, *D) whose images are nearest to a batch x, x, and the share of z* that differ."""
        candidates = source.sample(self.count(len(x)), generator)
        winner = matching.nearest(f, x, candidates, self.distance, self.candidate_dtype)
        return candidates[winner], x, matching.distinct_share(winner, len(candidates))


@dataclass(frozen=True)
class IGN:
    """Eq. 4: reconstruction + idempotence + tightness.

    Parameters
    ----------
    distance : see `naign.losses.distance`
    w_rec, w_idem, w_tight : weights of the terms
    clamp : a in tanh(L_tight / (a L_rec)) a L_rec, IGN's bound on the tightness
        (a = 1.5 there); 0 leaves it out, as NAIGN's paper does
    """

    distance: str = "l2"
    w_rec: float = 1.0
    w_idem: float = 1.0
    w_tight: float = 0.1
    clamp: float = 0.0

    columns: ClassVar[tuple[str, ...]] = ("rec", "idem", "tight", "total", "spread")

    def __post_init__(self):
        _check(self)
        if not self.clamp >= 0:
            raise ValueError(f"clamp is {self.clamp}: give 0 for none or a positive number.")

    def terms(self, f: nn.Module, x: Tensor, source: nn.Module, generator: torch.Generator) -> Terms:
        """The loss terms of one batch x (N, *D) and their weighted total."""
        fx, fz = together(f, x, source.sample(len(x), generator))
        rec = losses.reconstruction(x, fx, self.distance)
        idem = losses.idempotence(fz, f, self.distance)
        tight = losses.tightness(fz, f, self.distance)
        if self.clamp:
            bound = (self.clamp * rec.detach()).clamp_min(1e-12)
            tight = torch.tanh(tight / bound) * bound
        total = self.w_rec * rec + self.w_idem * idem + self.w_tight * tight
        return {"rec": rec, "idem": idem, "tight": tight, "total": total, "spread": spread(x, fx)}


@dataclass(frozen=True)
class DAE:
    """A denoising autoencoder (Vincent et al. 2008), the plain way to learn a projection: E d(x, f(x + sigma e)).

    sigma is drawn for every sample, evenly from 0 to the largest, so that f learns to come back from near and far.

    Parameters
    ----------
    distance : see `naign.losses.distance`
    sigma : the largest standard deviation of the noise, in the units of the data; 0 makes it a plain autoencoder
    """

    distance: str = "l2"
    sigma: float = 1.0

    columns: ClassVar[tuple[str, ...]] = ("rec", "total", "spread")

    def __post_init__(self):
        _check(self)
        if not 0 <= self.sigma < float("inf"):
            raise ValueError(f"sigma is {self.sigma}: it must be 0 or a positive number.")

    def terms(self, f: nn.Module, x: Tensor, source: nn.Module, generator: torch.Generator) -> Terms:
        """The loss of one batch x (N, *D); `rec` is the error after noise."""
        size = self.sigma * torch.rand(len(x), *[1] * (x.ndim - 1), generator=generator, device=x.device)
        fx = f(x + size * torch.randn(x.shape, generator=generator, device=x.device))
        rec = losses.reconstruction(x, fx, self.distance)
        return {"rec": rec, "total": rec, "spread": spread(x, fx)}
