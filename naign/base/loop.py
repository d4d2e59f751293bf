"""Steps one after another, of which a stop loses nothing: a history, and a good state to go back to and on from.

The good state is kept in memory at every row of the history, on disk about every minute.
"""

import json
import math
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from naign.base import capture, distributed, files, interrupts

CHECKPOINT_SECONDS = 60.0
ROWS = 200  # of the history, about


class NonFiniteLoss(ValueError):
    """A loss term became NaN or infinite; f holds the last good state."""


class Loop:
    """What `naign.training.Training` is but for the steps themselves.

    It has those by `one_step` and `advance`, and each ends with `tally`. A state is made of `parts`, what has a
    state_dict, and `generators`, all that a step draws from; `fingerprint` tells the training from others.
    """

    def __init__(self, f: nn.Module, schedule: Any, columns: Sequence[str], checkpoint: Path | None):
        self.f, self.schedule, self.columns = f, schedule, columns
        self.checkpoint = checkpoint and Path(checkpoint)
        self.device = next(f.parameters()).device
        self.step, self.began = 0, time.monotonic()
        self.history: dict[str, list[float]] = {name: [] for name in ("step", *columns)}
        self.snapshots: dict[int, dict[str, Tensor]] = {}
        self.clock: dict[int, float] = {}
        self.on_disk: set[int] = set()  # snapshots that the checkpoint's directory holds already
        self.sums = torch.zeros(len(columns), device=self.device)
        self.counter = torch.zeros((), device=self.device)
        self.first_bad = torch.full((len(columns),), math.inf, device=self.device)

    def run(self, progress: bool) -> None:
        """All steps that are left."""
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
                f"process {distributed.rank()} lost the others near step {self.step} ({files.in_a_line(error)}): "
                "the same call continues from the last state that was saved."
            ) from None

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

    def look(self) -> None:
        """Copy f after the steps for which that was asked."""
        if self.step in self.schedule.copied and self.step not in self.clock:
            self.snapshots[self.step] = {k: v.detach().cpu().clone() for k, v in self.f.state_dict().items()}
            self.clock[self.step] = round(self.seconds(), 2)

    @torch.no_grad()
    def tally(self, terms: dict[str, Tensor]) -> None:
        """Add up the terms of a step, and note its number where one is the first that is not finite."""
        rows = torch.stack([terms[name].detach() for name in self.columns])
        distributed.summed([rows])
        self.counter += 1
        self.sums += rows
        bad = torch.where(torch.isfinite(rows), math.inf, self.counter)
        torch.minimum(self.first_bad, bad, out=self.first_bad)

    def check(self) -> None:
        """Stop if a loss or f is no longer finite; here and in `log` alone does the host wait for the device."""
        first_bad = self.first_bad.view(len(self.columns), -1).amin(1).tolist()
        if (at := min(first_bad)) < math.inf:
            column = self.columns[first_bad.index(at)]
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
        row = dict(zip(self.columns, (self.sums / (self.step - last)).tolist(), strict=True))
        self.sums.zero_()
        for name, value in {"step": self.step, **row}.items():
            self.history[name].append(value)
        return row

    def keep(self) -> None:
        """Remember this as the last good state."""
        state = files.joined({name: part.state_dict() for name, part in self.parts.items()})
        state |= {"sums": self.sums, "generator": torch.stack([one.get_state() for one in self.generators])}
        self.good = self.step, {name: value.detach().clone() for name, value in state.items()}

    def rewind(self) -> None:
        """Back to the last good state: an interrupt may have come in mid-step."""
        self.step, tensors = self.good
        for name, part in self.parts.items():
            part.load_state_dict(files.under(tensors, name))
        states = tensors["generator"].cpu().view(len(self.generators), -1)
        for generator, own in zip(self.generators, states, strict=True):
            generator.set_state(own.clone())  # a view's offset into what it views crashes torch
        self.sums.copy_(tensors["sums"])
        self.counter.fill_(self.step)
        self.first_bad.fill_(math.inf)
        rows = sum(step <= self.step for step in self.history["step"])
        self.history = {name: column[:rows] for name, column in self.history.items()}
        self.clock = {step: at for step, at in self.clock.items() if step <= self.step}
        self.snapshots = {step: self.snapshots[step] for step in self.clock}

    def seconds(self) -> float:
        """Training time so far, that before an interruption included."""
        return time.monotonic() - self.began

    def save(self) -> bool:
        """The last good state to the checkpoint's directory, each snapshot once, in a file of its own.

        Whether that was done; where it fails it warns: training outlives a full disk.
        """
        if not self.checkpoint or distributed.rank():
            return False
        step, tensors = self.good
        meta = {"step": step, "history": self.history, "seconds": self.seconds(), "clock": self.clock}
        meta = {k: json.dumps(v) for k, v in meta.items()} | {"fingerprint": self.fingerprint}
        try:
            for s in self.clock.keys() - self.on_disk:
                files.save_tensors(self._snapshot(s), self.snapshots[s], {})
                self.on_disk.add(s)
            files.save_tensors(self.checkpoint / "checkpoint.safetensors", tensors, meta)
        except ValueError as error:
            warnings.warn(f"no checkpoint was kept: {error}", stacklevel=2)
            return False
        return True

    def resume(self) -> None:
        """On from the checkpoint's directory if it holds a state; ValueError if that is another training's."""
        path = self.checkpoint / "checkpoint.safetensors"
        if not path.exists():
            return
        tensors, meta = files.load_tensors(path)
        if meta.pop("fingerprint") != self.fingerprint:
            raise ValueError(
                f"{path} belongs to a training with other settings or data: delete it or name another directory."
            )
        meta = {k: json.loads(v) for k, v in meta.items()}
        self.began -= meta["seconds"]
        self.history = meta["history"]
        self.clock = {int(s): at for s, at in meta["clock"].items()}
        self.snapshots = {s: files.load_tensors(self._snapshot(s))[0] for s in self.clock}
        self.good = meta["step"], {name: value.to(self.device) for name, value in tensors.items()}
        self.rewind()
        self.on_disk = set(self.clock)

    def _snapshot(self, step: int) -> Path:
        return self.checkpoint / f"snapshot-{step}.safetensors"
