"""Numbers in, Markdown text out."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from naign.corruptions import CORRUPTIONS
from naign.metrics import reverse_kl

LABELS = {"naign": "NAIGN", "naign-minus": "NAIGN-", "ign": "IGN"}  # the paper's
BASELINES = {"dae": "DAE"}
BEYOND = {"naign-balanced": "balanced"}
NAMES = LABELS | BASELINES | BEYOND
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
            rows.append([f"{NAMES.get(method, method)}: {name}", *values, *ends])
    rows.append(["fresh data", *(mean_spread([first["data"][s]], d) for s, (_, d) in scores.items()), "0", "0"])
    return table(head, rows)


def provenance_line(runs: Sequence[tuple[dict, dict]]) -> str:
    """One sentence: profile, seeds, steps, device and time of some runs, from (config, provenance) pairs."""
    runs = list({json.dumps(config, sort_keys=True): (config, origin) for config, origin in runs}.values())  # once each

    def values(key: str) -> str:
        found = {c["parameters"].get(key, 0) for c, _ in runs} - {0}
        return " or ".join(f"{v:,}" if type(v) is int else f"{v}" for v in sorted(found))

    config = runs[0][0]
    seeds = sorted({c["seed"] for c, _ in runs})
    minutes = sum(o["seconds"] for _, o in runs) / 60
    devices, threads = (" and ".join(sorted({str(o[k]) for _, o in runs})) for k in ("device", "threads"))
    images = "norm" in config["parameters"]
    network = f"first width {values('width')}" if images else f"{values('depth')} × {values('width')} units"
    optimisers = {c["parameters"].get("optimiser", "adamw") for c, _ in runs}
    muon = "" if optimisers == {"adamw"} else ", Muon" if optimisers == {"muon"} else ", AdamW or Muon"
    return (
        f"Profile `{config['profile']}`{' on ' + config['data'] if images else ''}: {len(runs)} runs "
        f"(seeds {str(seeds)[1:-1]}) of {values('steps')} steps, {network}, N = {values('batch_size')}, "
        f"learning rate {values('lr')} ({values('decay')}){muon}; {minutes:.{0 if images else 1}f} minutes of training "
        f"in all, {threads} thread(s) a run, on {devices}."
    )


# The paper's Tables 1 and 2, to stand beside ours, the latter in the order of CORRUPTIONS. In print
# NAIGN's Density lacks its point.
PAPER_GENERATION = {
    ("IGN", "fz"): ("359 ± 40", "0.39 ± 0.04", "0.38 ± 0.03"),
    ("IGN", "ffz"): ("440 ± 194", "0.36 ± 0.01", "0.38 ± 0.04"),
    ("NAIGN", "fz"): ("279 ± 40", "0.58 ± 0.01", "0.52 ± 0.02"),
    ("NAIGN", "ffz"): ("247 ± 34", "0.56 ± 0.02", "0.49 ± 0.02"),
    ("NAIGN-", "fz"): ("382 ± 32", "0.60 ± 0.01", "0.63 ± 0.2"),
    ("NAIGN-", "ffz"): ("351 ± 27", "0.60 ± 0.01", "0.60 ± 0.02"),
}
PAPER_RESTORATION = {
    "IGN": ("0.44 ± 0.43", "0.31 ± 0.10", "0.27 ± 0.06", "0.29 ± 0.29"),
    "NAIGN": ("0.15 ± 0.01", "0.21 ± 0.03", "0.22 ± 0.03", "0.11 ± 0.00"),
    "NAIGN-": ("0.15 ± 0.00", "0.26 ± 0.02", "0.25 ± 0.02", "0.11 ± 0.00"),
}
PAPERS = ", paper's settings"  # ends the label of a row with them
GENERATION = {"fld": ("FLD ↓", 1), "coverage": ("Coverage ↑", 2), "density": ("Density ↑", 2)}
PIXELS = {"pixel_coverage": ("Coverage, pixels ↑", 2), "pixel_density": ("Density, pixels ↑", 2)}


FEWSHOT = {"covered": 2, "effective": 1, "diversity": 2, "ratio": 2}  # score in pixels -> digits


def generation_table(metrics: dict[str, Sequence[dict]]) -> str:
    """Table 1: label -> metrics of its runs, then real images, then the paper's own rows."""
    scores = GENERATION | PIXELS
    head = ["samples", *(title for title, _ in scores.values()), "FLD / IGN's"]
    rows = []
    for label, runs in metrics.items():
        rival = "IGN" + (PAPERS if label.endswith(PAPERS) else "")
        for key, name in (("fz", "f(z)"), ("ffz", "f(f(z))")):
            values = [mean_spread([m[key][s] for m in runs], digits) for s, (_, digits) in scores.items()]
            ratio = np.mean([m[key]["fld"] for m in runs]) / np.mean([m[key]["fld"] for m in metrics[rival]])
            rows.append([f"{label}: {name}", *values, f"{ratio:.2f}"])
    real = next(iter(metrics.values()))[0]["data"]
    rows.append(["training images", *(f"{real['train'][s]:.{d}f}" for s, (_, d) in scores.items()), ""])
    rows.append(["one half of the test images", f"{real['halves']:.1f}", *[""] * 5])
    for (method, key), values in PAPER_GENERATION.items():
        ratio = float(values[0].split()[0]) / float(PAPER_GENERATION["IGN", key][0].split()[0])
        name = {"fz": "f(z)", "ffz": "f(f(z))"}[key]
        rows.append([f"*the paper: {method}: {name}*", *values, "", "", f"{ratio:.2f}"])
    return table(head, rows)


