"""Non-adversarial idempotent generative models (NAIGN, arXiv 2511.02614)."""

from __future__ import annotations

from pathlib import Path

from naign.experiments import fit
from naign.projection import drift, energy, generate, project, unnormalised_density
from naign.records import Run

__version__ = "0.1.0"
__all__ = ["Run", "drift", "energy", "fit", "generate", "load", "project", "unnormalised_density"]


def load(path: str | Path) -> Run:
    """A run saved with `Run.save`, by its directory, or a recorded one, by its experiment's name.

    Raises
    ------
    ValueError
        If there is none, or it is damaged.
    """
    from naign import experiments

    return experiments.load(path)
