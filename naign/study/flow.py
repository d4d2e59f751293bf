"""The baseline of chapter 7: flow matching (Lipman et al. 2023) with the network, optimiser and time of `naign-field`.

A flow is no idempotent model: it moves noise to data in many small steps, each a pass of the network.
"""

import time
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from naign.base import files
from naign.base.settings import changed, settings, values
from naign.evaluate import SEED, lenet, shares
from naign.evaluate.images import Judge
from naign.models import ConvAutoencoder, seeded
from naign.projection import project
from naign.sources import Sampler
from naign.study import plan, records
from naign.study.experiment import Experiment
from naign.study.provenance import provenance
from naign.training import Training

LONGER = {"quick": 1.0, "cpu": 2.3, "paper": 2.3}  # steps a step of the field, which makes the time equal
EULER = (1, 20)  # steps from noise to data
LATEST = 0.95  # t at which 1 / (1 - t) stops to grow; the last of 20 steps starts there


class Velocity(nn.Module):
    """v(x, t) by the body of a `ConvAutoencoder` with t as one more constant channel; it has no tanh.

    The network gives the data point D(x, t) that the flow leads to, of which v = (D - x) / (1 - t): so the noise in x,
    which is to be taken off, need not pass through the narrow code.
    """

    def __init__(self, shape: tuple[int, int, int], width: int, norm: str):
        super().__init__()
        self.net = ConvAutoencoder((shape[0] + 1, *shape[1:]), width, norm).net

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """x (B, C, H, H) and t (B,) in [0, 1) -> (B, C, H, H)."""
        t = t.view(-1, 1, 1, 1)
        out = self.net(torch.cat([x, t.expand_as(x[:, :1])], 1))[:, :-1]
        return (out - x) / (1 - t).clamp_min(1 - LATEST)


@settings
class FlowMatching:
    """E |v((1 - t) z + t x, t) - (x - z)|^2 / D with t uniform: independent conditional flow matching of torchcfm."""

    columns: ClassVar[tuple[str, ...]] = ("flow", "total")

    def terms(self, v: nn.Module, x: Tensor, source: Sampler, generator: torch.Generator) -> dict[str, Tensor]:
        """The loss of one batch x (N, *D)."""
        z = source.sample(len(x), generator)
        t = torch.rand(len(x), generator=generator, device=x.device)
        at = t.view(-1, *[1] * (x.ndim - 1))
        loss = (v((1 - at) * z + at * x, t) - (x - z)).square().mean()
        return {"flow": loss, "total": loss}


class Flow(nn.Module):
    """z -> the end at t = 1 of the path of v that starts there at 0, by so many steps of Euler."""

    def __init__(self, v: nn.Module, steps: int):
        super().__init__()
        self.v, self.steps = v, steps

    def forward(self, z: Tensor) -> Tensor:
        for k in range(self.steps):
            z = z + self.v(z, z.new_full((len(z),), k / self.steps)) / self.steps
        return z


def training(profile: str, seed: int, checkpoint: Path | None = None) -> tuple[Training, Experiment]:
    """One not begun yet, and the experiment of the field whose network, data, source and optimiser it has."""
    (row,) = plan.field(profile)["mnist"]
    e = row.experiment(profile, seed)
    n, steps = e.method.count(e.schedule.batch_size), round(LONGER[profile] * e.schedule.steps)
    schedule = changed(e.schedule, batch_size=n, steps=steps, warm_start=0, snapshots=())
    source = e.training(torch.device("cpu")).source
    v = seeded(lambda: Velocity(e.data.shape, e.network.width, e.network.norm), seed)
    return Training(v, source, e.data.load(), FlowMatching(), schedule, seed, checkpoint), e


def record(profile: str) -> Path:
    """Train and score what the record lacks, an entry a seed; what was interrupted goes on."""
    name = f"flow-{profile}"
    for seed in range(plan.field(profile)["mnist"][0].seeds):
        if f"s{seed}" not in records.noted(name):
            records.note(name, {f"s{seed}": _one(profile, seed)})
    return records.note(name, {})


def _one(profile: str, seed: int) -> dict:
    t, e = training(profile, seed, files.cache_root() / "checkpoints" / f"flow-{profile}-s{seed}")
    used = time.process_time()
    t.fit()
    used = time.process_time() - used  # since an interruption, if there was one
    origin, began = provenance(t.device, t.seconds()) | {"cpu_seconds": round(used, 1)}, time.monotonic()
    config = {"data": values(e.data), "network": values(e.network), "source": e.source, "schedule": values(t.schedule)}
    found = scores(t.f, t.source, Judge(t.data))
    entry = {"seed": seed, "config": config, "loss": t.history["flow"][-1], "euler": found}
    return entry | origin | {"scoring": round(time.monotonic() - began, 1)}


def scores(v: nn.Module, source: nn.Module, judge: Judge) -> dict[str, dict]:
    """Of the images of each number of Euler steps: scores of the judge, and shares of the classes."""
    z, result = source.sample(judge.samples, torch.Generator().manual_seed(SEED)), {}
    for steps in EULER:
        images = project(Flow(v, steps), z)
        result[str(steps)] = judge.scores(images)
        if judge.net:
            result[str(steps)]["classes"] = shares.mode_shares(lenet.labels(judge.net, images), 10).tolist()
    return result
