"""The data sets by name, and the scale at which an experiment runs."""

from __future__ import annotations

from dataclasses import asdict

from naign import images, toys
from naign.settings import Schedule

TOYS = {
    "trimodal": toys.trimodal,
    "grid": toys.grid,
    "2moons": toys.TwoMoons,
    "8gaussians": toys.eight_gaussians,
}
IMAGES = {"digits": images.digits}
DATA = TOYS | IMAGES
PROFILES = ("quick", "cpu", "paper")  # by size
# What the ledger changes, one choice at a time.
VARIANTS = (
    ("grid-naign", {"idempotence": "plain"}),
    ("grid-naign", {"distance": "l2-squared"}),
    ("grid-naign", {"candidate_dtype": "bfloat16"}),
    ("grid-ign", {"clamp": 1.5}),
)
SEEDS = {"quick": 2, "cpu": 3, "paper": 3}

# The settings of each profile that differ from the paper's; `paper` is the paper's.
_PAPER = {"width": 512, "depth": 3, "batch_size": 512, "steps": 100_000, "lr": 1e-4}
_LINE = {"cpu": {"steps": 6_000}}  # one dimension is learnt sooner
_PLANE = {
    "quick": {"width": 64, "depth": 3, "batch_size": 128, "steps": 250, "lr": 2e-3, "decay": "cosine"},
    "cpu": {"width": 256, "depth": 3, "batch_size": 256, "steps": 12_000, "lr": 2e-3, "decay": "cosine"},
    "paper": _PAPER,
}
_DIGITS = {
    "quick": {"width": 128, "depth": 2, "batch_size": 64, "steps": 150, "lr": 2e-3, "decay": "cosine"},
    "cpu": {"width": 512, "depth": 3, "batch_size": 128, "steps": 4_000, "lr": 1e-3, "decay": "cosine"},
    "paper": _PAPER | {"batch_size": 256},
}
SNAPSHOTS = (0.0, 0.02, 0.1, 0.3, 1.0)  # as shares of the run


def snapshots(steps: int) -> tuple[int, ...]:
    """The steps of a run after which f is copied."""
    return tuple(sorted({round(share * steps) for share in SNAPSHOTS}))


def settings(data: str, profile: str) -> tuple[dict, dict]:
    """The network and the schedule, as keyword arguments, of a data set at a profile."""
    chosen = dict((_DIGITS if data in IMAGES else _PLANE)[profile])
    if data == "trimodal":
        chosen |= _LINE.get(profile, {})
    network = {k: chosen.pop(k) for k in ("width", "depth")}
    return network, asdict(Schedule(**chosen, snapshots=snapshots(chosen["steps"])))
