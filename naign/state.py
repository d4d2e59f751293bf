"""The state of a training: kept in memory at every row of the history, on disk about every minute."""

import json
import math
import time
import warnings
from pathlib import Path

import torch

from naign.base import distributed, files


class State:
    """What `naign.training.Training` is made of that changes, and how it goes back to or on from a good state.

    `parts` are what has a state_dict: f, the optimiser, and what the searches remember.
    """

    def keep(self) -> None:
        """Remember this as the last good state."""
        state = files.joined({name: part.state_dict() for name, part in self.parts.items()})
        tensors = {k: v.detach().clone() for k, v in state.items()} | {"sums": self.sums.clone()}
        rng = torch.stack([generator.get_state() for generator in self.generators])
        self.good = (self.step, tensors, rng, {k: list(v) for k, v in self.history.items()})

    def rewind(self) -> None:
        """Back to the last good state: an interrupt may have come in mid-step."""
        self.step, tensors, rng, self.history = self.good
        for name, part in self.parts.items():
            part.load_state_dict(files.under(tensors, name))
        for generator, own in zip(self.generators, rng.cpu().view(len(self.generators), -1), strict=True):
            generator.set_state(own.clone())  # a view's offset into what it views crashes torch
        self.snapshots = {s: v for s, v in self.snapshots.items() if s <= self.step}
        self.clock = {s: v for s, v in self.clock.items() if s <= self.step}
        self.counter.fill_(self.step)
        self.sums.copy_(tensors["sums"])
        self.first_bad.fill_(math.inf)

    def seconds(self) -> float:
        """Training time so far, that before an interruption included."""
        return time.monotonic() - self.began

    def save(self) -> None:
        """The last good state to the checkpoint's directory; each snapshot once, in a file of its own."""
        step, tensors, rng, history = self.good
        clock = {s: v for s, v in self.clock.items() if s <= step}
        for s in clock.keys() - self.on_disk:
            files.save_tensors(self._snapshot(s), self.snapshots[s], {})
            self.on_disk.add(s)
        meta = {"step": step, "history": history, "seconds": self.seconds(), "clock": clock}
        meta = {k: json.dumps(v) for k, v in meta.items()} | {"fingerprint": self.fingerprint}
        files.save_tensors(self.checkpoint / "checkpoint.safetensors", tensors | {"generator": rng}, meta)

    def saved(self) -> bool:
        """`save` where there is a checkpoint, or a warning if that fails: training outlives a full disk."""
        if not self.checkpoint or distributed.rank():
            return False
        try:
            self.save()
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
        self.clock = {int(s): v for s, v in meta["clock"].items()}
        self.snapshots = {s: files.load_tensors(self._snapshot(s))[0] for s in self.clock}
        self.on_disk = set(self.clock)
        rng = tensors.pop("generator")
        self.good = (meta["step"], {k: v.to(self.device) for k, v in tensors.items()}, rng, meta["history"])
        self.rewind()

    def _snapshot(self, step: int) -> Path:
        return self.checkpoint / f"snapshot-{step}.safetensors"