def restoration_table(metrics: dict[str, Sequence[dict]], key: str = "once", digits: int = 3) -> str:
    """Table 2, label -> metrics of its runs; for the MAE also the damaged images' own and the paper's rows.

    key : "once" or "twice", MAE to the clean image; "literal", to the damaged one;
        "changed", the share of digits that become another
    """
    first = next(iter(metrics.values()))[0]["restoration"]
    rows = [
        [label, *(mean_spread([m["restoration"][name][key] for m in runs], digits) for name in CORRUPTIONS)]
        for label, runs in metrics.items()
    ]
    before = {"once": "damaged", "twice": "damaged", "changed": "changed_damaged"}.get(key)
    if before:
        rows.append(["nothing done", *(f"{first[name][before]:.{digits}f}" for name in CORRUPTIONS)])
    if key == "once":
        rows += [[f"*the paper: {label}*", *values] for label, values in PAPER_RESTORATION.items()]
    return table(["", *CORRUPTIONS], rows)


def fewshot_table(metrics: dict[str, Sequence[dict]]) -> str:
    """Collapse and memorisation (`naign.fewshot`): label -> metrics of its runs; the noises themselves and copies."""
    head = ["samples", "covered ↑", "effective ↑", "diversity → 1", "nearest, pixels", "nearest, shapes"]
    head += ["rec ↓", "gap ↓"]

    def values(runs: Sequence[dict], key: str) -> list[str]:
        pixels = [mean_spread([m[key]["pixels"][k] for m in runs], digits) for k, digits in FEWSHOT.items()]
        return [*pixels, mean_spread([m[key]["shapes"]["ratio"] for m in runs], 2)]

    rows = []
    for label, runs in metrics.items():
        ends = [mean_spread([m[e] for m in runs]) for e in ("rec", "gap")]
        rows.append([f"{label}: f(z)", *values(runs, "fz"), *ends])
        rows.append([f"{label}: f(f(z))", *values(runs, "ffz"), "", ""])
    rows += [[f"z of {label} itself", *values(metrics[label], "z"), "", ""] for label in ("NAIGN", "IGN")]
    n = len(metrics["NAIGN"][0]["fz"]["pixels"]["counts"])
    return table(head, [*rows, ["copies, each as often", "1.00", f"{n}.0", "1.00", "0.00", "0.00", "0", "0"]])


def held_out_table(metrics: dict[str, Sequence[dict]]) -> str:
    """MAE to the clean image on images not trained on, one and two applications of f and plain baselines."""
    first = next(iter(metrics.values()))[0]
    rows = []
    for label, runs in metrics.items():
        for key, name in (("once", "f(x')"), ("twice", "f(f(x'))")):
            values = [mean_spread([m["restoration"][c][key] for m in runs]) for c in CORRUPTIONS]
            clean = mean_spread([m["rec"] for m in runs]) if key == "once" else ""
            rows.append([f"{label}: {name}", *values, clean])
    for name in ("median filter", "PCA"):
        rows.append([name, *(f"{first['data']['baselines'][c][name]:.3f}" for c in CORRUPTIONS), ""])
    rows.append(["nothing done", *(f"{first['restoration'][c]['damaged']:.3f}" for c in CORRUPTIONS), "0"])
    return table(["", *CORRUPTIONS, "no damage"], rows)


