"""The data sets by name, and the scale at which an experiment runs."""

from __future__ import annotations

import inspect
from dataclasses import asdict

from naign import downloads, ffhq, images, toys
from naign.settings import Schedule

TOYS = {
    "trimodal": toys.trimodal,
    "grid": toys.grid,
    "2moons": toys.TwoMoons,
    "8gaussians": toys.eight_gaussians,
}
IMAGES = {  # square, with an option `size`
    "digits": images.digits,
    "mnist": downloads.mnist,
    "faces": images.faces,
    "ffhq100": ffhq.ffhq100,
}
FEW = ("faces", "ffhq100", "tensor-few")
COLOUR = ("ffhq100",)
UNSHARED = ("ffhq100",)  # their images do not go into a run, only what f made of them
STAND_INS = {"mnist": "digits", "ffhq100": "faces"}  # at the quick profile, in need of no download
DATA = TOYS | IMAGES
PROFILES = ("quick", "cpu", "paper")  # by size
RECIPES = ("ours", "paper")
IMLE = ("naign", "naign-minus")  # methods that search for winners
# Settings of `settings`: those that differ from the paper's; "paper" is the paper's own.
_PAPER = {"width": 512, "depth": 3, "batch_size": 512, "steps": 100_000, "lr": 1e-4}
_LINE = {"cpu": {"steps": 6_000}}  # one dimension is learnt sooner
_PLANE = {
    "quick": {"width": 64, "depth": 3, "batch_size": 128, "steps": 250, "lr": 2e-3, "decay": "cosine"},
    "cpu": {"width": 256, "depth": 3, "batch_size": 256, "steps": 12_000, "lr": 2e-3, "decay": "cosine"},
    "paper": _PAPER,
}
_FLAT = {
    "quick": {"width": 128, "depth": 2, "batch_size": 64, "steps": 150, "lr": 2e-3, "decay": "cosine"},
    "cpu": {"width": 512, "depth": 3, "batch_size": 128, "steps": 4_000, "lr": 1e-3, "decay": "cosine"},
    "paper": _PAPER | {"batch_size": 256},
}
_MNIST = {
    "quick": {"width": 8, "batch_size": 16, "steps": 20, "lr": 2e-3, "decay": "cosine"},
    "cpu": {"width": 16, "batch_size": 64, "steps": 3_000, "lr": 2e-3, "decay": "cosine"},
    "paper": {"width": 64, "batch_size": 256, "steps": 60_000, "lr": 1e-4, "dtype": "bfloat16"},
}
_FEW = {
    "quick": {"width": 8, "batch_size": 10, "steps": 10, "lr": 2e-3, "decay": "cosine"},
    "cpu": {"width": 16, "batch_size": 10, "steps": 5_000, "lr": 1e-3, "decay": "cosine"},
    "paper": {"width": 64, "batch_size": 10, "steps": 100_000, "lr": 1e-4, "dtype": "bfloat16"},
}
SEEDS = {"quick": 2, "cpu": 3, "paper": 3}
_OURS = {  # idempotence at full weight from the first step ends in a constant f
    "quick": {"warm_start": 2, "lr": 2e-3},
    "cpu": {"warm_start": 100, "lr": 2e-3},
    "paper": {"warm_start": 1_000, "lr": 1e-3, "decay": "cosine"},
}
_OURS_FEW = {  # on a CPU more steps with fewer candidates are worth more than the reverse
    "quick": {"lr": 2e-3, "candidates": 20.0},
    "cpu": {"lr": 1e-3, "candidates": 20.0},
    "paper": {"lr": 5e-4, "candidates": 100.0},
}
MATCHED = ("naign", "naign-balanced", "naign-rejection", "naign-entropic", "naign-priced")  # with idempotence
MUON = ("naign-balanced", "naign-rejection", "naign-entropic", "naign-priced")
_MUON = {  # chapter 6 has the reasons
    "quick": {"optimiser": "muon", "lr": 1e-2, "steps": 60},
    "cpu": {"optimiser": "muon", "lr": 1e-2, "steps": 4_000},
    "paper": {"optimiser": "muon", "lr": 2e-3, "decay": "cosine"},
}
_BALANCED_IMAGES = {  # no noise is near an image: the source term has nothing to say
    "quick": {"optimiser": "muon", "w_source": 0.0, "power": 1.0},
    "cpu": {"optimiser": "muon", "lr": 5e-3, "w_source": 0.0, "power": 1.0, "pool": 16},
    "paper": {"optimiser": "muon", "w_source": 0.0, "power": 1.0, "pool": 4},
}
_BALANCED_FEW = {"pool": 64}  # of few images each must stand in a pool more than once
SNAPSHOTS = (0.0, 0.02, 0.1, 0.3, 1.0)  # as shares of the run
PROBES = 10


