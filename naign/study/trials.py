"""Trials: the settings that every method was given the chance of, what came of each, and of the best on other seeds."""

import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from naign.base import files
from naign.base.loop import NonFiniteLoss
from naign.evaluate import validation
from naign.study import records, runs
from naign.study.experiment import Experiment, get
from naign.study.provenance import provenance

if TYPE_CHECKING:
    import pandas as pd

REPORTED = (0, 1, 2)  # seeds of the finals
KEPT = ("n", "rec", "gap", "fz", "ffz", "best", "validation")  # of their scores
FAMILIES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())


def planned(family: str) -> list[Experiment]:
    """Every trial of a family; ValueError if there is none of this name, or it gives one method more than another."""
    return [experiment for _, _, experiment in _planned(family)]


def _planned(family: str) -> list[tuple[str, dict, Experiment]]:
    """The method of each trial, and its own settings."""
    if family not in FAMILIES:
        raise ValueError(f"unknown family of trials {family!r}: choose one of {', '.join(FAMILIES)}.")
    given = FAMILIES[family]
    if len({len(settings) for settings in given["methods"].values()}) > 1:
        raise ValueError(f"the methods of {family!r} differ in their number of trials: give each as many.")
    return [
        (method, settings, get(f"{data}-{method}", "cpu", seed, **given["all"] | settings))
        for i in range(max(map(len, given["methods"].values())))
        for method, settings in ((m, s[i]) for m, s in given["methods"].items())
        for data in given["data"]
        for seed in given["seeds"]
    ]


def finals(family: str) -> list[Experiment]:
    """The settings taken of each method, on the data sets `final` and the seeds that are reported.

    None as long as a trial is missing.
    """
    given, done = FAMILIES[family], records.noted(f"trials-{family}")
    if any(experiment.directory not in done for experiment in planned(family)):
        return []
    taken, text = chosen(family), table(family)["settings"]
    best = {method: own for method, own, e in _planned(family) if text[e.directory] == taken[method]}
    return [
        get(f"{data}-{method}", "cpu", seed, **given["all"] | own)
        for seed in REPORTED
        for data in given["final"]
        for method, own in best.items()
    ]


def run(family: str) -> int:
    """Train and judge what the records lack, and write it down after each; returns how many that were.

    The finals follow once every trial is there. A training that diverges is a result too: its sentence is recorded in
    place of the scores. Whatever else stops one says nothing of its settings, and is raised.
    """
    done = 0
    for what, listed in (("trials", planned), ("finals", finals)):
        todo = [e for e in listed(family) if e.directory not in records.noted(f"{what}-{family}")]
        for i, experiment in enumerate(todo, 1):
            print(f"{what}, {i} of {len(todo)}: {experiment.directory}", file=sys.stderr)
            records.note(f"{what}-{family}", {experiment.directory: _one(experiment, what == "finals")})
        done += len(todo)
    return done


def _one(experiment: Experiment, final: bool) -> dict:
    """What is recorded of a training: its states judged by validation, of a final its scores instead."""
    began = time.monotonic()
    config = experiment.essential()
    entry = {k: config[k] for k in ("data", "method", "seed", "parameters")}
    try:
        run = experiment.train(files.cache_root() / "checkpoints" / experiment.directory)
    except NonFiniteLoss as error:
        return entry | {"failed": str(error), **provenance(torch.device("cpu"), time.monotonic() - began)}
    if final:
        runs.score(run, experiment)
        found = {k: run.metrics[k] for k in KEPT if k in run.metrics}
    else:
        found = validation.by_step(run.f, run.source, experiment.data.load(), run.snapshots)
    return entry | found | {k: v for k, v in run.provenance.items() if k != "clock"}


def table(family: str) -> "pd.DataFrame":
    """A row a trial, by the name of its run: data, method, settings (as text), seed, seconds, by, best (its step),
    score (there), last.

    Of the settings those that differ between trials of its method, planned or recorded.
    """
    import pandas as pd

    given, done, rows = FAMILIES[family]["methods"], records.noted(f"trials-{family}"), []
    for entry in done.values():
        method, steps = entry["method"], entry.get("steps", {})
        others = given[method], [e["parameters"] for e in done.values() if e["method"] == method]
        varied = {key for some in others for one in some for key in one if len({repr(s.get(key)) for s in some}) > 1}
        own = {
            "settings": ", ".join(f"{k} {v}" for k, v in sorted(entry["parameters"].items()) if k in varied),
            "by": entry.get("by", entry.get("failed")),
            "best": entry.get("best"),
            "score": steps.get(str(entry.get("best")), float("nan")),
            "last": steps[max(steps, key=int)] if steps else float("nan"),
        }
        rows.append({k: entry[k] for k in ("data", "method", "seed", "seconds")} | own)
    return pd.DataFrame(rows, list(done))


def scored(family: str) -> "pd.DataFrame":
    """A row a final, in order: data, method, seed, and its scores by their paths, such as best.fz.fld and fz.fld.

    A score is NaN where the training diverged.
    """
    import pandas as pd

    return pd.json_normalize(list(records.noted(f"finals-{family}").values()))


def chosen(family: str) -> dict[str, str]:
    """The settings taken, by method: of least summed rank over data sets and seeds, of equal sums the first by name.

    What failed ranks last.
    """
    frame = table(family)
    least = frame["by"].isin(validation.LEAST)
    frame["rank"] = frame["score"].where(least, -frame["score"])
    groups = frame.groupby(["method", "data", "seed"])
    frame["rank"] = groups["rank"].rank(na_option="bottom")
    summed = frame.groupby(["method", "settings"])["rank"].sum()
    return {method: part.idxmin()[1] for method, part in summed.groupby("method")}
