"""One training: its state, a step of it, and how it is kept and continued."""

from __future__ import annotations

import functools
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from naign import cuda, files
from naign.memories import Replay
from naign.methods import Method, reconstruction_only
from naign.optim import Optimiser
from naign.settings import Schedule
from naign.sources import Sampler

CHECKPOINT_SECONDS = 60.0
WARM_UP = 11  # steps before a capture: both kinds run among them, but for once in a thousand times


class NonFiniteLoss(ValueError):
    """A loss term became NaN or infinite; f holds the last good state."""


class Loop:
    """The state of a training and one step of it; `fit` is what to call."""

    def __init__(
        self,
        f: nn.Module,
        source: nn.Module,
        data: Sampler,
        method: Method,
        schedule: Schedule,
        seed: int = 0,
        checkpoint: Path | None = None,
        probe: Callable[[nn.Module], dict[str, float]] | None = None,
    ):
        self.f, self.source, self.data = f, source, data
        self.method, self.schedule, self.checkpoint, self.probe = method, schedule, checkpoint, probe
        self.device = next(f.parameters()).device
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.replay = Replay(schedule.replay_batches)
        # Which steps train on a past batch: known in advance, so that nothing needs to be stored for it.
        self.again = torch.rand(schedule.steps, generator=torch.Generator().manual_seed(seed)) < schedule.replay
        self.again[: schedule.warm_start + 1] = False  # nothing is stored yet
        # What a method must remember between its searches, if anything, is found and kept here.
        self.memory = None
        if hasattr(method, "searcher"):
            self.memory = method.searcher(data, schedule.batch_size, self.generator)
        self.search = getattr(self.memory or method, "search", None)
        if schedule.replay and not self.search:
            raise ValueError(f"replay is {schedule.replay}: {type(method).__name__} has no winners to replay, give 0.")
        self.optimiser = Optimiser(f, schedule)
        self.step, self.began = 0, time.monotonic()
        self.history = {name: [] for name in ("step", *method.columns)}
        self.snapshots: dict[int, dict[str, Tensor]] = {}
        self.probes: dict[int, dict[str, float]] = {}
        self.sums = torch.zeros(len(method.columns), device=self.device)
        self.counter = torch.zeros((), device=self.device)
        self.first_bad = torch.full((len(method.columns),), math.inf, device=self.device)
        asked = {"method": repr(method), "schedule": asdict(schedule), "seed": seed, "f": repr(f)}
        if hasattr(data, "fingerprint"):
            asked["data"] = data.fingerprint()
        self.fingerprint = json.dumps(asked, sort_keys=True)
        self.keep()

    def run(self, progress: bool) -> None:
        steps, every = self.schedule.steps, self.schedule.log_every
        self.look()
        bar = tqdm(total=steps, initial=self.step, disable=not progress, mininterval=1.0, unit="step")
        saved, one_step = time.monotonic(), self.one_step
        # A memory is filled by waiting for the host, and Muon reads its learning rate there.
        captures = self.device.type == "cuda" and not self.memory and self.schedule.optimiser == "adamw"
        capture_at = max(self.step, self.schedule.warm_start) if captures else -1
        with bar:
            while self.step < steps:
                if self.step == capture_at and self.step + 2 * WARM_UP < steps:
                    one_step = self.captured()
                self.set_lr()
                one_step(bool(self.again[self.step]))
                self.step += 1
                self.look()
                if self.step % every == 0 or self.step == steps:
                    bar.update(self.step - bar.n)
                    bar.set_postfix({k: f"{v:.3g}" for k, v in self.log().items()}, refresh=False)
                    self.keep()
                    if self.checkpoint and time.monotonic() - saved > CHECKPOINT_SECONDS:
                        self.save(self.checkpoint)
                        saved = time.monotonic()

    def one_step(self, again: bool = False) -> None:
        """A step on a new batch, or `again` on a past one."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.schedule.dtype == "bfloat16"):
            terms = self.replayed() if again else self.terms()
        self.optimiser.step(terms["total"])
        with torch.no_grad():
            values = torch.stack([terms[name].detach() for name in self.method.columns])
            self.counter += 1
            self.sums += values
            bad = torch.where(torch.isfinite(values), math.inf, self.counter)
            torch.minimum(self.first_bad, bad, out=self.first_bad)

    def terms(self) -> dict[str, Tensor]:
        x = self.data.sample(self.schedule.batch_size, self.generator)
        if self.step < self.schedule.warm_start:
            return reconstruction_only(self.method, self.f, x)
        if not self.search:
            return self.method.terms(self.f, x, self.source, self.generator)
        found = self.search(self.f, x, self.source, self.generator)
        if self.schedule.replay:
            self.replay.store(x, *found)
        return self.method.terms(self.f, x, self.source, self.generator, found)

    def replayed(self) -> dict[str, Tensor]:
        x, *found = self.replay.draw(self.generator)
        return self.method.terms(self.f, x, self.source, self.generator, tuple(found))

    def captured(self) -> Callable[..., None]:
        """Both kinds of step as CUDA graphs, after real steps on a side stream, as capture needs; they count."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self.set_lr()
                self.one_step(bool(self.again[self.step]))
                self.step += 1
                self.look()
        torch.cuda.current_stream().wait_stream(stream)
        kinds = [False, True] if self.schedule.replay else [False]
        steps = [cuda.captured(functools.partial(self.one_step, kind), self.generator) for kind in kinds]
        return lambda again=False: steps[again]()

    def set_lr(self) -> None:
        self.optimiser.set_lr(self.schedule.lr_at(self.step))

    def seconds(self) -> float:
        return time.monotonic() - self.began

    def log(self) -> dict[str, float]:
        """One row of the history; the only place where the host waits for the device."""
        first_bad = self.first_bad.tolist()
        if min(first_bad) < math.inf:
            at = min(first_bad)
            self.fail(f"the loss term {self.method.columns[first_bad.index(at)]!r}", f"at step {int(at)}")
        if not torch.stack([torch.isfinite(p).all() for p in self.f.parameters()]).all():
            self.fail("a gradient", f"by step {self.step}")  # the loss itself was finite
        last = self.history["step"][-1] if self.history["step"] else 0
        row = (self.sums / (self.step - last)).tolist()
        self.sums.zero_()
        self.history["step"].append(self.step)
        for name, value in zip(self.method.columns, row, strict=True):
            self.history[name].append(value)
        return dict(zip(self.method.columns, row, strict=True))

    def fail(self, what: str, when: str) -> None:
        self.rewind()
        if self.checkpoint:
            self.save(self.checkpoint)
        raise NonFiniteLoss(
            f"{what} became NaN or infinite {when}: f is back at its state after step {self.step}; "
            f"lower lr (now {self.schedule.lr}) or the weights of the terms."
        )

    def look(self) -> None:
        """Copy and score f after the steps for which that was asked."""
        if self.step in self.schedule.snapshots and self.step not in self.snapshots:
            self.snapshots[self.step] = {k: v.detach().clone() for k, v in self.f.state_dict().items()}
        if self.probe and self.step in self.schedule.probes and self.step not in self.probes:
            seconds = self.seconds()
            self.probes[self.step] = {"seconds": round(seconds, 2)} | self.probe(self.f)
            self.began += self.seconds() - seconds

    # --- state: kept in memory at every row of the history, on disk about every minute

    def keep(self) -> None:
        history = {k: list(v) for k, v in self.history.items()}
        changing = {f"f.{k}": v for k, v in self.f.state_dict().items()} | self.optimiser.state()
        tensors = {k: v.detach().clone() for k, v in changing.items()} | self.replay.state()
        if self.memory:
            tensors |= self.memory.state()
        self.good = (self.step, tensors, self.generator.get_state(), history)

    def rewind(self) -> None:
        """Back to the last good state: an interrupt may have come in mid-step."""
        self.step, tensors, rng, self.history = self.good
        self.f.load_state_dict({k[2:]: v for k, v in tensors.items() if k.startswith("f.")})
        self.optimiser.put_back(tensors)
        self.replay.put_back(tensors)
        if self.memory:
            self.memory.put_back(tensors)
        self.generator.set_state(rng.cpu())
        self.snapshots = {s: v for s, v in self.snapshots.items() if s <= self.step}
        self.probes = {s: v for s, v in self.probes.items() if s <= self.step}
        self.counter.fill_(self.step)
        self.sums.zero_()
        self.first_bad.fill_(math.inf)

    def save(self, directory: Path) -> None:
        step, tensors, rng, history = self.good
        tensors = dict(tensors)
        tensors["generator"] = rng
        for s, parameters in self.snapshots.items():
            if s <= step:
                tensors |= {f"snapshot.{s}.{k}": v for k, v in parameters.items()}
        meta = {"step": str(step), "history": json.dumps(history), "seconds": str(self.seconds())}
        meta["fingerprint"] = self.fingerprint
        meta["probes"] = json.dumps({s: v for s, v in self.probes.items() if s <= step})
        files.save_tensors(Path(directory) / "checkpoint.safetensors", tensors, meta)

    def resume(self) -> None:
        path = Path(self.checkpoint) / "checkpoint.safetensors" if self.checkpoint else None
        if path is None or not path.exists():
            return
        tensors, meta = files.load_tensors(path)
        if meta["fingerprint"] != self.fingerprint:
            raise ValueError(
                f"{path} belongs to a training with other settings or data: delete it or name another directory."
            )
        self.began -= float(meta["seconds"])
        self.probes = {int(s): v for s, v in json.loads(meta["probes"]).items()}
        tensors = {k: v.to(self.device) for k, v in tensors.items()}
        rng = tensors.pop("generator").cpu()
        for name in [k for k in tensors if k.startswith("snapshot.")]:
            _, s, key = name.split(".", 2)
            self.snapshots.setdefault(int(s), {})[key] = tensors.pop(name)
        self.good = (int(meta["step"]), tensors, rng, json.loads(meta["history"]))
        self.rewind()
