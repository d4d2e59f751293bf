"""Non-adversarial idempotent generative models (NAIGN, arXiv 2511.02614)."""

from naign import beyond  # noqa: F401, enters its methods
from naign.projection import drift, energy, generate, project, unnormalised_density

__version__ = "0.2.0"
__all__ = ["Run", "available", "drift", "energy", "fit", "generate", "live", "load", "project", "unnormalised_density"]


def __getattr__(name: str) -> object:
    """`available`, `fit`, `load`, `live` and `Run`, which reach into the wings, on first use."""
    if name not in __all__:
        raise AttributeError(f"module 'naign' has no attribute {name!r}")
    if name == "live":
        from naign.pages.live.figures import live

        return live
    from naign.study import records, runs

    return records.Run if name == "Run" else getattr(runs, name)