def replay_table(runs: dict[str, Sequence[tuple[dict, dict]]]) -> str:
    """What the replay buffer changes: label -> (metrics, provenance) of its runs."""
    head = ["", "seconds", "covered", "effective", "diversity", "rec", "gap"]
    rows = []
    for label, group in runs.items():
        pixels = [m["fz"]["pixels"] for m, _ in group]
        values = [mean_spread([p[k] for p in pixels], d) for k, d in FEWSHOT.items() if k != "ratio"]
        ends = [mean_spread([m[k] for m, _ in group]) for k in ("rec", "gap")]
        rows.append([label, mean_spread([o["seconds"] for _, o in group], 0), *values, *ends])
    return table(head, rows)


BALANCE = {"modes": 1, "high_quality": 3, "reverse_kl": 3, "coverage": 2}  # score -> digits


def balance_table(runs: dict[str, Sequence[tuple[dict, dict]]]) -> str:
    """Quality and shares of f(z) and f(f(z)) on a toy: label -> (metrics, provenance) of its runs."""
    first = next(iter(runs.values()))[0][0]
    scores = BALANCE | ({"w1": 3} if "w1" in first["fz"] else {})
    head = ["", *(SCORES[s][0] for s in scores), "f(f(z)): within 3σ", "reverse KL", "rec ↓", "gap ↓", "seconds"]
    rows = []
    for label, group in runs.items():
        found = [m for m, _ in group]
        values = [mean_spread([m["fz"][s] for m in found], d) for s, d in scores.items()]
        values += [mean_spread([m["ffz"][s] for m in found]) for s in ("high_quality", "reverse_kl")]
        values += [mean_spread([m[e] for m in found], 4) for e in ("rec", "gap")]
        rows.append([label, *values, mean_spread([o["seconds"] for _, o in group], 0)])
    data = [f"{first['data'][s]:.{d}f}" for s, d in scores.items()]
    again = [f"{first['data'][s]:.3f}" for s in ("high_quality", "reverse_kl")]
    return table(head, [*rows, ["fresh data", *data, *again, "0", "0", ""]])


def image_balance_table(runs: dict[str, Sequence[tuple[dict, dict]]]) -> str:
    """Generation on digits and the classes' shares: label -> (metrics, provenance) of its runs.

    The shares are the LeNet's reading of f(z), against those of the test images: reverse KL, and the
    largest difference of any class in points.
    """
    true = next(m["data"]["classes"] for group in runs.values() for m, _ in group if "classes" in m["data"])
    head = ["", *(t for t, _ in GENERATION.values()), "FLD of f(f(z))", "reverse KL of classes ↓", "furthest class ↓"]
    rows = []
    for label, group in runs.items():
        found = [m for m, _ in group]
        values = [mean_spread([m["fz"][s] for m in found], d) for s, (_, d) in GENERATION.items()]
        values.append(mean_spread([m["ffz"]["fld"] for m in found], 1))
        values.append(mean_spread([reverse_kl(m["classes"], true) for m in found]))
        values.append(mean_spread([100 * np.abs(np.subtract(m["classes"], true)).max() for m in found], 1))
        ends = [mean_spread([m[e] for m in found]) for e in ("rec", "gap")]
        rows.append([label, *values, *ends, mean_spread([o["seconds"] for _, o in group], 0)])
    return table([*head, "rec ↓", "gap ↓", "seconds"], rows)


def choices_table(metrics: dict[str, Sequence[dict]]) -> str:
    """One choice changed at a time: label -> metrics of its runs."""
    head = ["", "FLD f(z)", "FLD f(f(z))", "Coverage", "Density", "rec", "gap"]
    head += [f"MAE {name}" for name in CORRUPTIONS]
    rows = []
    for label, runs in metrics.items():
        values = [mean_spread([m[k]["fld"] for m in runs], 1) for k in ("fz", "ffz")]
        values += [mean_spread([m["fz"][k] for m in runs], 2) for k in ("coverage", "density")]
        values += [mean_spread([m[k] for m in runs]) for k in ("rec", "gap")]
        values += [mean_spread([m["restoration"][name]["once"] for m in runs]) for name in CORRUPTIONS]
        rows.append([label, *values])
    return table(head, rows)


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
