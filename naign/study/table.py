"""Runs as one tidy table: a row a run, a column a score."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from naign.study.records import Run


def tidy(groups: Mapping[str, Sequence[Run]]) -> pd.DataFrame:
    """A row a run, in order: its label, name, method, seed, seconds of training, and every score by its path.

    A path joins the names of nested metrics by dots, as "fz.coverage" or "restoration.blur.once"; values that
    are lists stay lists. A score that a run lacks is NaN. "least.fz" is the least FLD of f(z) during training,
    "rise.fz" its last one in terms of that.

    Parameters
    ----------
    groups : label -> runs
    """
    rows = []
    for label, runs in groups.items():
        for run in runs:
            own = {k: run.config[k] for k in ("name", "method", "seed")}
            rows.append({"label": label, **own, "seconds": run.provenance["seconds"], **run.metrics})
    frame = pd.json_normalize(rows)
    during = frame.filter(regex=r"^probes\.\d+\.fz$")
    if not len(during.columns):
        return frame
    during = during[sorted(during.columns, key=lambda path: int(path.split(".")[1]))]
    least = during.min(axis=1)
    return frame.assign(**{"least.fz": least, "rise.fz": during.ffill(axis=1).iloc[:, -1] / least})


def flat(label: str, run: Run) -> pd.DataFrame:
    """One row of a run: its scores that are numbers, every mode's share, the commit and the device of its training."""
    frame = tidy({label: [run]})
    modes = [pd.DataFrame(frame[path].tolist()).add_prefix(f"{path}.") for path in frame if path.endswith(".shares")]
    where = {key: run.provenance[key] for key in ("commit", "device")}
    return pd.concat([frame, *modes], axis=1).select_dtypes(["number", "str"]).assign(**where)


def by_label(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The rows of each label, in their order."""
    return list(frame.groupby("label", sort=False))


def lists(frame: pd.DataFrame, path: str) -> dict[str, list]:
    """A score of every run by label: label -> values, one a run; what no run of a label has is left out."""
    found = {label: group[path].dropna().tolist() for label, group in by_label(frame)}
    return {label: values for label, values in found.items() if values}


def curves(frame: pd.DataFrame, score: str, against: str = "step") -> dict[str, tuple[list[float], np.ndarray]]:
    """A score during training: label -> steps, or mean seconds of training, (k,), and values, (runs, k)."""
    result, asked = {}, frame.filter(regex=rf"^probes\.\d+\.{score}$").columns
    for label, group in by_label(frame):
        steps = sorted(int(path.split(".")[1]) for path in asked if group[path].notna().all())
        if steps:
            at = steps if against == "step" else [float(group[f"probes.{s}.seconds"].mean()) for s in steps]
            result[label] = (at, np.array([group[f"probes.{s}.{score}"] for s in steps]).T)
    return result


def validated(groups: Mapping[str, Sequence[Run]]) -> dict[str, tuple[list[int], list[list[float]]]]:
    """The score on validation data during training: label -> steps, but not 0, and values, a row a run."""
    found = {label: [run.metrics["validation"]["steps"] for run in runs] for label, runs in groups.items()}
    steps = {label: sorted(int(step) for step in some[0] if int(step)) for label, some in found.items()}
    return {label: (at, [[one[str(step)] for step in at] for one in found[label]]) for label, at in steps.items()}
