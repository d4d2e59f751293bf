"""What is measured on images: generation, restoration and stability, as it is stored with a run."""

from __future__ import annotations

import copy
import functools

import numpy as np
import torch
from torch import Tensor, nn

from naign import baselines, fewshot, lenet, matching, metrics
from naign.corruptions import CORRUPTIONS
from naign.images import TensorData, as_bytes
from naign.losses import distance
from naign.projection import project

LEVELS = {
    "blur": (0.5, 1.0, 1.5, 2.0, 3.0, 4.0),
    "noise": (0.25, 0.5, 0.75, 1.0, 1.5, 2.0),
    "salt and pepper": (0.05, 0.1, 0.2, 0.3, 0.5, 0.7),
    "lines": (0.05, 0.1, 0.2, 0.3, 0.4, 0.5),
}
APPLICATIONS = 10
SEED = 20_251_102  # of every draw, so that runs differ by training alone


class Judge:
    """Scores images against those of a test set.

    Parameters
    ----------
    data : its `test` part, else its own first `n` images
    n : at most so many images on either side; 10,000 as in the paper
    device : where f and the LeNet run
    """

    def __init__(self, data: TensorData, n: int = 10_000, device: torch.device | str = "cpu"):
        test = data.test or data
        self.data, self.device, self.n = data, device, min(n, len(test))
        # Few enough training images that each of them is asked for.
        self.train = data.take(slice(None)).cpu() if len(data) <= fewshot.FEW else None
        self.samples = self.n if self.train is None else fewshot.SAMPLES
        self.few = max(2, self.samples // 2)  # samples where a whole curve is measured
        self.x = test.take(slice(0, self.n)).cpu()
        self.y = None if test.labels is None else test.labels[: self.n]
        # The LeNet reads digits only; other images are compared by their pixels.
        self.net = lenet.load()[0].to(device) if self.y is not None and data.shape == (1, 32, 32) else None

    def features(self, images: Tensor) -> np.ndarray:
        return lenet.features(self.net, images).cpu().numpy()

    @functools.cached_property
    def real(self) -> np.ndarray:
        return self.features(self.x)

    @functools.cached_property
    def real_radii(self) -> np.ndarray:
        return metrics.radii(self.real)

    @functools.cached_property
    def pixel_radii(self) -> np.ndarray:
        return metrics.radii(self.x.flatten(1).numpy())

    def fld(self, images: Tensor) -> float:
        """Fréchet distance to the test images in the features of the LeNet."""
        return metrics.frechet(self.real, self.features(images))

    def scores(self, images: Tensor) -> dict[str, float]:
        """FLD, Coverage and Density in LeNet features, and the latter two in pixel space.

        With few training images those of `naign.fewshot` instead.
        """
        if self.train is not None:
            return fewshot.scores(images.cpu(), self.train)
        pixels = metrics.coverage_density(self.x.flatten(1), images.cpu().flatten(1), radius=self.pixel_radii)
        if self.net is None:
            return {"coverage": pixels[0], "density": pixels[1]}
        fake = self.features(images)
        coverage, density = metrics.coverage_density(self.real, fake, radius=self.real_radii)
        result = {"fld": metrics.frechet(self.real, fake), "coverage": coverage, "density": density}
        return result | {"pixel_coverage": pixels[0], "pixel_density": pixels[1]}

    def labels(self, images: Tensor) -> Tensor:
        return torch.cat([lenet.labels(self.net, part.to(self.device)).cpu() for part in images.split(1000)])

    def probe(self, source: nn.Module) -> functools.partial:
        """A function of f that scores f(z) and f(f(z)), the same draws z every time."""
        z = source.to("cpu").sample(self.few, torch.Generator().manual_seed(SEED))
        source.to(self.device)
        return functools.partial(self._probe, z=z)

    def _probe(self, f: nn.Module, z: Tensor) -> dict[str, float]:
        fz = project(f, z.to(self.device))
        ffz = project(f, fz)
        if self.train is not None:
            one, two = (fewshot.compared(y.cpu().flatten(1), self.train.flatten(1)) for y in (fz, ffz))
            return {"covered": one["covered"], "diversity": one["diversity"], "ffz_covered": two["covered"]}
        if self.net is None:
            return {"gap": distance(fz, ffz, "l1").mean().item()}
        return {"fz": self.fld(fz), "ffz": self.fld(ffz)}


def measure(f: nn.Module, source: nn.Module, judge: Judge) -> tuple[dict, dict[str, Tensor]]:
    """Everything that a run on images stores: its metrics and a sheet of images as bytes.

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
        result["classes"] = metrics.mode_shares(judge.labels(chain[1]), 10).round(4).tolist()
    result["restoration"] = {name: restoration(f, name, judge, x) for name in CORRUPTIONS}
    result["winners"] = winners(f, source, x[:64], 640)
    result["levels"] = {
        name: by_level(f, name, levels, x[: max(100, judge.n // 10)]) for name, levels in LEVELS.items()
    }
    pictures = {"x": x[:8], "fx": fx[:8], "ffx": project(f, fx[:8])}
    many = 64 if x[0].numel() <= 4096 else 32
    pictures |= {"z": chain[0][:8], "fz": chain[1][:many], "ffz": chain[2][:many]}
    for name in CORRUPTIONS:
        damaged = damage(name, x[:8])
        pictures |= {f"{name}.{k}": project(f, damaged, k) for k in range(3)}
    return result, {name: as_bytes(images) for name, images in pictures.items()}


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


def damage(name: str, x: Tensor, level: float | None = None, seed: int = SEED) -> Tensor:
    """x after a corruption at a level, by default the paper's; drawn on the CPU, so alike on every device."""
    options = {} if level is None else {"level": level}
    return CORRUPTIONS[name](x.cpu(), torch.Generator().manual_seed(seed), **options).to(x.device)


def restoration(f: nn.Module, name: str, judge: Judge, x: Tensor) -> dict[str, float]:
    """MAE to the clean image of the damaged one and after one and two applications of f.

    "literal" is the MAE between the damaged image and f of it, as the paper's text has it;
    "changed" the share of digits the LeNet reads right when clean and not after f.
    """
    damaged = damage(name, x)
    once = project(f, damaged)
    images = {"damaged": damaged, "once": once, "twice": project(f, once)}
    result = {k: distance(x, v, "l1").mean().item() for k, v in images.items()}
    result["literal"] = distance(damaged, once, "l1").mean().item()
    if judge.net:
        right = judge.labels(x) == judge.y
        for key, images in (("changed", once), ("changed_damaged", damaged)):
            result[key] = (judge.labels(images)[right] != judge.y[right]).float().mean().item()
    return result


def by_level(f: nn.Module, name: str, levels: tuple[float, ...], x: Tensor) -> dict[str, list[float]]:
    """MAE to the clean image against the level of damage."""
    result = {"level": list(levels), "damaged": [], "once": [], "twice": []}
    for level in levels:
        y = damage(name, x, level)
        for key in ("damaged", "once", "twice"):
            result[key].append(distance(x, y, "l1").mean().item())
            y = project(f, y)
    return result


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
        result["halves"] = metrics.frechet(a, b)
        result["classes"] = metrics.mode_shares(judge.y, 10).round(4).tolist()
    return result


def failures(f: nn.Module, name: str, judge: Judge, count: int = 10) -> tuple[list[Tensor], list[str]]:
    """The first digits that f restores to another digit, by the LeNet's reading (Figure 8).

    Returns
    -------
    [x, damaged x, f(damaged x)], each (count or fewer, 1, 32, 32), and what was read, like "4 → 9"
    """
    x = judge.x[:2000].to(judge.device)
    damaged = damage(name, x)
    restored = project(f, damaged)
    truth, before, after = judge.y[: len(x)], judge.labels(x), judge.labels(restored)
    at = ((before == truth) & (after != truth)).nonzero().flatten()[:count]
    read = [f"{truth[i]} → {after[i]}" for i in at]
    return [images[at.to(images.device)].cpu() for images in (x, damaged, restored)], read


def curve(metrics: list[dict], key: str, against: str = "step") -> tuple[list[float], np.ndarray]:
    """A score during training, over runs: steps, or mean seconds of training, (k,), and values, (runs, k)."""
    probes = [{int(step): values for step, values in m["probes"].items()} for m in metrics]
    steps = sorted(probes[0])
    at = steps if against == "step" else [float(np.mean([p[s]["seconds"] for p in probes])) for s in steps]
    return at, np.array([[p[s][key] for s in steps] for p in probes])
