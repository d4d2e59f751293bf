"""What is measured on images: generation, restoration and stability, as it is stored with a run."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from naign import matching
from naign.data.corruptions import CORRUPTIONS
from naign.data.samples import as_bytes
from naign.evaluate import SEED, baselines, coverage, fewshot, shares
from naign.evaluate.judge import Judge
from naign.evaluate.restoration import LEVELS, by_level, damage, restoration
from naign.losses import distance
from naign.projection import project

APPLICATIONS = 10


def measure(f: nn.Module, source: nn.Module, judge: Judge) -> tuple[dict, dict[str, Tensor]]:
    """Everything that a run on images stores: its metrics and some pictures as bytes.

    f is on the device of the judge, the source on the CPU.
    """
    z = source.sample(judge.samples, torch.Generator().manual_seed(SEED))
    x = judge.x.to(judge.device)
    chain = [z.to(judge.device)]
    for k in range(APPLICATIONS):
        chain.append(project(f, chain[-1] if k < 2 else chain[-1][: judge.few]))
    fx, pairs = project(f, x), zip(chain[1:], chain[2:], strict=False)
    result = {
        "n": judge.samples,
        "rec": distance(x, fx, "l1").mean().item(),
        "gap": distance(chain[1], chain[2], "l1").mean().item(),
        "fz": judge.scores(chain[1]),
        "ffz": judge.scores(chain[2]),
        "settle": {"move": [distance(a[: judge.few], b[: judge.few], "l1").mean().item() for a, b in pairs]},
    }
    if judge.train is not None:
        result["z"] = judge.scores(chain[0])  # noise alone has nearest neighbours too
    if judge.net:
        result["settle"]["fld"] = [judge.fld(y[: judge.few]) for y in chain]
        result["classes"] = shares.mode_shares(judge.labels(chain[1]), 10).round(4).tolist()
    result["restoration"] = {name: restoration(f, name, judge, x) for name in CORRUPTIONS}
    result["winners"] = winners(f, source, x[:64], 640)
    some = x[: max(100, judge.n // 10)]
    result["levels"] = {name: by_level(f, name, levels, some) for name, levels in LEVELS.items()}
    z, fz, ffz = chain[:3]
    pictures = {"x": x[:8], "fx": fx[:8], "ffx": project(f, fx[:8]), "z": z[:8], "fz": fz[:16], "ffz": ffz[:16]}
    for name in CORRUPTIONS:
        damaged = damage(name, x[:8])
        pictures |= {f"{name}.{k}": project(f, damaged, k) for k in range(3)}
    return result, {name: as_bytes(images) for name, images in pictures.items()}


def probes(
    f: nn.Module, source: nn.Module, snapshots: dict[int, dict[str, Tensor]], judge: Judge
) -> dict[str, dict[str, float]]:
    """Scores of f(z) and f(f(z)) during training, the same draws z every time: step -> scores.

    Parameters
    ----------
    source : on the CPU
    snapshots : step -> parameters of f
    """
    f, found = copy.deepcopy(f).to(judge.device), {}
    z = source.sample(judge.few, torch.Generator().manual_seed(SEED)).to(judge.device)
    for step, parameters in sorted(snapshots.items()):
        f.load_state_dict(parameters)
        fz = project(f, z)
        found[str(step)] = _probe(fz, project(f, fz), judge)
    return found


def _probe(fz: Tensor, ffz: Tensor, judge: Judge) -> dict[str, float]:
    if judge.train is not None:
        one, two = (fewshot.compared(y.cpu().flatten(1), judge.train.flatten(1)) for y in (fz, ffz))
        return {"covered": one["covered"], "diversity": one["diversity"], "ffz_covered": two["covered"]}
    if judge.net is None:
        return {"gap": distance(fz, ffz, "l1").mean().item()}
    return {"fz": judge.fld(fz), "ffz": judge.fld(ffz)}


@torch.no_grad()
def winners(f: nn.Module, source: nn.Module, x: Tensor, candidates: int) -> dict[str, float]:
    """Mean distance of the winners as the search saw them, as the training step does, and as f is used.

    A batch norm makes these three: the search sees the statistics of its batch of candidates,
    the step those of the winners alone, and use has the running ones.
    """
    f = copy.deepcopy(f).train()
    z = source.sample(candidates, torch.Generator().manual_seed(SEED)).to(x.device)
    index = matching.nearest(f, x, z, "l1")
    parts = [f(part) for part in z.split(matching.CHUNK)]
    searched, trained, used = torch.cat(parts)[index], f(z[index]), project(f, z[index])
    images = {"searched": searched, "trained": trained, "used": used}
    return {name: distance(x, y, "l1").mean().item() for name, y in images.items()}


def floor(judge: Judge) -> dict:
    """What real images score: as many training images, and one half of the test images against the other.

    With few training images instead: what plain baselines restore of the held-out ones, if there are any.
    """
    if judge.train is not None:
        if not judge.data.test:
            return {}
        pca = baselines.PCA(judge.train)
        return {"baselines": {c: baselines.restored(judge.x, damage(c, judge.x), pca) for c in CORRUPTIONS}}
    train = judge.data.take(slice(0, judge.n)) if judge.data.test else judge.x
    result = {"train": judge.scores(train)}
    if judge.net:
        half = torch.randperm(judge.n, generator=torch.Generator().manual_seed(SEED))
        a, b = (judge.real[part.numpy()] for part in half.chunk(2))
        result["halves"] = coverage.frechet(a, b)
        result["classes"] = shares.mode_shares(judge.y, 10).round(4).tolist()
    return result
