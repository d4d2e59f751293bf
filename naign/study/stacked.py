"""K trainings as one, their weights stacked, their terms by torch.vmap; and each of them kept as a run of its own.

Small networks leave a GPU idle; stacked, seeds and data sets of one method give it enough to do.
"""

import contextlib
import copy
import hashlib
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from naign.base import distributed, files
from naign.methods import Terms, reconstruction_only
from naign.models import Dense
from naign.optim import Schedule
from naign.sources import Sampler
from naign.study import records, runs
from naign.study.experiment import Experiment
from naign.study.provenance import device_of, provenance
from naign.study.records import Run
from naign.training import Training


def train(experiments: Sequence[Experiment], progress: bool = True) -> list[Path]:
    """Where the run of each experiment lies; those that are not there yet are trained, as few ensembles, and scored.

    ValueError, before any work, if they cannot be stacked.
    """
    todo: dict[tuple, list[Experiment]] = {}
    for experiment in experiments:
        if not isinstance(experiment.network, Dense):
            raise ValueError(f"{experiment.name} cannot be stacked: only networks of dense layers can.")
        refuse(experiment.method, experiment.schedule)
        alike = (*map(repr, (experiment.method, experiment.network, experiment.schedule)), experiment.source)
        if runs.find(experiment) is None:
            todo.setdefault((*alike, experiment.data.shape), []).append(experiment)
    for group in todo.values():
        _together(group, progress)
    for experiment in experiments:
        runs.load_or_fit(experiment)  # scores it
    return [runs.find(experiment) for experiment in experiments]


def _together(group: list[Experiment], progress: bool) -> None:
    """Train experiments that differ by data and seed alone, and keep their runs."""
    group = sorted(group, key=lambda experiment: experiment.directory)
    names = [experiment.directory for experiment in group]
    digest = hashlib.sha256(" ".join(names).encode()).hexdigest()[:10]
    checkpoint = files.cache_root() / "checkpoints" / f"stacked-{digest}"
    root, device = files.writable_directory(records.runs_root()), device_of()
    with contextlib.ExitStack() as held:
        for name in names:
            held.enter_context(files.locked(name))
        each = [experiment.training(device) for experiment in group]
        fs, data = [one.f for one in each], [one.data for one in each]
        first, seeds = group[0], [experiment.seed for experiment in group]
        ensemble = Ensemble(fs, each[0].source, data, first.method, first.schedule, seeds, checkpoint)
        ensemble.fit(progress)
        share = 1 / len(group)  # of the time, so that those of the runs sum up to what it took
        origin = provenance(device, share * ensemble.seconds()) | {"stacked": len(group)}
        origin["clock"] = {str(step): round(share * at, 2) for step, at in ensemble.clock.items()}
        for k, (experiment, one) in enumerate(zip(group, each, strict=True)):
            state, history, snapshots = ensemble.of_member(k)
            one.f.load_state_dict(state)
            run = Run(experiment.config(), history, {}, dict(origin), one.f.cpu().eval(), one.source.cpu(), snapshots)
            if runs.find(experiment) is None:  # another process may have been faster
                run.keep(root / experiment.directory)
    shutil.rmtree(checkpoint, ignore_errors=True)


def together(fs: Sequence[nn.Module]) -> nn.Module:
    """Networks of one shape as one, each parameter (K, ...) by the name that it has in one of them."""
    result = copy.deepcopy(fs[0])
    for name, p in result.named_parameters():
        p.data = torch.stack([f.get_parameter(name).detach() for f in fs])
    return result


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
        refuse(method, schedule)
        super().__init__(together(fs), source, data[0], method, schedule, seeds[0], checkpoint)
        self.members, self.each = len(fs), list(data)
        self.generators = [torch.Generator(self.device).manual_seed(seed) for seed in seeds]
        self.one = _Called(copy.deepcopy(fs[0]))
        self.sums = torch.zeros(len(method.columns), self.members, device=self.device)
        self.first_bad = torch.full_like(self.sums, math.inf)
        own = [(seed, repr(one)) for seed, one in zip(seeds, data, strict=True)]
        self.fingerprint += repr(own)
        self.keep()

    def _map(self, call: Callable, *inputs: Any) -> Any:
        """call(f, source, *inputs) of every member at once; inputs and results are (K, ...)."""

        def one(parameters: dict[str, Tensor], k: Tensor, inputs: tuple) -> Any:
            source = _Own(self.source, self.generators, k)
            named = {f"f.{name}": p for name, p in parameters.items()}
            return torch.func.functional_call(self.one, named, (call, source, *inputs))

        members = torch.arange(self.members, device=self.device)
        return torch.vmap(one, randomness="same")(dict(self.f.named_parameters()), members, inputs)

    def find(self, again: bool = False) -> tuple[Tensor, ...]:
        """As of `Training`, each part (K, ...)."""
        n = self.schedule.batch_size
        x = torch.stack([one.sample(n, g) for one, g in zip(self.each, self.generators, strict=True)])
        if not self.search or self.step < self.schedule.warm_start:
            return (x,)
        with self.autocast():
            found = self._map(lambda f, source, x: self.search(f, x, source, None), x)
        return x, *found

    def terms(self, x: Tensor, *found: Tensor) -> Terms:
        """As of `Training`, each term (K,)."""
        if self.step < self.schedule.warm_start:
            return self._map(lambda f, _, x: reconstruction_only(self.method, f, x), x)

        def own(f: nn.Module, source: Sampler, x: Tensor, *pairs: tuple) -> Terms:
            return self.method.terms(f, x, source, None, *pairs)

        return self._map(own, x, *([found] if found else []))

    def log(self) -> dict[str, float]:
        """As of `Training`; what is returned is the mean over the members."""
        return {name: sum(values) / len(values) for name, values in super().log().items()}

    def of_member(self, k: int) -> tuple[dict[str, Tensor], dict[str, list[float]], dict[int, dict[str, Tensor]]]:
        """The state, history and snapshots of the k-th member, as a training of its own has them."""
        history = {name: [row[k] if name != "step" else row for row in rows] for name, rows in self.history.items()}
        states = [self.f.state_dict(), *self.snapshots.values()]
        state, *snapshots = ({name: v[k].clone() for name, v in one.items()} for one in states)
        return state, history, dict(zip(self.snapshots, snapshots, strict=True))


def refuse(method: Any, schedule: Schedule) -> None:
    """ValueError if such trainings cannot be stacked."""
    memory, divisible = hasattr(method, "searcher"), getattr(method, "divisible", False)
    reasons = {
        "method has a memory or terms that are no means over samples": memory or not divisible,
        "optimiser is muon": schedule.optimiser == "muon",
        "replay is above 0": schedule.replay > 0,
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


class _Own:
    """A source as the k-th member draws from it, with its own generator; k may differ within `torch.vmap`."""

    def __init__(self, source: Sampler, generators: Sequence[torch.Generator], k: Tensor):
        self.source, self.generators, self.k = source, generators, k

    def sample(self, n: int, generator: None) -> Tensor:
        every = torch.stack([self.source.sample(n, own) for own in self.generators])
        return every.index_select(0, self.k[None])[0]  # which does not ask the host for k
