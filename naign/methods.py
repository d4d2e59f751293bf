"""What one training step minimises: NAIGN, NAIGN-, IGN, a denoising autoencoder; `naign.beyond` has what goes further.

A method is a set of typed settings with one function, `terms`: from a batch of data to the loss terms of
that batch. `@method` gives it its name, label and colour.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn

from naign import losses, matching
from naign.base import distributed
from naign.base.settings import Field, settings
from naign.matching import Pairs
from naign.sources import Sampler

Terms = dict[str, Tensor]


class Entry(NamedTuple):
    """A method as it is known: its class, what readers call it, and its one colour in figures."""

    cls: type
    label: str
    colour: str


METHODS: dict[str, Entry] = {}


def method(name: str, label: str, colour: str) -> Callable[[type], type]:
    """Enter a class of settings with `columns` and `terms` into METHODS; `naign.beyond` does so too.

    The colours are Okabe and Ito's and Tol's, told apart by colour-blind readers.
    """

    def entered(cls: type) -> type:
        METHODS[name] = Entry(settings(cls), label, colour)
        return METHODS[name].cls

    return entered


def make(name: str, **options: object) -> Any:
    """The method called `name`, one of METHODS, with its options."""
    if name not in METHODS:
        raise ValueError(f"unknown method {name!r}: choose one of {', '.join(METHODS)}.")
    return METHODS[name].cls(**options)


def together(f: nn.Module, *inputs: Tensor) -> tuple[Tensor, ...]:
    """f of several batches in one call, or in one each if f has a batch norm, whose statistics joining would change."""
    if has_batch_norm(f):
        return tuple(f(x) for x in inputs)
    return f(torch.cat(inputs)).split([len(x) for x in inputs])


def has_batch_norm(f: nn.Module) -> bool:
    """Whether what f makes of a sample depends on those beside it."""
    return any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in f.modules())


def divide(method: Any, f: nn.Module, n: int) -> None:
    """Make f the same in all processes; ValueError if they cannot train it together with batches of n."""
    processes = distributed.world()
    if not getattr(method, "divisible", False):
        known = ", ".join(name for name, entry in METHODS.items() if getattr(entry.cls(), "divisible", False))
        raise ValueError(
            f"{method!r} cannot be trained by {processes} processes, since its terms are no means over samples: "
            f"start one process, or choose one of {known}, without a clamp."
        )
    if has_batch_norm(f):
        raise ValueError(
            f"norm is 'batch', whose statistics are of the whole batch: give group to train by {processes} processes."
        )
    if n < processes:
        raise ValueError(f"batch_size is {n}: give at least one sample for each of {processes} processes.")
    for tensor in f.state_dict().values():
        distributed.from_first(tensor)


def spread(x: Tensor, fx: Tensor) -> Tensor:
    """How much f(x) varies over the batch, over how much x does: 1 for the identity, 0 if f is constant."""
    return fx.detach().std(0, correction=0).mean() / x.std(0, correction=0).mean().clamp_min(1e-12)


def reconstruction_only(method: Any, f: nn.Module, x: Tensor) -> Terms:
    """The terms of a warm-up step, in which reconstruction alone is minimised; the others read 0."""
    fx = f(x)
    rec = losses.reconstruction(x, fx, method.distance)
    zero = torch.zeros_like(rec.detach())
    return dict.fromkeys(method.columns, zero) | {"rec": rec, "total": rec, "spread": spread(x, fx)}


@settings
class ThreeTerms:
    """The three terms of Eq. 11 and their weights."""

    distance: losses.Distance = Field("l2", description="d, see `naign.losses.distance`")
    w_rec: float = Field(1.0, ge=0, le=1e6, description="weight of reconstruction, Eq. 5")
    w_imle: float = Field(1.0, ge=0, le=1e6, description="weight of the generative term, Eq. 8")
    w_idem: float = Field(1.0, ge=0, le=1e6, description="weight of idempotence; 0 leaves the term out")
    idempotence: Literal["modified", "plain"] = Field("modified", description="Appendix 7; plain: Eq. 6")

    columns: ClassVar[tuple[str, ...]] = ("rec", "imle", "idem", "total", "distinct", "spread")

    def weighted(self, rec: Tensor, imle: Tensor, idem: Tensor) -> Terms:
        """Eq. 11."""
        total = self.w_rec * rec + self.w_imle * imle + self.w_idem * idem
        return {"rec": rec, "imle": imle, "idem": idem, "total": total}

    def idem(self, f: nn.Module, fz: Tensor) -> Tensor:
        """The idempotence term at generated points fz (N, *D)."""
        if self.idempotence == "plain":
            return losses.idempotence(fz, f, self.distance)
        return losses.modified_idempotence(fz, f(fz.detach()), f, self.distance)


@method("naign", "NAIGN", "#0072B2")
class NAIGN(ThreeTerms):
    """Eq. 11: reconstruction + IMLE + idempotence, by Algorithm 1, and by default with the term of Appendix 7."""

    candidates: float = Field(10.0, gt=0, le=10**5, description="M, as a multiple of the batch size N")
    candidate_dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="precision of the search alone; auto takes what is faster"
    )

    divisible: ClassVar[bool] = True  # its terms are means over samples, and draw from the source alone

    def terms(
        self, f: nn.Module, x: Tensor, source: Sampler, generator: torch.Generator, found: Pairs | None = None
    ) -> Terms:
        """The loss terms of one batch x (N, *D), their weighted total, the share of winners that differ, the spread;
        `found` is what `search` found for this batch, if that is known already."""
        z_star, _, distinct = found or self.search(f, x, source, generator)
        z = [source.sample(len(x), generator)] if self.w_idem else []  # others than the winners, which are chosen
        fx, fz_star, *fz = together(f, x, z_star, *z)
        rec, imle = losses.reconstruction(x, fx, self.distance), losses.imle(x, fz_star, self.distance)
        idem = self.idem(f, *fz) if fz else torch.zeros_like(rec)
        return self.weighted(rec, imle, idem) | {"distinct": distinct, "spread": spread(x, fx)}

    def search(self, f: nn.Module, x: Tensor, source: Sampler, generator: torch.Generator) -> Pairs:
        """Of M candidates the z* (N, *D) whose images are nearest to each x; x; the share of z* that differ."""
        candidates = source.sample(self.count(len(x)), generator)
        winner = matching.nearest(f, x, candidates, self.distance, self.candidate_dtype)
        return candidates[winner], x, matching.distinct_share(winner, len(candidates))

    def searched(self, n: int, size: int) -> tuple[int, int]:
        """For a batch of n samples of `size` numbers: pairs that are compared, numbers that are held at once."""
        m = self.count(n)
        return n * m, 2 * m * size + n * min(m, matching.CHUNK)

    def count(self, n: int) -> int:
        """M for a batch of n."""
        m = round(self.candidates * n)
        if m < 1:
            raise ValueError(f"candidates {self.candidates} x batch size {n} gives M = {m}: M must be at least 1.")
        return m


@method("naign-minus", "NAIGN-", "#E69F00")
class NAIGNMinus(NAIGN):
    """Eq. 10: NAIGN without idempotence."""

    w_idem: float = Field(0.0, ge=0, le=0, description="0: there is no such term")
    idempotence: Literal["modified"] = "modified"


@method("ign", "IGN", "#D55E00")
class IGN:
    """Eq. 4: reconstruction + idempotence + tightness."""

    distance: losses.Distance = Field("l2", description="d, see `naign.losses.distance`")
    w_rec: float = Field(1.0, ge=0, le=1e6, description="weight of reconstruction, Eq. 5")
    w_idem: float = Field(1.0, ge=0, le=1e6, description="weight of idempotence, Eq. 6")
    w_tight: float = Field(0.1, ge=0, le=1e6, description="weight of tightness, Eq. 7")
    clamp: float = Field(
        0.0, ge=0, description="a in tanh(L_tight / (a L_rec)) a L_rec, IGN's bound (a = 1.5); 0: none"
    )

    columns: ClassVar[tuple[str, ...]] = ("rec", "idem", "tight", "total", "spread")
    divisible = property(lambda self: not self.clamp, doc="As of `NAIGN`; the bound is one of the whole batch.")

    def terms(self, f: nn.Module, x: Tensor, source: Sampler, generator: torch.Generator) -> Terms:
        """The loss terms of one batch x (N, *D), their weighted total, and the spread."""
        fx, fz = together(f, x, source.sample(len(x), generator))
        rec = losses.reconstruction(x, fx, self.distance)
        idem = losses.idempotence(fz, f, self.distance)
        tight = losses.tightness(fz, f, self.distance)
        if self.clamp:
            bound = (self.clamp * rec.detach()).clamp_min(1e-12)
            tight = torch.tanh(tight / bound) * bound
        total = self.w_rec * rec + self.w_idem * idem + self.w_tight * tight
        return {"rec": rec, "idem": idem, "tight": tight, "total": total, "spread": spread(x, fx)}


@method("dae", "DAE", "#CC79A7")
class DAE:
    """A denoising autoencoder (Vincent et al. 2008), the plain way to learn a projection: E d(x, f(x + sigma e)).

    sigma is drawn for every sample, evenly from 0 to `level`, so that f learns to come back from near and far.
    """

    distance: losses.Distance = Field("l2", description="d, see `naign.losses.distance`")
    level: float = Field(
        1.0, ge=0, description="largest standard deviation of the noise, in data units; 0: an autoencoder"
    )

    columns: ClassVar[tuple[str, ...]] = ("rec", "total", "spread")

    def terms(self, f: nn.Module, x: Tensor, source: Sampler, generator: torch.Generator) -> Terms:
        """The loss of one batch x (N, *D); `rec` is the error after noise."""
        size = self.level * torch.rand(len(x), *[1] * (x.ndim - 1), generator=generator, device=x.device)
        fx = f(x + size * torch.randn(x.shape, generator=generator, device=x.device))
        rec = losses.reconstruction(x, fx, self.distance)
        return {"rec": rec, "total": rec, "spread": spread(x, fx)}
