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
