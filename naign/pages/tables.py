"""The tidy table in, Markdown text out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from naign.data.corruptions import CORRUPTIONS
from naign.evaluate.outsiders import mean_auroc
from naign.evaluate.shares import reverse_kl
from naign.pages.columns import (
    BALANCE,
    DIGITS,
    ENDS,
    FEWSHOT,
    FIELD,
    GENERATION,
    PAPER_GENERATION,
    PAPER_RESTORATION,
    PIXELS,
    TOY,
)
from naign.study.plan import PAPERS
from naign.study.records import Run
from naign.study.table import by_label

Columns = Mapping[str, tuple[str, int]]  # title -> path of a score in the tidy table, digits
SAMPLES = {"fz": "f(z)", "ffz": "f(f(z))"}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(c) for c in line) + " |" for line in lines)


def mean_spread(values: Sequence[float], digits: int = 3) -> str:
    """ "mean ± standard deviation", the value alone where there is one, nothing where there is none."""
    values = np.asarray(values, float)
    values = values[~np.isnan(values)]
    if len(values) < 2:
        return "".join(f"{v:.{digits}f}" for v in values)
    # No-break spaces keep a number and its spread on one line of a table cell.
    return f"{values.mean():.{digits}f}\u00a0±\u00a0{values.std(ddof=1):.{digits}f}"


def cells(runs: pd.DataFrame, columns: Columns, prefix: str = "") -> list[str]:
    """Mean and spread of some scores over runs."""
    nothing = [float("nan")]
    return [mean_spread(runs.get(prefix + path, nothing), digits) for path, digits in columns.values()]


def present(frame: pd.DataFrame, columns: Columns, prefix: str = "") -> dict[str, tuple[str, int]]:
    """The columns that some run has a score for."""
    return {title: column for title, column in columns.items() if prefix + column[0] in frame}


def summary(frame: pd.DataFrame, columns: Columns, more: Iterable[Sequence[object]] = (), prefix: str = "") -> str:
    """A row a label, mean ± standard deviation over its runs; `more` are further rows."""
    rows = [[label, *cells(runs, columns, prefix)] for label, runs in by_label(frame)]
    return table(["", *columns], [*rows, *more])


def of_both(frame: pd.DataFrame, columns: Columns, once: Columns = ENDS) -> list[list[str]]:
    """Rows of f(z) and of f(f(z)) for each label; the scores `once` stand in the former alone."""
    rows = []
    for label, runs in by_label(frame):
        rows.append([f"{label}: f(z)", *cells(runs, columns, "fz."), *cells(runs, once)])
        rows.append([f"{label}: f(f(z))", *cells(runs, columns, "ffz."), *[""] * len(once)])
    return rows


def score_table(frame: pd.DataFrame) -> str:
    """Scores of f(z) and f(f(z)) on a toy, and of fresh data, the best that so many samples can score.

    "rec" is the mean d(x, f(x)), "gap" the mean d(f(z), f(f(z))).
    """
    columns = present(frame, TOY, "fz.")
    fresh = ["fresh data", *cells(frame[:1], columns, "data."), "0", "0"]
    return table(["samples", *columns, *ENDS], [*of_both(frame, columns), fresh])


def balance_table(frame: pd.DataFrame) -> str:
    """Quality and shares of f(z) and f(f(z)) on a toy, and of fresh data."""
    columns = present(frame, BALANCE)
    as_data = {title: (path.split(".")[-1], digits) for title, (path, digits) in list(columns.items())[:-3]}
    return summary(frame, columns, [["fresh data", *cells(frame[:1], as_data, "data."), "0", "0", ""]])


def generation_table(frame: pd.DataFrame) -> str:
    """Table 1: each label's runs, then real images, then the paper's own rows; FLD also beside IGN's."""
    columns, fld = GENERATION | PIXELS, {}
    rows = of_both(frame, columns, {})
    for (label, runs), key in ((pair, key) for pair in by_label(frame) for key in SAMPLES):
        fld[label, key] = runs[f"{key}.fld"].mean()
    for row, (label, key) in zip(rows, fld, strict=True):
        rival = "IGN" + (PAPERS if label.endswith(PAPERS) else "")
        row.append(f"{fld[label, key] / fld[rival, key]:.2f}")
    rows.append(["training images", *cells(frame[:1], columns, "data.train."), ""])
    rows.append(["one half of the test images", *cells(frame[:1], {"": ("data.halves", 1)}), *[""] * 5])
    for (method, key), values in PAPER_GENERATION.items():
        ratio = float(values[0].split()[0]) / float(PAPER_GENERATION["IGN", key][0].split()[0])
        rows.append([f"*the paper: {method}: {SAMPLES[key]}*", *values, "", "", f"{ratio:.2f}"])
    return table(["samples", *columns, "FLD / IGN's"], rows)


def digits_table(frame: pd.DataFrame) -> str:
    """Generation on digits, and the shares of the classes against those of the test images.

    The shares are the LeNet's reading of f(z): reverse KL, and the largest difference of any class in points.
    """
    true = frame["data.classes"].dropna().iloc[0]
    off = frame["classes"].map(lambda shares: 100 * np.abs(np.subtract(shares, true)).max())
    return summary(
        frame.assign(classes_kl=frame["classes"].map(lambda p: reverse_kl(p, true)), classes_off=off), DIGITS
    )


