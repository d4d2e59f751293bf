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
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from naign.base import capture, distributed, files
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
        ensemble = Ensemble(each, checkpoint)
        ensemble.fit(progress)
        share = 1 / len(group)  # of the time, so that those of the runs sum up to what it took
        origin = provenance(device, share * ensemble.seconds()) | {"stacked": len(group)}
        origin["clock"] = {str(step): round(share * at, 2) for step, at in ensemble.clock.items()}
        for k, (experiment, one) in enumerate(zip(group, each, strict=True)):
            state, history, snapshots = ensemble.of_member(k)
            one.f.load_state_dict(state)
            run = Run(experiment.config(), history, {}, dict(origin), one.f.cpu().eval(), one.source.cpu(), snapshots)
            if runs.find(experiment) is None:  # another process may have been faster
                run.save(root / experiment.directory, "")
    shutil.rmtree(checkpoint, ignore_errors=True)


class Ensemble(Training):
    """K trainings, not begun yet, as one, equal to them within rounding; a row of its history has a value a member.

    each : they differ by data, of one shape, and by seed alone; no batch norm, no Muon, no replay, and a method whose
        terms are means over samples and draw from the source alone, else ValueError
    """

    def __init__(self, each: Sequence[Training], checkpoint: Path | None = None):
        first, seeds = each[0], [one.generator.initial_seed() for one in each]
        refuse(first.method, first.schedule)
        stacked = copy.deepcopy(first.f)
        for name, p in stacked.named_parameters():  # (K, ...)
            p.data = torch.stack([one.f.get_parameter(name).detach() for one in each])
        super().__init__(stacked, first.source, first.data, first.method, first.schedule, seeds[0], checkpoint)
        self.each, self.generators = each, [one.generator for one in each]
        self.one = _Called(copy.deepcopy(first.f))
        self.sums = torch.zeros(len(self.method.columns), len(each), device=self.device)
        self.first_bad = torch.full_like(self.sums, math.inf)
        self.fingerprint += repr([(seed, repr(one.data)) for seed, one in zip(seeds, each, strict=True)])
        self.keep()

    def _map(self, call: Callable, *inputs: Any) -> Any:
        """call(f, source, *inputs) of every member at once; inputs and results are (K, ...)."""

        def one(parameters: dict[str, Tensor], k: Tensor, inputs: tuple) -> Any:
            def sample(n: int, generator: None) -> Tensor:  # as the k-th member draws, with its own generator
                every = torch.stack([self.source.sample(n, own) for own in self.generators])
                return every.index_select(0, k[None])[0]  # which does not ask the host for k

            named = {f"f.{name}": p for name, p in parameters.items()}
            return torch.func.functional_call(self.one, named, (call, SimpleNamespace(sample=sample), *inputs))

        members = torch.arange(len(self.each), device=self.device)
        return torch.vmap(one, randomness="same")(dict(self.f.named_parameters()), members, inputs)

    def find(self, again: bool = False) -> tuple[Tensor, ...]:
        """As of `Training`, each part (K, ...)."""
        n = self.schedule.batch_size
        x = torch.stack([one.data.sample(n, one.generator) for one in self.each])
        if not self.search or self.step < self.schedule.warm_start:
            return (x,)
        with capture.tf32(False), self.autocast():
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
