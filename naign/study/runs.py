"""Runs found, trained and scored."""

import shutil
import warnings
from pathlib import Path

from torch import Tensor

from naign.base import files
from naign.data import DATA
from naign.data.samples import TensorData
from naign.evaluate.scores import scores
from naign.study import records
from naign.study.experiment import FOLDER, Experiment, get, names, own
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
    """Train on one's own tensor, or on a data set by name: a run with `f`, `source`, `history` and `metrics`.

    Parameters
    ----------
    data : (n, *D) floating point, scaled to about [-1, 1], or bytes; or the name of a data set;
        or "folder:PATH", the images below a folder
    method : one of naign.methods.METHODS: "naign", "naign-balanced", "naign-minus", "ign", "dae", ...
    profile : "quick", "cpu" or "paper", the scale of the settings
    checkpoint : a directory to save to on the way and to continue from
    parameters : any setting by name: steps, batch_size, lr, width, candidates, ...

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


def rescore(path: Path, experiment: Experiment, run: Run, keep: tuple[str, ...] = ("*",)) -> None:
    """Measure a run anew; write its metrics, and the pictures of the names `keep` that it lacks.

    What only lost snapshots could tell stays as it was.
    """
    metrics, pictures = run.metrics, run.images.keys()
    score(run, experiment)
    run.metrics |= {k: metrics[k] for k in metrics.keys() - run.metrics.keys()}
    new = {k: v for k, v in run.images.items() if k not in pictures and records.wanted(k, keep)}
    records.write_images(path, new)
    files.rewrite_json(path, "metrics.json", run.metrics)


def load(path: str | Path) -> Run:
    """A run saved with `Run.save`, by its directory, or an experiment's recorded one with weights, by its name.

    ValueError if there is none, or it is damaged.
    """
    name = str(path)
    if Path(path).is_dir():
        return records.load(path)
    if name not in names() and name not in DATA:
        known = ", ".join(names())
        raise ValueError(f"{path} is neither a saved run nor an experiment: give a directory or one of {known}.")
    full = get(name).name
    for found in (path for profile in reversed(PROFILES) for path in records.recorded(full, profile)):
        if (found / "model.safetensors").exists():
            return records.load(found)
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
    run = records.load(path)
    found, wanted = _flat(experiment.essential(run.config)), _flat(experiment.essential())
    differing = sorted(k for k in found.keys() | wanted.keys() if found.get(k) != wanted.get(k))
    if differing:
        changed = "; ".join(f"{k} is {found.get(k)}, expected {wanted.get(k)}" for k in differing)
        raise ValueError(
            f"{path}/config.json no longer matches what is asked for ({changed}): "
            "restore it, or delete the directory to train anew."
        )
    if not run.metrics:
        rescore(path, experiment, run)
    return run


def _checkpoint(experiment: Experiment) -> Path:
    return files.cache_root() / "checkpoints" / experiment.directory


def _train(experiment: Experiment, path: Path, progress: bool) -> Path:
    return experiment.train(_checkpoint(experiment), progress).save(path)


def of_config(config: dict) -> Experiment:
    """The experiment that a stored configuration of a named one describes."""
    return get(config["name"], config["profile"], config["seed"], **config["parameters"])


def _flat(config: dict) -> dict:
    return config | {f"parameters.{key}": value for key, value in config["parameters"].items()} | {"parameters": None}
