"""Every experiment by name, at each profile, and `fit` for one's own data."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from naign import folders, images, profiles, records
from naign.balanced import METHODS
from naign.experiment import Experiment, build
from naign.fewshot import FEW
from naign.profiles import DATA, IMAGES, PROFILES
from naign.settings import typed

FOLDER = "folder:"


def names() -> list[str]:
    """Every experiment: a data set and a method, joined by a hyphen."""
    return [f"{data}-{method}" for data in DATA for method in METHODS]


def get(name: str, profile: str = "cpu", seed: int = 0, **changes: object) -> Experiment:
    """An experiment by its name; a data set's name alone means NAIGN on it.

    The name "folder:PATH" means the images below that folder, with `size`, `held_out` and `method` among
    the changes. On images a change may also be `recipe`: "ours", the default, or "paper", the settings that
    the others are changed from. At the quick profile small data that come with libraries stand for MNIST and FFHQ.

    Raises
    ------
    ValueError
        If the name, the profile or a parameter is unknown.
    """
    if name.startswith(FOLDER):
        changes = dict(changes)
        options = {k: typed(k, changes.pop(k), v) for k, v in {"size": 64, "held_out": 0}.items() if k in changes}
        method = str(changes.pop("method", "naign"))
        return own(folders.folder(name.removeprefix(FOLDER), **options), method, profile, seed, "folder", **changes)
    full = f"{name}-naign" if name in DATA else name
    if full not in names():
        data, _, method = full.partition("-")
        what = "method" if data in DATA else "data set"
        known = ", ".join(METHODS if data in DATA else DATA)
        raise ValueError(f"unknown {what} in {name!r}: choose one of {known}, as in 'grid-naign'.")
    if profile not in PROFILES:
        raise ValueError(f"unknown profile {profile!r}: choose one of {', '.join(PROFILES)}.")
    data, _, method = full.partition("-")
    known = profiles.STAND_INS.get(data, data) if profile == "quick" else data
    return _standard(full, known, method, profile, seed, changes)


def _standard(name: str, data: str, method: str, profile: str, seed: int, changes: dict, **own: object) -> Experiment:
    """A profile's settings, then the recipe's, then the changes."""
    network, schedule = profiles.settings(data, profile)
    images_like = data in IMAGES or ("tensor" in own and own["tensor"].ndim > 2)
    options = {"distance": "l1" if images_like else "l2"}
    if method in profiles.IMLE and data in DATA:
        options["candidate_dtype"] = schedule["dtype"]  # not "auto": experiments repeat on any machine
    experiment = Experiment(
        name, data, method, profile, seed, method_options=options, network=network, schedule=schedule, **own
    )
    if "norm" in network:
        changes = dict(changes)
        chosen = profiles.recipe(changes.pop("recipe", "ours"), data, method, profile)
        experiment = experiment.with_parameters(**chosen)
    experiment = experiment.with_parameters(**profiles.beyond(data, method, profile))
    return experiment.with_parameters(**changes)


def load_one(
    name: str, profile: str, seed: int = 0, progress: bool = True, weights: bool = True, **changes: object
) -> records.Run:
    """One run, recorded or trained now; without `weights` its numbers are enough."""
    return records.load_or_fit(get(name, profile, seed, **changes), build, weights, progress=progress)


def fit(
    data: Tensor | str,
    method: str = "naign",
    seed: int = 0,
    profile: str = "cpu",
    progress: bool = True,
    device: str | None = None,
    checkpoint: str | Path | None = None,
    **parameters: object,
) -> records.Run:
    """Train on one's own tensor, or on a data set by name.

    Parameters
    ----------
    data : (n, *D) floating point, scaled to about [-1, 1], or bytes; or the name of a data set;
        or "folder:PATH", the images below a folder
    method : one of naign.balanced.METHODS: "naign", "naign-balanced", "naign-minus", "ign", "dae", ...
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
    if isinstance(data, str):
        if data.startswith(FOLDER):
            experiment = get(data, profile, seed, method=method, **parameters)
        elif data in DATA:
            experiment = get(f"{data}-{_known(method)}", profile, seed, **parameters)
        else:
            known = ", ".join(DATA)
            raise ValueError(f"unknown data set {data!r}: choose one of {known}, or give a tensor or folder:PATH.")
    else:
        experiment = own(images.TensorData(data), method, profile, seed, **parameters)
    return experiment.train(checkpoint and Path(checkpoint), progress, device)


def own(
    data: images.TensorData, method: str, profile: str, seed: int, name: str = "tensor", **parameters: object
) -> Experiment:
    """An experiment on one's own data; square images of up to 1,000 get the settings of FFHQ-100."""
    x, side = data.x, data.x.shape[-1]
    square = x.ndim == 4 and x.shape[2] == side and side >= 8 and side & (side - 1) == 0
    kind = ("tensor-few" if len(x) <= FEW else "tensor-image") if square else "tensor-flat"
    tensor = (x if x.dtype == torch.uint8 else x.float()).detach().cpu()
    if profile not in PROFILES:
        raise ValueError(f"unknown profile {profile!r}: choose one of {', '.join(PROFILES)}.")
    parameters = {"batch_size": min(profiles.settings(kind, profile)[1]["batch_size"], len(x))} | parameters
    held_out = data.test.x if data.test else None
    return _standard(
        f"{name}-{_known(method)}", kind, method, profile, seed, parameters, tensor=tensor, held_out=held_out
    )


def _known(method: str) -> str:
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: choose one of {', '.join(METHODS)}.")
    return method


def load(path: str | Path) -> records.Run:
    """A saved run by its directory, or the recorded run with weights of an experiment, by its name."""
    name = str(path)
    if not Path(path).is_dir() and (name in names() or name in DATA):
        full = get(name).name
        for profile in reversed(PROFILES):
            for found in records.recorded(full, profile):
                if (found / "model.safetensors").exists():
                    return records.load(found, build)
        raise ValueError(f"no recorded weights of {full!r}: train them with `naign fit {full}`.")
    if not Path(path).is_dir():
        raise ValueError(
            f"{path} is neither a saved run nor an experiment: give a directory or one of {', '.join(names())}."
        )
    return records.load(path, build)
