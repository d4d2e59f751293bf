"""What is measured on images, as it is stored with a run, and the judge: test images that others are scored against."""

import copy
import functools
import itertools
from typing import Any

import torch
from torch import Tensor, nn

from naign import matching
from naign.data.corruptions import CORRUPTIONS
from naign.data.samples import FEW, TensorData, as_bytes, as_many
from naign.evaluate import SEED, fewshot, lenet, shares
from naign.evaluate.clouds import Snapshots, each_snapshot
from naign.evaluate.restoration import baselines, by_level, damage, mae, repaired
from naign.losses import distance
from naign.projection import project

APPLICATIONS = 10


class Judge:
    """Scores images against those of a test set.

    Parameters
    ----------
    data : its `test` part, else its own first `n` images
    n : at most so many images on either side; 10,000 as in the paper, fewer if they are large
    device : where f and the LeNet run
    """

    def __init__(self, data: TensorData, n: int = 10_000, device: torch.device | str = "cpu"):
        test = data.test or data
        self.data, self.device, self.n = data, device, as_many(min(n, len(test)), data.shape)
        # Few enough training images that each of them is asked for.
        self.train = data.take(slice(None)).cpu() if len(data) <= FEW else None
        self.samples = self.n if self.train is None else as_many(fewshot.SAMPLES, data.shape)
        self.few = max(2, self.samples // 2)  # samples where a whole curve is measured
        self.x = test.take(slice(0, self.n)).cpu()
        self.y = None if test.labels is None else test.labels[: self.n]
        # The LeNet reads digits only; other images are compared by their pixels.
        self.net = lenet.load()[0].to(device) if self.y is not None and data.shape == (1, 32, 32) else None

    distance = "l1"  # in which images are compared

    def draws(self, source: nn.Module, n: int = 0) -> Tensor:
        """z, as many as are scored or n, the same every time."""
        return source.sample(n or self.samples, torch.Generator().manual_seed(SEED)).to(self.device)

    def scores(self, images: Tensor) -> dict[str, float | dict]:
        """FLD, and Coverage and Density in LeNet features and in pixels; with few training images `fewshot.scores`."""
        if self.train is not None:
            return fewshot.scores(images.cpu(), self.train)
        pixels = shares.coverage_density(self.x.flatten(1), images.cpu().flatten(1), self.pixel_radii)
        if self.net is None:
            return {"coverage": pixels[0], "density": pixels[1]}
        fake = lenet.features(self.net, images)
        covered, density = shares.coverage_density(self.real, fake, self.real_radii)
        result = {"fld": shares.frechet(self.real, fake), "coverage": covered, "density": density}
        return result | {"pixel_coverage": pixels[0], "pixel_density": pixels[1]}

    def fld(self, images: Tensor) -> float:
        """Fréchet LeNet Distance to the test images."""
        return shares.frechet(self.real, lenet.features(self.net, images))

    # Of the test images: their features, and the radii of the balls around these and around the images.
    real = functools.cached_property(lambda self: lenet.features(self.net, self.x))
    real_radii = functools.cached_property(lambda self: shares.radii(self.real))
    pixel_radii = functools.cached_property(lambda self: shares.radii(self.x.flatten(1)))


def ends(f: nn.Module, z: Tensor, judge: Any) -> dict:
    """By a judge of images or points the scores of f(z) and f(f(z)), the mean d(x, f(x)) and d(f(z), f(f(z)))."""
    x, fz, ffz = judge.x.to(z.device), project(f, z), project(f, z, 2)
    rec, gap = (distance(a, b, judge.distance).mean().item() for a, b in ((x, project(f, x)), (fz, ffz)))
    return {"n": len(z), "rec": rec, "gap": gap, "fz": judge.scores(fz), "ffz": judge.scores(ffz)}


def measure(f: nn.Module, source: nn.Module, judge: Judge) -> tuple[dict, dict[str, Tensor]]:
    """Everything that a run on images stores, its metrics and some pictures as bytes; the source is on the CPU."""
    x, chain = judge.x.to(judge.device), [judge.draws(source)]
    for k in range(APPLICATIONS):
        chain.append(project(f, chain[-1] if k < 2 else chain[-1][: judge.few]))
    z, fz, ffz = chain[:3]
    fx, firsts = project(f, x), [y[: judge.few] for y in chain]
    result = {
        **ends(f, z, judge),
        "settle": {"move": [mae(a, b) for a, b in itertools.pairwise(firsts[1:])]},
        "restoration": {name: restoration(f, name, judge, x) for name in CORRUPTIONS},
        "winners": winners(f, source, x[:64], 640),
        "levels": {name: by_level(f, name, x[: max(100, judge.n // 10)]) for name in CORRUPTIONS},
    }
    if judge.train is not None:
        result["z"] = judge.scores(z)  # noise alone has nearest neighbours too
    if judge.net:
        result["settle"]["fld"] = [judge.fld(y) for y in firsts]
        result["classes"] = shares.mode_shares(lenet.labels(judge.net, fz), 10).round(4).tolist()
    pictures = {"x": x[:8], "fx": fx[:8], "ffx": project(f, fx[:8]), "z": z[:8], "fz": fz[:16], "ffz": ffz[:16]}
    for name in CORRUPTIONS:
        pictures |= {f"{name}.{k}": y for k, y in enumerate(repaired(f, name, x[:8]).values())}
    return result, {name: as_bytes(images) for name, images in pictures.items()}


def restoration(f: nn.Module, name: str, judge: Judge, x: Tensor) -> dict[str, float]:
    """`mae` to the judge's images x of those `repaired`.

    "literal" is the MAE between the damaged image and f of it, as the paper's text has it;
    "changed" the share of digits the LeNet reads right when clean and not after f.
    """
    images = repaired(f, name, x)
    damaged, once, _ = images.values()
    result = {key: mae(x, y) for key, y in images.items()} | {"literal": mae(damaged, once)}
    if judge.net:
        right = lenet.labels(judge.net, x) == judge.y
        for key, y in (("changed", once), ("changed_damaged", damaged)):
            result[key] = (lenet.labels(judge.net, y)[right] != judge.y[right]).float().mean().item()
    return result


def failures(f: nn.Module, name: str, judge: Judge, count: int = 10) -> tuple[list[Tensor], list[str]]:
    """The first digits that f restores to another digit, by the LeNet's reading (Figure 8).

    [x, damaged x, f(damaged x)], each (count or fewer, 1, 32, 32), and what was read, like "4 → 9".
    """
    x = judge.x[:2000].to(judge.device)
    damaged = damage(name, x)
    restored = project(f, damaged)
    truth, before, after = judge.y[: len(x)], lenet.labels(judge.net, x), lenet.labels(judge.net, restored)
    at = ((before == truth) & (after != truth)).nonzero().flatten()[:count]
    return [images.cpu()[at] for images in (x, damaged, restored)], [f"{truth[i]} → {after[i]}" for i in at]


def probes(f: nn.Module, source: nn.Module, snapshots: Snapshots, judge: Judge) -> dict[str, dict[str, float]]:
    """Scores of f(z) and f(f(z)) after some steps, the same z every time: step -> name -> number."""
    z = judge.draws(source, judge.few)

    def probe(f: nn.Module) -> dict[str, float]:
        fz = project(f, z)
        ffz = project(f, fz)
        if judge.train is not None:
            one, two = (fewshot.compared(y.cpu().flatten(1), judge.train.flatten(1)) for y in (fz, ffz))
            return {"covered": one["covered"], "diversity": one["diversity"], "ffz_covered": two["covered"]}
        return {"fz": judge.fld(fz), "ffz": judge.fld(ffz)} if judge.net else {"gap": mae(fz, ffz)}

    return {str(step): probe(then) for step, then in each_snapshot(f, snapshots)}


@torch.no_grad()
def winners(f: nn.Module, source: nn.Module, x: Tensor, candidates: int) -> dict[str, float]:
    """Mean distance of the winners as the search saw them, as the training step does, and as f is used.

    A batch norm makes these three: the search sees the statistics of its batch of candidates,
    the step those of the winners alone, and use has the running ones.
    """
    f = copy.deepcopy(f).train()
    z = source.sample(candidates, torch.Generator().manual_seed(SEED)).to(x.device)
    index = matching.nearest(f, x, z, "l1")
    searched = matching.images(f, z)[index]
    return {"searched": mae(x, searched), "trained": mae(x, f(z[index])), "used": mae(x, project(f, z[index]))}


def floor(judge: Judge) -> dict:
    """What real images score: as many training images, and one half of the test images against the other.

    With few training images instead: what the baselines restore of the held-out ones, if there are any.
    """
    if judge.train is not None:
        if not judge.data.test:
            return {}
        return {"baselines": {c: baselines(judge.x, damage(c, judge.x), judge.train) for c in CORRUPTIONS}}
    result = {"train": judge.scores(judge.data.take(slice(0, judge.n)) if judge.data.test else judge.x)}
    if judge.net:
        half = torch.randperm(judge.n, generator=torch.Generator().manual_seed(SEED))
        a, b = (judge.real[part] for part in half.chunk(2))
        result["halves"] = shares.frechet(a, b)
        result["classes"] = shares.mode_shares(judge.y, 10).round(4).tolist()
    return result
