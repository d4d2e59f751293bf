"""One experiment: everything that decides a run."""

from __future__ import annotations

import inspect
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from naign import images, models, profiles, records, sources
from naign.evaluation import evaluate
from naign.methods import make
from naign.profiles import DATA, TOYS
from naign.provenance import provenance
from naign.settings import Schedule, typed
from naign.training import fit


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
        if "steps" in changes and "snapshots" not in changes:
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
            config |= {"samples": len(self.tensor), "data_sha256": images.TensorData(self.tensor).fingerprint()}
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
        trace = fit(f, source, on_device, method, Schedule(**self.schedule), self.seed, checkpoint, progress)
        f, source = f.cpu().eval(), source.cpu()
        snapshots = {s: {k: v.cpu() for k, v in p.items()} for s, p in trace.snapshots.items()}
        return records.Run(
            config,
            trace.history,
            evaluate(f, source, data, method.distance),
            provenance(device, trace.seconds),
            f,
            source,
            snapshots,
        )


def _plain(value: object) -> object:
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


def build(config: dict) -> tuple[nn.Module, nn.Module]:
    """The untrained f and source that a stored configuration describes."""
    parameters = config["parameters"]
    shape = tuple(config["shape"])
    f = models.seeded(lambda: models.MLP(shape, parameters["width"], parameters["depth"]), config["seed"])
    return f, sources.StandardNormal(shape)
