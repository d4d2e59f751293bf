"""Trials: the settings that every method was given the chance of, and what came of each."""

import functools
import json
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from naign.base import files
from naign.evaluate import validation
from naign.study import records
from naign.study.experiment import Experiment, get
from naign.study.provenance import provenance
from naign.training import NonFiniteLoss

if TYPE_CHECKING:
    import pandas as pd


@functools.cache
def families() -> dict[str, dict]:
    """The families of `trials.toml` by name."""
    return tomllib.loads((Path(__file__).parent / "trials.toml").read_text())


def planned(family: str) -> list[Experiment]:
    """Every trial of a family; ValueError if there is none of this name, or it gives one method more than another."""
    if family not in families():
        raise ValueError(f"unknown family of trials {family!r}: choose one of {', '.join(families())}.")
    given = families()[family]
    if len({len(settings) for settings in given["methods"].values()}) > 1:
        raise ValueError(f"the methods of {family!r} differ in their number of trials: give each as many.")
    return [
        get(f"{data}-{method}", "cpu", seed, **given["all"] | settings)
        for i in range(max(map(len, given["methods"].values())))
        for method, settings in ((m, s[i]) for m, s in given["methods"].items())
        for data in given["data"]
        for seed in given["seeds"]
    ]


def path(family: str) -> Path:
    """Where the record of a family lies, one entry a trial by the name of its run."""
    return records.records_root() / f"trials-{family}.json"


def known(family: str) -> dict[str, dict]:
    """The trials that are recorded."""
    return json.loads(path(family).read_text()) if path(family).exists() else {}


def run(family: str) -> int:
    """Train and judge what the record lacks, and write it down after each; returns how many that were.

    A training that diverges is a result too: its sentence is recorded in place of the scores. Whatever else stops a
    trial says nothing of its settings, and is raised.
    """
    todo = [e for e in planned(family) if e.directory not in known(family)]
    for i, experiment in enumerate(todo, 1):
        print(f"trial {i} of {len(todo)}: {experiment.directory}", file=sys.stderr)
        files.write_json(path(family), known(family) | {experiment.directory: _one(experiment)})
    return len(todo)


def _one(experiment: Experiment) -> dict:
    began = time.monotonic()
    config = experiment.essential()
    entry = {k: config[k] for k in ("data", "method", "seed", "parameters")}
    try:
        run = experiment.train(files.cache_root() / "checkpoints" / experiment.directory)
    except NonFiniteLoss as error:
        return entry | {"failed": str(error), **provenance(torch.device("cpu"), time.monotonic() - began)}
    found = validation.by_step(run.f, run.source, experiment.data.load(), run.snapshots)
    return entry | found | {k: v for k, v in run.provenance.items() if k != "clock"}


def table(family: str) -> "pd.DataFrame":
    """A row a trial: data, method, settings (as text), seed, seconds, by, best (its step), score (there), last.

    Of the settings those that differ between trials of its method, planned or recorded.
    """
    import pandas as pd

    given, entries, rows = families()[family]["methods"], known(family).values(), []
    for entry in entries:
        method = entry["method"]
        others = given[method], [e["parameters"] for e in entries if e["method"] == method]
        varied = {key for some in others for one in some for key in one if len({repr(s.get(key)) for s in some}) > 1}
        own = {k: v for k, v in entry["parameters"].items() if k in varied}
        steps = entry.get("steps", {})
        rows.append(
            {
                **{k: entry[k] for k in ("data", "method", "seed", "seconds")},
                "settings": ", ".join(f"{k} {v}" for k, v in sorted(own.items())),
                "by": entry.get("by", entry.get("failed")),
                "best": entry.get("best"),
                "score": steps.get(str(entry.get("best")), float("nan")),
                "last": steps[max(steps, key=int)] if steps else float("nan"),
            }
        )
    return pd.DataFrame(rows)


def chosen(family: str) -> dict[str, str]:
    """The settings taken, by method: of least summed rank over data sets and seeds; what failed ranks last."""
    frame = table(family)
    least = frame["by"].isin(validation.LEAST)
    frame["rank"] = frame["score"].where(least, -frame["score"])
    groups = frame.groupby(["method", "data", "seed"])
    frame["rank"] = groups["rank"].rank(na_option="bottom")
    summed = frame.groupby(["method", "settings"])["rank"].sum()
    return {method: part.idxmin()[1] for method, part in summed.groupby("method")}
