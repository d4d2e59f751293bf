"""Every experiment by name, at each profile, and `fit` for one's own data."""

from __future__ import annotations

import hashlib
import inspect
import time
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from naign import images, models, profiles, records, sources
from naign.evaluation import evaluate
from naign.methods import METHODS, make
from naign.profiles import DATA, IMAGES, PROFILES, SEEDS, TOYS
from naign.provenance import provenance
from naign.settings import Schedule, typed
from naign.training import fit as train_loop


@dataclass(frozen=True)
class Experiment:
    """What to train, on what, how long: everything that decides a run.

    data_options, method_options : arguments of the data's and the method's class
    network : width and depth; schedule : arguments of `naign.training.Schedule`
    tensor : the data themselves where they have no name
    """

    name: str
    data: str
    method: str
    profile: str
    seed: int = 0
    data_options: dict = field(default_factory=dict)
    method_options: dict = field(default_factory=dict)
    network: dict = field(default_factory=dict)
    schedule: dict = field(default_factory=dict)
    tensor: Tensor | None = field(default=None, repr=False)

    def parameters(self) -> dict[str, object]:
        """Every setting that may be given by name, with its value."""
        method = asdict(make(self.method, **self.method_options))
        if self.method == "naign-minus":
            del method["w_idem"], method["idempotence"]
        schedule = asdict(Schedule(**self.schedule))
        return {"seed": self.seed} | self._data_parameters() | method | self.network | schedule

    def _data_parameters(self) -> dict[str, object]:
        if self.data not in DATA:
            return {}
        arguments = inspect.signature(DATA[self.data]).parameters
        return {k: self.data_options.get(k, p.default) for k, p in arguments.items()}

    def with_parameters(self, **changes: object) -> Experiment:
        """The same experiment with some settings changed.

        Raises
        ------
        ValueError
            If a name is unknown or a value has the wrong type.
        """
        known = self.parameters()
        parts = {k: dict(getattr(self, k)) for k in ("data_options", "method_options", "network", "schedule")}
        seed = self.seed
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"unknown parameter {name!r}: {self.name} knows {', '.join(known)}.")
            value = typed(name, value, known[name])
            if name == "seed":
                seed = value
            elif name in self._data_parameters():
                parts["data_options"][name] = value
            elif name in self.network:
                parts["network"][name] = value
            elif name in {f.name for f in fields(Schedule)}:
                parts["schedule"][name] = value
            else:
                parts["method_options"][name] = value
        if "steps" in changes:
            parts["schedule"].setdefault("snapshots", ())
            if "snapshots" not in changes:
                parts["schedule"]["snapshots"] = profiles.snapshots(parts["schedule"]["steps"])
        return replace(self, seed=seed, **parts)

    def config(self) -> dict:
        """Every setting, spelled out, as it is stored with a run."""
        self.check()
        parameters = self.parameters()
        parameters.pop("seed")
        config = {
            "name": self.name,
            "profile": self.profile,
            "seed": self.seed,
            "data": self.data,
            "method": self.method,
        }
        config["shape"] = list(self.load_data().shape)
        if self.tensor is not None:
            raw = self.tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes()
            config |= {"samples": len(self.tensor), "data_sha256": hashlib.sha256(raw).hexdigest()}
        return config | {"parameters": {k: _plain(v) for k, v in parameters.items()}}

    def essential(self, config: dict | None = None) -> dict:
        """A configuration (its own by default) without the settings at the package's defaults.

        This is what names a run, so that a new setting with a default renames none.
        """
        config = config or self.config()
        schedule = {f.name: f.default for f in fields(Schedule)}
        defaults = asdict(make(self.method)) | schedule | replace(self, data_options={})._data_parameters()
        missing = object()
        kept = {k: v for k, v in config["parameters"].items() if v != _plain(defaults.get(k, missing))}
        return config | {"parameters": kept}

    def check(self) -> None:
        """Refuse what cannot be trained, before any work starts."""
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}: it must be 0 or more.")
        method = make(self.method, **self.method_options)
        if hasattr(method, "count"):
            method.count(Schedule(**self.schedule).batch_size)
        if self.tensor is not None:
            images.TensorData(self.tensor)
        elif self.data in TOYS:
            TOYS[self.data](**self.data_options)
        with torch.device("meta"):  # builds the network without its memory
            models.MLP((1,), **self.network)

    def load_data(self) -> sources.Sampler:
        """The data, as an object with `shape` and `sample(n, generator)`."""
        if self.tensor is not None:
            return images.TensorData(self.tensor)
        return DATA[self.data](**self.data_options)

    def train(
        self, checkpoint: Path | None = None, progress: bool = True, device: str | torch.device | None = None
    ) -> records.Run:
        """Train and evaluate; see `naign.training.fit` for checkpoints and what it raises."""
        config = self.config()
        device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        f, source = (module.to(device) for module in build(config))
        data = self.load_data()
        on_device = data.to(device) if hasattr(data, "to") else data
        method = make(self.method, **self.method_options)
        start = time.monotonic()
        trace = train_loop(f, source, on_device, method, Schedule(**self.schedule), self.seed, checkpoint, progress)
        seconds = time.monotonic() - start
        f, source = f.cpu().eval(), source.cpu()
        snapshots = {s: {k: v.cpu() for k, v in p.items()} for s, p in trace.snapshots.items()}
        return records.Run(
            config,
            trace.history,
            evaluate(f, source, data, method.distance),
            provenance(device, seconds),
            f,
            source,
            snapshots,
        )


