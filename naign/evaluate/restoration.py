"""What f makes of damaged images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from naign.data.corruptions import CORRUPTIONS
from naign.evaluate import SEED
from naign.evaluate.judge import Judge
from naign.losses import distance
from naign.projection import project

LEVELS = {
    "blur": (0.5, 1.0, 1.5, 2.0, 3.0, 4.0),
    "noise": (0.25, 0.5, 0.75, 1.0, 1.5, 2.0),
    "salt and pepper": (0.05, 0.1, 0.2, 0.3, 0.5, 0.7),
    "lines": (0.05, 0.1, 0.2, 0.3, 0.4, 0.5),
}


def damage(name: str, x: Tensor, level: float | None = None, seed: int = SEED) -> Tensor:
    """x after a corruption at a level, by default the paper's; drawn on the CPU, so alike on every device."""
    options = {} if level is None else {"level": level}
    return CORRUPTIONS[name](x.cpu(), torch.Generator().manual_seed(seed), **options).to(x.device)


def restoration(f: nn.Module, name: str, judge: Judge, x: Tensor) -> dict[str, float]:
    """MAE to the clean image of the damaged one and after one and two applications of f.

    "literal" is the MAE between the damaged image and f of it, as the paper's text has it;
    "changed" the share of digits the LeNet reads right when clean and not after f.

    Parameters
    ----------
    x : (n, C, H, W), the judge's images on the device of f
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
