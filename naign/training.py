"""Batches in, a trained f and its history out: the steps; `naign.base.loop` has how they are kept and continued."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from naign.base import capture, distributed
from naign.base.loop import Loop
from naign.base.settings import values
from naign.matching import Replay
from naign.methods import Terms, divide, reconstruction_only
from naign.optim import Optimiser, Schedule
from naign.sources import Sampler

COLLAPSED = 0.25  # spread below which f(x) is called constant


class Training(Loop):
    """One training of f, in place; `fit` carries it out.

    Parameters
    ----------
    f, source : on the device to train on
    data : anything with `sample(n, generator)`, which returns x, (n, *D)
    method : one of `naign.methods`
    seed : decides every draw of the loop
    checkpoint : a directory; the loop saves its state there and, if one is found,
        continues from it exactly as if it had never stopped; `fit` refuses, ValueError, one of another training

    Attributes
    ----------
    history : column -> list, about 200 rows, each term's mean over the steps since the row before
    snapshots : step -> the parameters of f after that many steps, on the CPU
    clock : step -> seconds of training until its snapshot, those before an interruption included
    """

    def __init__(
        self,
        f: nn.Module,
        source: nn.Module,
        data: Sampler,
        method: Any,
        schedule: Schedule,
        seed: int = 0,
        checkpoint: Path | None = None,
    ):
        super().__init__(f, schedule, method.columns, checkpoint)
        self.source, self.data, self.method = source, data, method
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.generators = [self.generator]
        self.replay = Replay(schedule.replay_batches)
        # Which steps train on a past batch: known in advance, so that nothing needs to be stored for it.
        self.again = torch.rand(schedule.steps, generator=torch.Generator().manual_seed(seed)) < schedule.replay
        self.again[: schedule.warm_start + 1] = False  # nothing is stored yet
        # What a method must remember between its searches, if anything, is found and kept here.
        self.memory = method.searcher(data, schedule.batch_size) if hasattr(method, "searcher") else None
        self.search = getattr(self.memory or method, "search", None)
        self.own_source = source
        if distributed.world() > 1:
            divide(method, f, schedule.batch_size)
            self.own_source = distributed.Part(source, schedule.batch_size)
        if schedule.replay and not self.search:
            raise ValueError(f"replay is {schedule.replay}: {type(method).__name__} has no winners to replay, give 0.")
        self.optimiser = Optimiser(f, schedule)
        self.parts = {"f": f, "optimiser": self.optimiser, "replay": self.replay}
        if self.memory:
            self.parts["memory"] = self.memory
        asked = {"method": repr(method), "schedule": values(schedule), "seed": seed}
        asked |= {"f": repr(f), "source": repr(source)}
        if hasattr(data, "fingerprint"):
            asked["data"] = data.fingerprint()
        self.fingerprint = json.dumps(asked, sort_keys=True)
        self.keep()

    def fit(self, progress: bool = True) -> None:
        """Train to the end, and warn if f ends up nearly constant: idempotence alone is content with that.

        Raises
        ------
        NonFiniteLoss
            If a term becomes NaN or infinite. f is put back to the last good state.
        KeyboardInterrupt
            On Ctrl-C, SIGTERM or SIGHUP, after saving the state to `checkpoint`.
        ValueError
            If another process of the training has ended, after saving likewise.
        """
        self.run(progress)
        spread = torch.tensor(self.history.get("spread", [1.0])[-1]).min().item()
        if spread < COLLAPSED and self.schedule.batch_size > 1:
            warnings.warn(
                f"f is nearly constant, its outputs vary {spread:.2f} times as much as the data: "
                "lower w_idem, or train longer on reconstruction first (warm_start).",
                stacklevel=2,
            )

    def advance(self, one_step: Callable[[bool], None]) -> None:
        """One step at its learning rate, of its kind."""
        self.optimiser.set_lr(self.schedule.lr_at(self.step))
        one_step(bool(self.again[self.step]))
        self.step += 1
        self.look()

    def one_step(self, again: bool = False) -> None:
        """A step on a new batch, or `again` on a past one."""
        self.learn(*self.find(again))

    def find(self, again: bool = False) -> tuple[Tensor, ...]:
        """The batch x of a step and, where it searches, the pairs that are found for it."""
        if again:
            return self.replay.draw(self.generator)
        x = self.data.sample(self.schedule.batch_size, self.generator)
        if not self.search or self.step < self.schedule.warm_start:
            return (x,)
        with capture.tf32(False), self.autocast():  # of its own: what it caches of the weights has no gradient
            found = self.search(self.f, x, self.source, self.generator)
        if self.schedule.replay:
            self.replay.store(x, *found)
        return x, *found

    def learn(self, x: Tensor, *found: Tensor) -> None:
        """A step down the gradient of the terms of a batch."""
        with capture.tf32(self.schedule.dtype == "tf32"):
            with self.autocast():
                terms = self.terms(x, *found)
            self.optimiser.step(terms["total"].sum())  # of an `Ensemble` one a member
        self.tally(terms)

    def terms(self, x: Tensor, *found: Tensor) -> Terms:
        """The terms of a batch; of several processes each has its part's share of them."""
        own = distributed.part(len(x))
        pairs = [(found[0][own], found[1][own], found[2])] if found else []
        if self.step < self.schedule.warm_start:
            terms = reconstruction_only(self.method, self.f, x[own])
        else:
            terms = self.method.terms(self.f, x[own], self.own_source, self.generator, *pairs)
        if distributed.world() == 1:
            return terms
        return {name: value * (len(x[own]) / len(x)) for name, value in terms.items()}

    def autocast(self) -> torch.autocast:
        """Half precision within, if the schedule has it."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.schedule.dtype == "bfloat16")
