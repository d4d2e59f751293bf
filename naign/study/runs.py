"""Runs found, trained and scored."""

import json
import shutil
import sys
import warnings
from pathlib import Path

import torch
from torch import Tensor

from naign.base import distributed, files
from naign.data import DATA
from naign.data.samples import TensorData
from naign.evaluate.scores import scores
from naign.study import card, hub, records
from naign.study.experiment import Experiment, get, names, own
from naign.study.recipes import PROFILES
from naign.study.records import Run

RECOMMENDED = "naign-field"  # beyond the paper's methods, by chapter 7


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
    method : one of naign.methods.METHODS: "naign", as in the paper; beyond it "naign-field" is recommended, and
        "naign-balanced" in few dimensions; "naign-minus", "ign", "dae", ... for comparison
    profile : "quick", "cpu" or "paper", the scale of the settings
    checkpoint : a directory to save to on the way and to continue from
    parameters : any setting by name: steps, batch_size, lr, width, candidates, ...

    Raises
    ------
    ValueError
        If the data or a parameter cannot be used.
    """
    if isinstance(data, str):
        experiment = get(data, profile, seed, method=method, **parameters)
    else:
        experiment = own(TensorData(data), method, profile, seed, **parameters)
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
    run.metrics = metrics | run.metrics
    new = {k: v for k, v in run.images.items() if k not in pictures and records.wanted(k, keep)}
    records.write_images(path, new)
    files.rewrite_json(path, "metrics.json", run.metrics)


def load(path: str | Path, revision: str | None = None) -> Run:
    """A run with weights: a saved one by its directory, a recorded one by its name, one of the Hub by "hf://owner/name".

    `available` lists the names; that of a data set alone means the field on images, where such a run is recorded, and
    NAIGN otherwise. A revision, of the Hub's alone, is a branch, a tag or a commit. ValueError if there is none, or it
    is damaged.
    """
    name = str(path)
    if name.startswith(hub.PREFIX):
        return records.load(hub.download(name.removeprefix(hub.PREFIX), revision))
    if revision is not None:
        raise ValueError(f"{path} has no revisions: only what is loaded from hf://owner/name has.")
    if Path(path).is_dir():
        return records.load(path)
    if name not in names() and name not in DATA:
        known = ", ".join(names())
        raise ValueError(f"{path} is neither a saved run nor an experiment: give a directory or one of {known}.")
    usual = get(name)
    asked = [f"{name}-{RECOMMENDED}", usual.name] if name in DATA and usual.data.kind == "images" else [usual.name]
    if found := [path for path in map(named, asked) if path]:
        return records.load(found[0])
    why = "" if usual.data.shared else f" (its data are under {usual.data.licence}, so it is not in the package)"
    raise ValueError(f"no recorded weights of {usual.name!r}{why}: train them with `naign fit {usual.name}`.")


def named(name: str) -> Path | None:
    """The recorded run with weights that has an experiment's name: of the largest profile, the usual settings first."""
    for profile in reversed(PROFILES):
        found = [path for path in records.recorded(name, profile) if (path / "model.safetensors").exists()]
        if found:
            return min(found, key=lambda path: path.name != get(name, profile).directory)
    return None


def available() -> dict[str, dict[str, list[float]]]:
    """The models that `load` finds by their names: name -> score -> its value for each recorded seed.

    In a clone these are all recorded ones with weights; an installed package brings some of them.
    """
    found = {name: named(name) for name in names()}
    configs = {name: json.loads((path / "config.json").read_text()) for name, path in found.items() if path}
    return {name: card.scores(card.seeds(config)) for name, config in configs.items()}


def find(experiment: Experiment, weights: bool = False) -> Path | None:
    """The directory of an experiment's run, committed, shipped or local; with weights if they are asked for."""
    for root in (records.records_root(), records.SHIPPED, records.runs_root()):
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
    distributed.from_first(torch.tensor(float(path is None)))  # whether `assist` is asked for
    if path is None:
        root = files.writable_directory(records.runs_root())
        with files.locked(experiment.directory):  # who waited here finds the run of the other
            path = find(experiment, weights) or _train(experiment, root / experiment.directory, progress)
    if path.parent == records.runs_root():  # whole, so nobody needs it
        shutil.rmtree(_checkpoint(experiment), ignore_errors=True)
        files.clear(path)
    run = records.load(path)
    both = (experiment.essential(), experiment.essential(run.config))
    asked, found = (config | config["parameters"] for config in both)
    differing = sorted(k for k in (asked | found).keys() - {"parameters"} if found.get(k) != asked.get(k))
    if differing:
        changed = "; ".join(f"{k} is {found.get(k)}, expected {asked.get(k)}" for k in differing)
        raise ValueError(
            f"{path}/config.json no longer matches what is asked for ({changed}): "
            "restore it, or delete the directory to train anew."
        )
    if not run.metrics:
        if run.f is None:
            raise ValueError(f"{path} has neither scores nor weights to find them by: delete it to train anew.")
        rescore(path, experiment, run)
    return run


def assist(experiment: Experiment) -> None:
    """What the other processes do while the first one is in `load_or_fit`: train with it, if it must."""
    needed = torch.zeros(())
    if distributed.from_first(needed):
        experiment.train(_checkpoint(experiment))


def _checkpoint(experiment: Experiment) -> Path:
    return files.cache_root() / "checkpoints" / experiment.directory


def _train(experiment: Experiment, path: Path, progress: bool) -> Path:
    return experiment.train(_checkpoint(experiment), progress).save(path, "")


def of_config(config: dict) -> Experiment:
    """The experiment that a stored configuration of a named one describes."""
    return get(config["name"], config["profile"], config["seed"], **config["parameters"])


def rescore_records() -> tuple[list[str], list[str]]:
    """Score every committed run whose weights are kept: the names of these, and of those that cannot be.

    Of the pictures that scoring draws, a record is given those alone that the plan keeps and it lacks.
    """
    from naign.study import plan  # which asks for runs

    kept = {name: keep for profile in PROFILES for name, keep in plan.kept(profile).items()}
    done, left = [], []
    for path in sorted(p for p in records.records_root().glob("[!.]*") if p.is_dir()):
        run = records.load(path)
        if run.f is None:
            left.append(path.name)
            continue
        print(f"scoring {path.name}", file=sys.stderr)
        rescore(path, of_config(run.config), run, kept.get(path.name, ()))
        done.append(path.name)
    return done, left
