"""K trainings as one: their weights stacked, their terms by torch.vmap, each with draws of its own.

Small networks leave a GPU idle; stacked, seeds and data sets of one method give it enough to do.
"""

import copy
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from naign.base import distributed
from naign.methods import Terms, has_batch_norm, reconstruction_only
from naign.optim import Schedule
from naign.sources import Sampler
from naign.training import Training


class Stacked(nn.Module):
    """The parameters of K networks of one shape, each (K, ...), by the names that they have in one."""

    def __init__(self, fs: Sequence[nn.Module]):
        super().__init__()
        every = [dict(f.named_parameters()) for f in fs]
        self.names = list(every[0])
        self.values = nn.ParameterList(torch.stack([p[name].detach() for p in every]) for name in self.names)

    def member(self, k: int, state: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
        """The state of the k-th network, from a state of this module (by default its own)."""
        state = state or self.state_dict()
        return {name: state[f"values.{i}"][k].clone() for i, name in enumerate(self.names)}


class Generators:
    """One generator a member, with the state of all."""

    def __init__(self, device: torch.device, seeds: Sequence[int]):
        self.device, self.each = device, [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def get_state(self) -> Tensor:
        return torch.stack([generator.get_state() for generator in self.each])

    def set_state(self, state: Tensor) -> None:
        for generator, own in zip(self.each, state, strict=True):
            generator.set_state(own.clone())  # a view's offset into what it views crashes torch


class Ensemble(Training):
    """`Training` of K networks, equal to K trainings within rounding; a row of its history has a value a member.

    Parameters
    ----------
    fs, data, seeds : K each; the networks of one architecture without batch norm, the data of one shape
    method, schedule : one for all; no Muon, no replay, and a method whose terms are means over samples
        and draw from the source alone, else ValueError
    """

    def __init__(
        self,
        fs: Sequence[nn.Module],
        source: nn.Module,
        data: Sequence[Sampler],
        method: Any,
        schedule: Schedule,
        seeds: Sequence[int],
        checkpoint: Path | None = None,
    ):
        refuse(fs[0], method, schedule)
        super().__init__(Stacked(fs), source, data[0], method, schedule, seeds[0], checkpoint)
        self.members, self.each = len(fs), list(data)
        self.generator = Generators(self.device, seeds)
        self.generators = self.generator.each
        self.one = _Called(copy.deepcopy(fs[0]))
        self.sums = torch.zeros(len(method.columns), self.members, device=self.device)
        self.first_bad = torch.full_like(self.sums, math.inf)
        self.sizes = self._noted()  # of what a search and the terms draw
        own = [(seed, repr(one)) for seed, one in zip(seeds, data, strict=True)]
        self.fingerprint += repr(own)
        self.keep()

    def _noted(self) -> tuple[list[int], list[int]]:
        noting, generator = _Noting(self.source), torch.Generator(self.device).manual_seed(0)
        f, x = self.one.f, self.each[0].sample(self.schedule.batch_size, generator)
        found = [self.search(f, x, noting, generator)] if self.search else []
        searched, noting.sizes = noting.sizes, []
        self.method.terms(f, x, noting, generator, *found)
        return searched, noting.sizes

    def _map(self, call: Callable, *inputs: Any) -> Any:
        """call(f, *inputs) of every member at once; inputs and results are (K, ...)."""
        names = [f"f.{name}" for name in self.f.names]

        def one(values: list[Tensor], own: tuple) -> Any:
            return torch.func.functional_call(self.one, dict(zip(names, values, strict=True)), (call, *own))

        return torch.vmap(one, randomness="error")(list(self.f.values), inputs)

    def _drawn(self, sizes: list[int]) -> list[Tensor]:
        return [torch.stack([self.source.sample(n, g) for g in self.generators]) for n in sizes]

    def find(self, again: bool = False) -> tuple[Tensor, ...]:
        """As of `Training`, each part (K, ...)."""
        n = self.schedule.batch_size
        x = torch.stack([one.sample(n, g) for one, g in zip(self.each, self.generators, strict=True)])
        if not self.search or self.step < self.schedule.warm_start:
            return (x,)
        with self.autocast():
            found = self._map(lambda f, x, z: self.search(f, x, _Drawn(z), None), x, self._drawn(self.sizes[0]))
        return x, *found

    def terms(self, x: Tensor, *found: Tensor) -> Terms:
        """As of `Training`, each term (K,)."""
        if self.step < self.schedule.warm_start:
            return self._map(lambda f, x: reconstruction_only(self.method, f, x), x)

        def own(f: nn.Module, x: Tensor, z: list[Tensor], *pairs: tuple) -> Terms:
            return self.method.terms(f, x, _Drawn(z), None, *pairs)

        return self._map(own, x, self._drawn(self.sizes[1]), *([found] if found else []))

    def log(self) -> dict[str, float]:
        """As of `Training`; what is returned is the mean over the members."""
        return {name: sum(values) / len(values) for name, values in super().log().items()}

    def of_member(self, k: int) -> tuple[dict[str, Tensor], dict[str, list[float]], dict[int, dict[str, Tensor]]]:
        """The state, history and snapshots of the k-th member, as a training of its own has them."""
        history = {name: [row[k] if name != "step" else row for row in rows] for name, rows in self.history.items()}
        return self.f.member(k), history, {step: self.f.member(k, s) for step, s in self.snapshots.items()}


def refuse(f: nn.Module, method: Any, schedule: Schedule) -> None:
    """ValueError if such trainings cannot be stacked."""
    memory, divisible = hasattr(method, "searcher"), getattr(method, "divisible", False)
    reasons = {
        "method has a memory or terms that are no means over samples": memory or not divisible,
        "optimiser is muon": schedule.optimiser == "muon",
        "replay is above 0": schedule.replay > 0,
        "norm is batch": has_batch_norm(f),
        "processes are several": distributed.world() > 1,
    }
    for reason in (reason for reason, holds in reasons.items() if holds):
        raise ValueError(f"{type(method).__name__} cannot be stacked, since its {reason}: train its runs one by one.")


class _Called(nn.Module):
    """f as a part of a module that calls what it is given on f, so that functional_call may put any weights into f."""

    def __init__(self, f: nn.Module):
        super().__init__()
        self.f = f

    def forward(self, call: Callable, *inputs: Any) -> Any:
        return call(self.f, *inputs)


class _Drawn:
    """A source that hands out, in turn, what was drawn before."""

    def __init__(self, z: list[Tensor]):
        self.next = iter(z)

    def sample(self, n: int, generator: None) -> Tensor:
        return next(self.next)


class _Noting:
    """A source that notes how much is asked of it."""

    def __init__(self, source: Sampler):
        self.source, self.sizes = source, []

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        self.sizes.append(n)
        return self.source.sample(n, generator)
