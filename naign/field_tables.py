"""Tables of chapter 5: numbers in, Markdown text out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from naign.corruptions import CORRUPTIONS
from naign.ood import mean_auroc
from naign.tables import mean_spread, table

FIELD = {
    "spearman": ("Spearman ↑", 3),
    "relative": ("relative error ↓", 3),
    "landed": ("landed ↑", 3),
    "off": ("off the manifold ↓", 3),
    "eikonal": ("eikonal ↓", 3),
}


def field_table(metrics: dict[str, Sequence[dict]], regions: Sequence[str] = ("near", "far")) -> str:
    """`naign.fields.scores` of each method's runs, near the manifold and far from it."""
    rows = []
    for region in regions:
        for label, runs in metrics.items():
            found = [m["field"][region] for m in runs]
            rows.append([f"{region}: {label}", *(mean_spread([f[k] for f in found], d) for k, (_, d) in FIELD.items())])
    return table(["", *(title for title, _ in FIELD.values())], rows)


def density_table(metrics: dict[str, Sequence[dict]], others: dict[str, dict[str, list[float]]]) -> str:
    """Densities from the drift at k = 2 and at the k of least KL, beside others (label -> like `by_k`)."""
    rows = []
    for label, runs in metrics.items():
        found = [m["drift_density"] for m in runs]
        two = [f["k"].index(2.0) for f in found]
        best = [int(np.argmin(f["kl"])) for f in found]
        for name, at in (("k = 2", two), ("best k", best)):
            values = [mean_spread([f[s][i] for f, i in zip(found, at, strict=True)]) for s in ("tv", "kl", "loglik")]
            k = mean_spread([f["k"][i] for f, i in zip(found, at, strict=True)], 1) if name == "best k" else "2"
            rows.append([f"{label}, {name}", k, *values])
    for label, f in others.items():
        i = int(np.argmin(f["kl"]))
        rows.append([label, f"{f['k'][i]:g}" if "k" in f else "", *(f"{f[s][i]:.3f}" for s in ("tv", "kl", "loglik"))])
    return table(["density", "k", "total variation ↓", "KL ↓, nats", "log-likelihood ↑, nats"], rows)


def ood_table(result: dict) -> str:
    """AUROC with its bootstrap interval: a row a score, a column a kind of outsider."""
    kinds = list(next(iter(result["auroc"].values())))
    rows = [
        [name, *(f"{v:.3f} ({low:.3f}–{high:.3f})" for v, low, high in values.values()), f"{mean_auroc(values):.3f}"]
        for name, values in result["auroc"].items()
    ]
    return table(["score", *kinds, "mean"], rows)


def correlation_table(result: dict) -> str:
    """Spearman of drift and error, over images of one level of damage: a row a model."""
    rows = [[name, *(f"{values[c]:.2f}" for c in CORRUPTIONS)] for name, values in result["correlation"].items()]
    return table(["model", *CORRUPTIONS], rows)
