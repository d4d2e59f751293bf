"""Batches in, a trained f and its history out: the loop, and how it is kept and continued."""

import json
import math
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from naign.base import capture, distributed, files, interrupts
from naign.base.settings import values
from naign.matching import Replay
from naign.methods import Terms, divide, reconstruction_only
from naign.optim import Optimiser, Schedule
from naign.sources import Part, Sampler
from naign.state import State

CHECKPOINT_SECONDS = 60.0
ROWS = 200  # of the history, about
COLLAPSED = 0.25  # spread below which f(x) is called constant


class NonFiniteLoss(ValueError):
    """A loss term became NaN or infinite; f holds the last good state."""


class Training(State):
    """One training of f, in place; `fit` carries it out.

    Parameters
    ----------
    f, source : on the device to train on
    data : anything with `sample(n, generator)`, which returns x, (n, *D)
    method : one of `naign.methods`
    seed : decides every draw of the loop
    checkpoint : a directory; the loop saves its state there and, if one is found,
        continues from it exactly as if it had never stopped

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
        self.f, self.source, self.data, self.method, self.schedule = f, source, data, method, schedule
        self.checkpoint = checkpoint and Path(checkpoint)
        self.device = next(f.parameters()).device
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.generators = [self.generator]  # all that a step draws from
        self.replay = Replay(schedule.replay_batches)
        # Which steps train on a past batch: known in advance, so that nothing needs to be stored for it.
        self.again = torch.rand(schedule.steps, generator=torch.Generator().manual_seed(seed)) < schedule.replay
        self.again[: schedule.warm_start + 1] = False  # nothing is stored yet
        # What a method must remember between its searches, if anything, is found and kept here.
        self.memory = None
        if hasattr(method, "searcher"):
            self.memory = method.searcher(data, schedule.batch_size)
        self.search = getattr(self.memory or method, "search", None)
        self.own_source = source
        if distributed.world() > 1:
            divide(method, f, schedule.batch_size)
            self.own_source = Part(source, schedule.batch_size)
        if schedule.replay and not self.search:
            raise ValueError(f"replay is {schedule.replay}: {type(method).__name__} has no winners to replay, give 0.")
        self.optimiser = Optimiser(f, schedule)
        self.parts = {"f": f, "optimiser": self.optimiser, "replay": self.replay}
        if self.memory:
            self.parts["memory"] = self.memory
        self.step, self.began = 0, time.monotonic()
        self.history: dict[str, list[float]] = {name: [] for name in ("step", *method.columns)}
        self.snapshots: dict[int, dict[str, Tensor]] = {}
        self.clock: dict[int, float] = {}
        self.on_disk: set[int] = set()  # snapshots that the checkpoint's directory holds already
        self.sums = torch.zeros(len(method.columns), device=self.device)
        self.counter = torch.zeros((), device=self.device)
        self.first_bad = torch.full((len(method.columns),), math.inf, device=self.device)
        asked = {"method": repr(method), "schedule": values(schedule), "seed": seed, "f": repr(f)}
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
        if self.checkpoint:
            files.writable_directory(self.checkpoint)
            self.resume()
        try:
            quiet = not progress or distributed.rank() > 0
            with interrupts.heeded(), tqdm(total=self.schedule.steps, disable=quiet, unit="step") as bar:
                self._run(bar)
        except KeyboardInterrupt:
            with interrupts.ignored():
                self.rewind()
                if self.save():
                    of = f"{self.step} of {self.schedule.steps}"
                    print(f"\nstopped after step {of}; the same call continues.", file=sys.stderr)
            raise
        except RuntimeError as error:
            if distributed.world() == 1 or isinstance(error, torch.OutOfMemoryError):
                raise
            with interrupts.ignored():
                self.save()
            raise ValueError(
                f"process {distributed.rank()} lost the others near step {self.step} ({str(error).splitlines()[0]}): "
                "the same call continues from the last state that was saved."
            ) from None
        spread = torch.tensor(self.history.get("spread", [1.0])[-1]).min().item()
        if spread < COLLAPSED and self.schedule.batch_size > 1:
            warnings.warn(
                f"f is nearly constant, its outputs vary {spread:.2f} times as much as the data: "
                "lower w_idem, or train longer on reconstruction first (warm_start).",
                stacklevel=2,
            )

    def _run(self, bar: tqdm) -> None:
        steps, every = self.schedule.steps, max(1, self.schedule.steps // ROWS)
        kept, one_step = time.monotonic(), self.one_step
        capture_at = max(self.step, self.schedule.warm_start) if capture.suits(self) else -1
        self.look()
        while self.step < steps:
            if self.step == capture_at and self.step + 2 * capture.WARM_UP < steps:
                one_step = capture.captured(self)
            self.advance(one_step)
            row = self.step % every == 0 or self.step == steps
            due = self.checkpoint and time.monotonic() - kept > CHECKPOINT_SECONDS
            if not row and not due:
                continue
            self.check()
            if row:
                bar.update(self.step - bar.n)
                bar.set_postfix({k: f"{v:.3g}" for k, v in self.log().items()}, refresh=False)
            self.keep()
            if due:
                kept = time.monotonic()
                self.save()

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
        with self.autocast():  # of its own: what it caches of the weights has no gradient
            found = self.search(self.f, x, self.source, self.generator)
        if self.schedule.replay:
            self.replay.store(x, *found)
        return x, *found

    def learn(self, x: Tensor, *found: Tensor) -> None:
        """A step down the gradient of the terms of a batch, which are counted."""
        with capture.tf32(self.schedule.dtype == "tf32"):
            with self.autocast():
                terms = self.terms(x, *found)
            self.optimiser.step(terms["total"].sum())  # of an `Ensemble` one a member
        with torch.no_grad():
            rows = torch.stack([terms[name].detach() for name in self.method.columns])
            distributed.summed([rows])
            self.counter += 1
            self.sums += rows
            bad = torch.where(torch.isfinite(rows), math.inf, self.counter)
            torch.minimum(self.first_bad, bad, out=self.first_bad)

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

    def check(self) -> None:
        """Stop if a loss or f is no longer finite; here and in `log` alone does the host wait for the device."""
        first_bad = self.first_bad.view(len(self.method.columns), -1).amin(1).tolist()
        if (at := min(first_bad)) < math.inf:
            column = self.method.columns[first_bad.index(at)]
            fault = f"the loss term {column!r} became NaN or infinite at step {int(at)}"
        elif not torch.stack([torch.isfinite(p).all() for p in self.f.parameters()]).all():
            fault = f"a gradient became NaN or infinite by step {self.step}"  # the loss itself was finite
        else:
            return
        self.rewind()
        self.save()
        raise NonFiniteLoss(
            f"{fault}: f is back at its state after step {self.step}; "
            f"lower lr (now {self.schedule.lr}) or the weights of the terms."
        )

    def log(self) -> dict[str, float]:
        """One row of the history."""
        last = self.history["step"][-1] if self.history["step"] else 0
        row = dict(zip(self.method.columns, (self.sums / (self.step - last)).tolist(), strict=True))
        self.sums.zero_()
        for name, value in {"step": self.step, **row}.items():
            self.history[name].append(value)
        return row

    def look(self) -> None:
        """Copy f after the steps for which that was asked."""
        if self.step in self.schedule.copied and self.step not in self.clock:
            self.snapshots[self.step] = {k: v.detach().cpu().clone() for k, v in self.f.state_dict().items()}
            self.clock[self.step] = round(self.seconds(), 2)
