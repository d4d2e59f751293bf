"""Numbers in, Markdown text out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LABELS = {"naign": "NAIGN", "naign-minus": "NAIGN-", "ign": "IGN"}
SCORES = {
    "w1": ("W1 ↓", 2),
    "modes": ("modes hit ↑", 1),
    "high_quality": ("within 3σ ↑", 2),
    "reverse_kl": ("reverse KL ↓", 2),
    "coverage": ("Coverage ↑", 2),
    "density": ("Density ↑", 2),
}


def score_table(metrics: dict[str, Sequence[dict]]) -> str:
    """Scores of f(z) and f(f(z)) and of fresh data, mean ± standard deviation over seeds: method -> metrics.

    "rec" is the mean d(x, f(x)), "gap" the mean d(f(z), f(f(z))).
    """
    first = next(iter(metrics.values()))[0]
    scores = {k: v for k, v in SCORES.items() if k in first["fz"]}
    head = ["samples", *(title for title, _ in scores.values()), "rec ↓", "gap ↓"]
    rows = []
    for method, runs in metrics.items():
        for key, name in (("fz", "f(z)"), ("ffz", "f(f(z))")):
            values = [mean_spread([m[key][s] for m in runs], digits) for s, (_, digits) in scores.items()]
            ends = [mean_spread([m[e] for m in runs]) for e in ("rec", "gap")] if key == "fz" else ["", ""]
            rows.append([f"{LABELS[method]}: {name}", *values, *ends])
    rows.append(["fresh data", *(mean_spread([first["data"][s]], d) for s, (_, d) in scores.items()), "0", "0"])
    return table(head, rows)


def provenance_line(runs: Sequence[tuple[dict, dict]]) -> str:
    """One sentence: profile, seeds, steps, device and time of some runs, from (config, provenance) pairs."""
    config, origin = runs[0]
    seeds = sorted({c["seed"] for c, _ in runs})
    p, minutes = config["parameters"], sum(o["seconds"] for _, o in runs) / 60
    devices = ", ".join(sorted({o["device"] for _, o in runs}))
    return (
        f"Profile `{config['profile']}`: {len(runs)} runs (seeds {str(seeds)[1:-1]}) of {p['steps']:,} steps, "
        f"{p['depth']} × {p['width']} units, N = {p['batch_size']}, learning rate {p['lr']:g} ({p['decay']}); "
        f"{minutes:.1f} minutes of training in all, {origin['threads']} thread(s) a run, on {devices}."
    )


def mean_spread(values: Sequence[float], digits: int = 3) -> str:
    """ "mean ± standard deviation", or the value alone where there is one."""
    values = np.asarray(values, float)
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    # No-break spaces keep a number and its spread on one line of a table cell.
    return f"{values.mean():.{digits}f}\u00a0±\u00a0{values.std(ddof=1):.{digits}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(c) for c in line) + " |" for line in lines)