def restoration_table(frame: pd.DataFrame, key: str = "once", digits: int = 3) -> str:
    """Table 2; for the MAE also the damaged images' own and the paper's rows.

    key : "once" or "twice", MAE to the clean image; "literal", to the damaged one;
        "changed", the share of digits that become another
    """
    rows = []
    before = {"once": "damaged", "twice": "damaged", "changed": "changed_damaged"}.get(key)
    if before:
        columns = {name: (f"restoration.{name}.{before}", digits) for name in CORRUPTIONS}
        rows.append(["nothing done", *cells(frame[:1], columns)])
    if key == "once":
        rows += [[f"*the paper: {label}*", *values] for label, values in PAPER_RESTORATION.items()]
    return summary(frame, {name: (f"restoration.{name}.{key}", digits) for name in CORRUPTIONS}, rows)


def fewshot_table(frame: pd.DataFrame) -> str:
    """Collapse and memorisation (`naign.evaluate.fewshot`); then the noises themselves, and copies."""
    rows, groups = of_both(frame, FEWSHOT), dict(by_label(frame))
    rows += [[f"z of {label} itself", *cells(groups[label], FEWSHOT, "z."), "", ""] for label in ("NAIGN", "IGN")]
    n = len(frame["fz.pixels.counts"].iloc[0])
    copies = ["copies, each as often", "1.00", f"{n}.0", "1.00", "0.00", "0.00", "0", "0"]
    return table(["samples", *FEWSHOT, *ENDS], [*rows, copies])


def held_out_table(frame: pd.DataFrame) -> str:
    """MAE to the clean image on images not trained on, one and two applications of f and plain baselines."""

    def of(path: str) -> dict[str, tuple[str, int]]:
        return {name: (path.format(name), 3) for name in CORRUPTIONS}

    rows = []
    for label, runs in by_label(frame):
        clean = cells(runs, {"": ("rec", 3)})
        rows.append([f"{label}: f(x')", *cells(runs, of("restoration.{}.once")), *clean])
        rows.append([f"{label}: f(f(x'))", *cells(runs, of("restoration.{}.twice")), ""])
    for name in ("median filter", "PCA"):
        rows.append([name, *cells(frame[:1], of("data.baselines.{}." + name)), ""])
    rows.append(["nothing done", *cells(frame[:1], of("restoration.{}.damaged")), "0"])
    return table(["", *CORRUPTIONS, "no damage"], rows)


def field_table(frame: pd.DataFrame, regions: Sequence[str] = ("near", "far")) -> str:
    """`naign.evaluate.distance` of each label's runs, near the manifold and far from it."""
    rows = []
    for region in regions:
        rows += [[f"{region}: {m}", *cells(runs, FIELD, f"field.{region}.")] for m, runs in by_label(frame)]
    return table(["", *FIELD], rows)


def density_table(frame: pd.DataFrame, others: Mapping[str, Mapping[str, list[float]]]) -> str:
    """Densities from the drift at k = 2 and at the k of least KL, beside others (label -> like `density.by_k`)."""
    rows, scores = [], ("tv", "kl", "loglik")
    for label, runs in by_label(frame):
        found = {key: np.stack(runs[f"drift_density.{key}"].tolist()) for key in ("k", *scores)}
        every = np.arange(len(runs))
        for name, at in (("k = 2", (found["k"] == 2.0).argmax(1)), ("best k", found["kl"].argmin(1))):
            k = mean_spread(found["k"][every, at], 1) if name == "best k" else "2"
            rows.append([f"{label}, {name}", k, *(mean_spread(found[s][every, at]) for s in scores)])
    for label, one in others.items():
        i = int(np.argmin(one["kl"]))
        rows.append([label, f"{one['k'][i]:g}" if "k" in one else "", *(f"{one[s][i]:.3f}" for s in scores)])
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


def provenance_line(runs: Iterable[Run]) -> str:
    """One sentence: profile, seeds, steps, device and time of some runs, each counted once."""
    runs = list({json.dumps(run.config, sort_keys=True): run for run in runs}.values())

    def used(key: str) -> str:
        found = {run.config["parameters"].get(key, 0) for run in runs} - {0}
        return " or ".join(f"{v:,}" if type(v) is int else f"{v}" for v in sorted(found))

    config = runs[0].config
    seeds = sorted({run.config["seed"] for run in runs})
    minutes = sum(run.provenance["seconds"] for run in runs) / 60
    devices, threads = (" and ".join(sorted({str(run.provenance[k]) for run in runs})) for k in ("device", "threads"))
    images = "norm" in config["parameters"]
    network = f"first width {used('width')}" if images else f"{used('depth')} × {used('width')} units"
    optimisers = {run.config["parameters"].get("optimiser", "adamw") for run in runs}
    muon = "" if optimisers == {"adamw"} else ", Muon" if optimisers == {"muon"} else ", AdamW or Muon"
    return (
        f"Profile `{config['profile']}`{' on ' + config['data'] if images else ''}: {len(runs)} runs "
        f"(seeds {str(seeds)[1:-1]}) of {used('steps')} steps, {network}, N = {used('batch_size')}, "
        f"learning rate {used('lr')} ({used('decay')}){muon}; {minutes:.{0 if images else 1}f} minutes of training "
        f"in all, {threads} thread(s) a run, on {devices}."
    )
