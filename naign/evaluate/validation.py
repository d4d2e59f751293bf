"""Which state of a training is best, told by data that neither trained f nor will be its test."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from naign.data.samples import FEW, TensorData
from naign.data.toys import Toy
from naign.evaluate import fewshot, shares
from naign.evaluate.clouds import Snapshots, each_snapshot
from naign.evaluate.images import Judge
from naign.projection import project

SEED = 20_251_103  # another than that of the scores
SAMPLES = 5_000
LEAST = {"w1", "fld"}  # of which less is better


def criterion(data: Toy | TensorData) -> tuple[str, Callable[[Tensor], float]] | None:
    """What states are chosen by, and the function of samples (n, *D) that tells it; None if nothing is kept apart.

    On the line W1, elsewhere on toys Coverage, against samples drawn for this alone; on images that have `validation`
    the FLD to it, or Coverage in pixels where the LeNet cannot read them. Of a few images, which leave none to
    keep apart, the effective number that the samples serve.
    """
    generator = torch.Generator().manual_seed(SEED)
    if isinstance(data, Toy):
        judge, name = shares.Points(data, data.sample(SAMPLES, generator)), "w1" if data.kind == "line" else "coverage"
        return name, lambda y: judge.scores(y)[name]
    if len(data.shape) == 3 and len(data) <= FEW:
        train = data.take(slice(None)).flatten(1)
        return "effective", lambda y: fewshot.compared(y.flatten(1), train)["effective"]
    if data.validation is None:
        return None
    judge = Judge(replace(data, test=data.validation), SAMPLES)
    if judge.net:
        return "fld", judge.fld
    return "coverage", lambda y: judge.scores(y)["coverage"]


def by_step(f: nn.Module, source: nn.Module, data: Toy | TensorData, snapshots: Snapshots) -> dict[str, object]:
    """The criterion of f(z) after each step of which there is a snapshot, the same z every time.

    source, data : on the CPU; neither f nor the source is changed

    Returns
    -------
    dict
        by : the criterion's name; steps : step -> its value; best : the step of the best; {} if there is no criterion
    """
    known = criterion(data) if snapshots else None
    if not known:
        return {}
    name, score = known
    n = fewshot.SAMPLES if name == "effective" else SAMPLES
    z = source.sample(n, torch.Generator().manual_seed(SEED)).to(next(f.parameters()).device)
    found = {str(step): score(project(then, z).cpu()) for step, then in each_snapshot(f, snapshots)}
    best = (min if name in LEAST else max)(found, key=found.get)
    return {"by": name, "steps": found, "best": int(best)}
