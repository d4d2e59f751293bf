"""Runs found, trained, scored and recorded."""

from __future__ import annotations

import shutil
import sys
import warnings
from pathlib import Path

from torch import Tensor

from naign.base import files
from naign.base.files import cache_root
from naign.data import DATA
from naign.data.samples import TensorData
from naign.evaluate.scores import scores
from naign.study import records
from naign.study.experiment import FOLDER, Experiment, build, get, names, own
from naign.study.recipes import PROFILES
from naign.study.records import Run


def fit(
    data: Tensor | str,
    method: str = "naign",
    seed: int = 0,
    profile: str = "cpu",
    progress: bool = True,
    device: str | None = None,
    checkpoint: str | Path | None = None,
    **parameters: object,
) -> Run:
    """Train on one's own tensor, or on a data set by name.

    Parameters
    ----------
    data : (n, *D) floating point, scaled to about [-1, 1], or bytes; or the name of a data set;
        or "folder:PATH", the images below a folder
    method : one of naign.methods.METHODS: "naign", "naign-balanced", "naign-minus", "ign", "dae", ...
    profile : "quick", "cpu" or "paper", the scale of the settings
    checkpoint : a directory to save to on the way and to continue from
    parameters : any setting by name: steps, batch_size, lr, width, candidates, ...

    Returns
    -------
    Run
        with `f`, `source`, `history` and `metrics`

    Raises
    ------
    ValueError
        If the data or a parameter cannot be used.
    """
    if not isinstance(data, str):
        experiment = own(TensorData(data), method, profile, seed, **parameters)
    elif data.startswith(FOLDER):
        experiment = get(data, profile, seed, method=method, **parameters)
    elif data in DATA:
        experiment = get(f"{data}-{method}", profile, seed, **parameters)
    else:
        known = ", ".join(DATA)
        raise ValueError(f"unknown data set {data!r}: choose one of {known}, or give a tensor or folder:PATH.")
    run = experiment.train(checkpoint and Path(checkpoint), progress, device)
    score(run, experiment)
    return run


def score(run: Run, experiment: Experiment) -> None:
    """What `naign.evaluate` measures on a run with weights, into its metrics and images."""
    data = experiment.data.load()
    try:
        run.metrics, run.images = scores(run.f, run.source, data, experiment.method.distance, run.snapshots)
    except (ValueError, RuntimeError, ArithmeticError) as error:  # f is worth keeping all the same
        warnings.warn(f"{experiment.name} could not be scored ({error}): its f is kept.", stacklevel=2)
        run.metrics = {"unscored": str(error)}
    for step, found in run.metrics.get("probes", {}).items():
        found["seconds"] = run.provenance["clock"][step]
    if not experiment.data.shared:  # only what f made of them may be kept
        run.images = {k: v for k, v in run.images.items() if k != "x" and not k.endswith(".0")}


def load(path: str | Path) -> Run:
    """A run saved with `Run.save`, by its directory, or an experiment's recorded one with weights, by its name.

    ValueError if there is none, or it is damaged.
    """
    name = str(path)
    if Path(path).is_dir():
        return records.load(path, build)
    if name not in names() and name not in DATA:
        known = ", ".join(names())
        raise ValueError(f"{path} is neither a saved run nor an experiment: give a directory or one of {known}.")
    full = get(name).name
    for profile in reversed(PROFILES):
        for found in records.recorded(full, profile):
            if (found / "model.safetensors").exists():
                return records.load(found, build)
    raise ValueError(f"no recorded weights of {full!r}: train them with `naign fit {full}`.")


def find(experiment: Experiment, weights: bool = False) -> Path | None:
    """The directory of an experiment's run, committed or local; with weights if they are asked for."""
    for root in (records.records_root(), records.runs_root()):
        path = root / experiment.directory
        if path.is_dir() and (not weights or (path / "model.safetensors").exists()):
            return path
    return None


def load_or_fit(experiment: Experiment, weights: bool = False, progress: bool = True) -> Run:
    """The committed run of an experiment, else the local one, else a new training, kept locally.

    With `weights` a run that was committed as numbers only will not do. ValueError if the directory found
    holds another configuration than its name says.
    """
    path = find(experiment, weights)
    if path is None:
        root = files.writable_directory(records.runs_root())
        with files.locked(experiment.directory):  # who waited here finds the run of the other
            path = find(experiment, weights) or _train(experiment, root / experiment.directory, progress)
    if path.parent == records.runs_root():  # whole, so nobody needs it
        shutil.rmtree(_checkpoint(experiment), ignore_errors=True)
        files.clear(path)
    run = records.load(path, build)
    if changed := _difference(experiment.essential(run.config), experiment.essential()):
        raise ValueError(
            f"{path}/config.json no longer matches what is asked for ({changed}): "
            "restore it, or delete the directory to train anew."
        )
    if not run.metrics:
        rescore(path, experiment, run)
    return run


def _checkpoint(experiment: Experiment) -> Path:
    return cache_root() / "checkpoints" / experiment.directory


def _train(experiment: Experiment, path: Path, progress: bool) -> Path:
    return experiment.train(_checkpoint(experiment), progress).save(path)


def rescore(path: Path, experiment: Experiment, run: Run) -> None:
    """Measure a run anew and write its metrics; what only lost snapshots could tell stays as it was."""
    before = run.metrics
    score(run, experiment)
    run.metrics |= {k: before[k] for k in before.keys() - run.metrics.keys()}
    if not (path / "images").exists():
        records.write_images(path, run.images)
    files.rewrite_json(path, "metrics.json", run.metrics)


def rescore_records() -> tuple[list[str], list[str]]:
    """`rescore` every committed run whose weights are kept: the names of these, and of those that cannot be."""
    done, left = [], []
    for path in sorted(p for p in records.records_root().iterdir() if p.is_dir()):
        run = records.load(path, build)
        if run.f is None:
            left.append(path.name)
            continue
        print(f"scoring {path.name}", file=sys.stderr)
        rescore(path, of_config(run.config), run)
        done.append(path.name)
    return done, left


def of_config(config: dict) -> Experiment:
    """The experiment that a stored configuration of a named one describes."""
    return get(config["name"], config["profile"], config["seed"], **config["parameters"])


def _difference(found: dict, wanted: dict, prefix: str = "") -> str:
    parts = []
    for key in sorted(found.keys() | wanted.keys()):
        a, b = found.get(key), wanted.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            parts.append(_difference(a, b, f"{key}."))
        elif a != b:
            parts.append(f"{prefix}{key} is {a}, expected {b}")
    return "; ".join(p for p in parts if p)
