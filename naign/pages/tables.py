"""The tidy table in, Markdown text out."""

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from naign.pages.columns import BALANCE, ENDS, FEWSHOT, MAE, PAPER_RESTORATION, TOY, Columns
from naign.study.records import Run
from naign.study.table import by_label, lists

SAMPLES = {"fz": "f(z)", "ffz": "f(f(z))"}
BOTH = {f"{{}}: {title}": key for key, title in SAMPLES.items()}


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


def told(frame: pd.DataFrame, scores: Mapping[str, tuple[str, str, int]]) -> None:
    """Give the text of a page numbers by name, each the `mean_spread` of a label's runs: (label, path, digits)."""
    for name, (label, path, digits) in scores.items():
        values = lists(frame, path).get(label, []) if path in frame else []
        glue(name, mean_spread(values, digits).replace("\u00a0", " "))


def glue(name: str, value: object) -> None:
    """Give the text of a page a value by name, as `myst_nb.glue` does, whose import takes each page seconds."""
    from IPython.display import display

    prefix = "application/papermill.record/"
    named = {"scrapbook": {"name": name, "mime_prefix": prefix}}
    display({f"{prefix}text/plain": repr(value)}, raw=True, metadata=named)


def cells(runs: pd.DataFrame, columns: Columns, key: str = "") -> list[str]:
    """Mean and spread over runs of the scores at the columns' paths, with `key` filled in."""
    nothing = [float("nan")]
    return [mean_spread(runs.get(path.format(key), nothing), digits) for path, digits in columns.values()]


def rows(
    frame: pd.DataFrame, columns: Columns, kinds: Mapping[str, str], once: Columns | None = None
) -> list[list[str]]:
    """The `cells` of each label's runs, a row a kind; the number of runs stands in brackets after the label.

    Parameters
    ----------
    frame : as from `naign.study.table.tidy`
    kinds : what a row is called, with "{}" for the label -> the key of its paths
    once : further columns, in the first of a label's rows alone
    """
    found = []
    for label, runs in by_label(frame):
        ends = cells(runs, once or {})
        for name, key in kinds.items():
            found.append([name.format(f"{label} ({len(runs)})"), *cells(runs, columns, key), *ends])
            ends = [""] * len(ends)
    return found


def summary(frame: pd.DataFrame, columns: Columns, more: Iterable[Sequence[object]] = (), key: str = "") -> str:
    """A row a label, mean ± standard deviation over its runs; `more` are further rows."""
    return table(["(runs)", *columns], [*rows(frame, columns, {"{}": key}), *more])


def twice(frame: pd.DataFrame, columns: Columns, more: Iterable[Sequence[object]]) -> str:
    """Two rows a label, f(z) and f(f(z)); "rec" is the mean d(x, f(x)), "gap" the mean d(f(z), f(f(z)))."""
    return table(["samples (runs)", *columns, *ENDS], [*rows(frame, columns, BOTH, ENDS), *more])


def present(frame: pd.DataFrame, columns: Columns, key: str = "") -> Columns:
    """The columns that some run has a score for."""
    return {title: column for title, column in columns.items() if column[0].format(key) in frame}


def score_table(frame: pd.DataFrame) -> str:
    """Scores of f(z) and f(f(z)) on a toy, and of fresh data, the best that so many samples can score."""
    columns = present(frame, TOY, "fz")
    return twice(frame, columns, [["fresh data", *cells(frame[:1], columns, "data"), "0", "0"]])


def balance_table(frame: pd.DataFrame) -> str:
    """Quality and shares on a toy, and of fresh data, as two tables: of f(z); of f(f(z)), with what it costs."""
    known, kept, parts = present(frame, BALANCE), {"rec": "0", "gap": "0", "seconds": ""}, []
    for once in (True, False):
        part = {title: column for title, column in known.items() if column[0].startswith("fz.") == once}
        scores = {path: (f"data.{path.split('.')[-1]}", n) for path, n in part.values() if path not in kept}
        fresh = [*cells(frame[:1], scores), *(kept[path] for path, _ in part.values() if path in kept)]
        parts.append(summary(frame, part, [["fresh data", *fresh]] * ("data.modes" in frame)))
    return "\n\n".join(parts)


def restoration_table(frame: pd.DataFrame, key: str = "once") -> str:
    """Table 2; for the MAE also the damaged images' own and the paper's rows.

    key : "once" or "twice", MAE to the clean image; "literal", to the damaged one;
        "changed", the share of digits that become another
    """
    more = []
    if before := {"once": "damaged", "twice": "damaged", "changed": "changed_damaged"}.get(key):
        more.append(["nothing done", *cells(frame[:1], MAE, before)])
    if key == "once":
        more += [[f"*the paper: {label}*", *values] for label, values in PAPER_RESTORATION.items()]
    return summary(frame, MAE, more, key)


def fewshot_table(frame: pd.DataFrame) -> str:
    """Collapse and memorisation (`naign.evaluate.fewshot`); then the noises themselves, and copies."""
    groups, n = dict(by_label(frame)), len(frame["fz.pixels.counts"].iloc[0])
    more = [[f"z of {label} itself", *cells(groups[label], FEWSHOT, "z"), "", ""] for label in ("NAIGN", "IGN")]
    more.append(["copies, each as often", "1.00", f"{n}.0", "1.00", "0.00", "0.00", "0", "0"])
    return twice(frame, FEWSHOT, more)


def provenance_line(runs: Iterable[Run]) -> str:
    """One sentence: profile, seeds, steps, device and time of some runs, each counted once."""
    runs = {json.dumps(run.config, sort_keys=True): run for run in runs}.values()
    rows = [run.config | run.config["parameters"] | run.provenance for run in runs]

    def used(key: str, between: str = " or ") -> str:
        found = sorted({row[key] for row in rows if key in row})
        return between.join(f"{value:,}" if type(value) is int else f"{value}" for value in found)

    minutes, images = sum(row["seconds"] for row in rows) / 60, "norm" in rows[0]
    network = f"first width {used('width')}" if images else f"{used('depth')} × {used('width')} units"
    optimisers = {row.get("optimiser", "adamw") for row in rows}
    muon = {1: ", Muon", 2: ", AdamW or Muon"}[len(optimisers)] if "muon" in optimisers else ""
    return (
        f"Profile `{rows[0]['profile']}`{' on ' + rows[0]['data'] if images else ''}: {len(rows)} runs "
        f"(seeds {used('seed', ', ')}) of {used('steps')} steps, {network}, N = {used('batch_size')}, "
        f"learning rate {used('lr')} ({used('decay')}){muon}; {minutes:.{0 if images else 1}f} minutes of training "
        f"in all, {used('threads', ' and ')} thread(s) a run, on {used('device', ' and ')}."
    )


def provenance(title: str, runs: Iterable[Run] | Mapping[str, Iterable[Run]], *notes: str) -> str:
    """A quotation for a page: the title, `provenance_line` of the runs or of groups of them, and notes, if any."""
    some = itertools.chain(*runs.values()) if isinstance(runs, Mapping) else runs
    return "\n>\n> ".join([f"> **{title}.** {provenance_line(some)}", *(f"**{note}**" for note in notes if note)])