def looks(data: str, steps: int) -> dict[str, tuple[int, ...]]:
    """The steps of a run after which f is copied (toys) or scored (images)."""
    if data in TOYS or data == "tensor-flat":
        return {"snapshots": tuple(sorted({round(share * steps) for share in SNAPSHOTS}))}
    return {"probes": tuple(sorted({round(i / PROBES * steps) for i in range(PROBES + 1)}))}


def shape(data: str, options: dict) -> tuple[int, ...]:
    """That of one sample of a data set, known without loading it."""
    if data in TOYS:
        return TOYS[data](**options).shape
    size = options.get("size", inspect.signature(IMAGES[data]).parameters["size"].default)
    return (3 if data in COLOUR else 1, size, size)


def settings(data: str, profile: str) -> tuple[dict, dict]:
    """The network and the schedule, as keyword arguments, of a data set at a profile.

    data : a name, or for one's own "tensor-image", "tensor-few" (few images) or "tensor-flat"
    """
    kinds = {"tensor-flat": _FLAT, "tensor-image": _MNIST} | dict.fromkeys(TOYS, _PLANE)
    kinds |= dict.fromkeys(IMAGES, _MNIST) | dict.fromkeys(FEW, _FEW)
    chosen = dict(kinds[data][profile])
    if data == "trimodal":
        chosen |= _LINE.get(profile, {})
    network = {k: chosen.pop(k) for k in ("width", "depth") if k in chosen}
    if "depth" not in network:
        network["norm"] = "batch"
    return network, asdict(Schedule(**chosen)) | looks(data, chosen["steps"])


def recipe(name: str, data: str, method: str, profile: str) -> dict[str, object]:
    """What a recipe for images sets on top: the paper's, or ours (the ledger has the reasons)."""
    if name not in RECIPES:
        raise ValueError(f"unknown recipe {name!r}: choose one of {', '.join(RECIPES)}.")
    few = {}
    if data in FEW and method in IMLE:  # Section 4.1, the warm start as a share of the run
        few = {"candidates": 100.0, "replay": 0.5, "warm_start": _FEW[profile]["steps"] // 20}
    if name == "paper":
        return {"norm": "batch", "source": "fourier"} | ({"w_tight": 0.125} if method == "ign" else {}) | few
    chosen = {"norm": "group"} | _OURS[profile] | few
    if data in FEW:
        chosen |= {k: v for k, v in _OURS_FEW[profile].items() if k == "lr" or few}
    if method == "dae":
        return chosen | {"warm_start": 0}
    if method == "ign":
        return chosen | {"source": "fourier", "w_idem": 0.3, "w_tight": 0.28, "lr": chosen["lr"] / 2}
    if method == "naign-balanced":
        chosen |= _BALANCED_IMAGES[profile] | (_BALANCED_FEW if data in FEW else {})
    return chosen | ({"w_idem": 0.1} if method in MATCHED else {})


def beyond(data: str, method: str, profile: str) -> dict[str, object]:
    """What the methods beyond the paper set on top."""
    return muon(profile) if method in MUON and (data in TOYS or data == "tensor-flat") else {}


def muon(profile: str) -> dict[str, object]:
    """The optimiser beyond the paper where data are no images, its learning rate and length."""
    return dict(_MUON[profile])