def _plain(value: object) -> object:
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


def names() -> list[str]:
    """Every experiment: a data set and a method, joined by a hyphen."""
    return [f"{data}-{method}" for data in DATA for method in METHODS]


def get(name: str, profile: str = "cpu", seed: int = 0, **changes: object) -> Experiment:
    """An experiment by its name; a data set's name alone means NAIGN on it.

    Raises
    ------
    ValueError
        If the name, the profile or a parameter is unknown.
    """
    full = f"{name}-naign" if name in DATA else name
    if full not in names():
        data, _, method = full.partition("-")
        what = "method" if data in DATA else "data set"
        known = ", ".join(METHODS if data in DATA else DATA)
        raise ValueError(f"unknown {what} in {name!r}: choose one of {known}, as in 'grid-naign'.")
    if profile not in PROFILES:
        raise ValueError(f"unknown profile {profile!r}: choose one of {', '.join(PROFILES)}.")
    data, _, method = full.partition("-")
    network, schedule = profiles.settings(data, profile)
    options = {"distance": "l1" if data in IMAGES else "l2"}
    if method != "ign":
        options["candidate_dtype"] = "float32"  # experiments repeat on any machine
    experiment = Experiment(
        full, data, method, profile, seed, method_options=options, network=network, schedule=schedule
    )
    return experiment.with_parameters(**changes)


def resolve(profile: str, wanted: list[str]) -> str:
    """The profile to show: "recorded" means the largest at which all of `wanted` have records.

    Without any records that is "quick".
    """
    if profile != "recorded":
        if profile not in PROFILES:
            raise ValueError(f"unknown profile {profile!r}: choose recorded, {', '.join(PROFILES)}.")
        return profile
    for candidate in reversed(PROFILES):
        if all(records.recorded(name, candidate) for name in wanted):
            return candidate
    return "quick"


def load_one(
    name: str, profile: str, seed: int = 0, progress: bool = True, weights: bool = True, **changes: object
) -> records.Run:
    """One run, recorded or trained now; without `weights` its numbers are enough."""
    return records.load_or_fit(get(name, profile, seed, **changes), build, weights, progress=progress)


def load_seeds(name: str, profile: str, seed: int = 0, **changes: object) -> list[records.Run]:
    """The runs of all of a profile's seeds; `seed` is the first, and without changes it has its weights."""
    seeds = range(seed, seed + SEEDS[profile])
    return [load_one(name, profile, s, weights=s == seed and not changes, **changes) for s in seeds]


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
    data : (n, *D) floating point, scaled to about [-1, 1]; or a name of `naign.DATA`
    method : "naign", "naign-minus" or "ign"
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
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: choose one of {', '.join(METHODS)}.")
    if isinstance(data, str):
        if data not in DATA:
            raise ValueError(f"unknown data set {data!r}: choose one of {', '.join(DATA)}, or give a tensor.")
        experiment = get(f"{data}-{method}", profile, seed, **parameters)
    else:
        images.TensorData(data)
        like = get(f"digits-{method}" if data.ndim > 2 else f"grid-{method}", profile, seed)
        schedule, options = dict(like.schedule), {"distance": like.method_options["distance"]}
        schedule["batch_size"] = min(schedule["batch_size"], len(data))
        experiment = replace(
            like,
            name=f"tensor-{method}",
            data="tensor",
            method_options=options,
            schedule=schedule,
            tensor=data.detach().float().cpu(),
        ).with_parameters(**parameters)
    return experiment.train(checkpoint and Path(checkpoint), progress, device)


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
    return records.load(path, build)


def build(config: dict) -> tuple[nn.Module, nn.Module]:
    """The untrained f and source that a stored configuration describes."""
    parameters = config["parameters"]
    shape = tuple(config["shape"])
    f = models.seeded(lambda: models.MLP(shape, parameters["width"], parameters["depth"]), config["seed"])
    return f, sources.StandardNormal(shape)
