"""One experiment: everything that decides a run."""

from __future__ import annotations

import inspect
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from naign import images, models, profiles, records, restoration, sources
from naign.balanced import make
from naign.evaluation import evaluate
from naign.profiles import DATA
from naign.provenance import provenance
from naign.settings import Schedule, typed
from naign.training import fit


@dataclass(frozen=True)
class Experiment:
    """What to train, on what, how long: everything that decides a run.

    data_options, method_options : arguments of the data's and the method's class
    network : arguments of `naign.models.build`; schedule : those of `naign.settings.Schedule`
    source : "normal" or, for images, "fourier"
    tensor, held_out : the data themselves where they have no name, and those to test on if there are any
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
    source: str = "normal"
    tensor: Tensor | None = field(default=None, repr=False)
    held_out: Tensor | None = field(default=None, repr=False)

    def parameters(self) -> dict[str, object]:
        """Every setting that may be given by name, with its value."""
        method = asdict(make(self.method, **self.method_options))
        if self.method == "naign-minus":
            del method["w_idem"], method["idempotence"]
        schedule = asdict(Schedule(**self.schedule))
        chosen = {"seed": self.seed} | self._data_parameters() | method | self.network | schedule
        return chosen | {"source": self.source}

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
        own = {"seed": self.seed, "source": self.source}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"unknown parameter {name!r}: {self.name} knows {', '.join(known)}.")
            value = typed(name, value, known[name])
            if name in own:
                own[name] = value
            elif name in self._data_parameters():
                parts["data_options"][name] = value
            elif name in self.network:
                parts["network"][name] = value
            elif name in {f.name for f in fields(Schedule)}:
                parts["schedule"][name] = value
            else:
                parts["method_options"][name] = value
        if "steps" in changes:
            steps = parts["schedule"]["steps"]
            parts["schedule"] = profiles.looks(self.data, steps) | {
                k: v for k, v in parts["schedule"].items() if k in changes or k not in ("snapshots", "probes")
            }
            if "warm_start" not in changes:  # a shorter run keeps time for the rest
                parts["schedule"]["warm_start"] = min(parts["schedule"]["warm_start"], steps // 2)
        return replace(self, **own, **parts)

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
        config["shape"] = list(self.shape())
        if self.tensor is not None:
            config |= {"samples": len(self.tensor), "data_sha256": images.TensorData(self.tensor).fingerprint()}
        return config | {"parameters": {k: _plain(v) for k, v in parameters.items()}}

    def essential(self, config: dict | None = None) -> dict:
        """A configuration (its own by default) without the settings at the package's defaults.

        This is what names a run, so that a new setting with a default renames none.
        """
        config = config or self.config()
        defaults = {f.name: f.default for f in fields(Schedule)} | {"source": "normal"}
        defaults |= asdict(make(self.method)) | replace(self, data_options={})._data_parameters()
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
        if self.source not in sources.SOURCES:
            raise ValueError(f"unknown source {self.source!r}: choose one of {', '.join(sources.SOURCES)}.")
        with torch.device("meta"):  # builds both without their memory
            models.build(self.shape(), self.network)
            sources.SOURCES[self.source](self.shape())

    def shape(self) -> tuple[int, ...]:
        """That of one sample, known without loading the data."""
        return profiles.shape(self.data, self.data_options) if self.tensor is None else tuple(self.tensor.shape[1:])

    def load_data(self) -> sources.Sampler:
        """The data, as an object with `shape` and `sample(n, generator)`."""
        if self.tensor is not None:
            return images.TensorData(
                self.tensor, None, None if self.held_out is None else images.TensorData(self.held_out)
            )
        return DATA[self.data](**self.data_options)

    def train(
        self, checkpoint: Path | None = None, progress: bool = True, device: str | torch.device | None = None
    ) -> records.Run:
        """Train and evaluate; see `naign.training.fit` for checkpoints and what it raises."""
        config = self.config()
        device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        data, (f, source) = self.load_data(), build(config)
        judge = probe = None
        if len(data.shape) == 3:
            judge = restoration.Judge(data, device=device)
            if hasattr(source, "estimate"):
                source.estimate(data.take(slice(0, 20_000)))
            probe = judge.probe(source)
        f, source = f.to(device), source.to(device)
        on_device = data.to(device) if hasattr(data, "to") else data
        method, schedule = make(self.method, **self.method_options), Schedule(**self.schedule)
        trace = fit(f, source, on_device, method, schedule, self.seed, checkpoint, progress, probe)
        source.cpu()
        if judge:
            metrics, images = restoration.measure(f, source, judge)
            metrics |= {"data": restoration.floor(judge), "probes": {str(s): v for s, v in trace.probes.items()}}
        else:
            metrics, images = evaluate(f.cpu(), source, data, method.distance), {}
        f.cpu().eval()
        snapshots = {s: {k: v.cpu() for k, v in p.items()} for s, p in trace.snapshots.items()}
        if self.data in profiles.UNSHARED:
            images = {k: v for k, v in images.items() if k != "x" and not k.endswith(".0")}
        origin = provenance(device, trace.seconds)
        return records.Run(config, trace.history, metrics, origin, f, source, snapshots, images)


def _plain(value: object) -> object:
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


def build(config: dict) -> tuple[nn.Module, nn.Module]:
    """The untrained f and source that a stored configuration describes."""
    parameters = config["parameters"]
    shape = tuple(config["shape"])
    network = {k: parameters[k] for k in ("width", "depth", "norm") if k in parameters}
    f = models.seeded(lambda: models.build(shape, network), config["seed"])
    return f, sources.SOURCES[parameters.get("source", "normal")](shape)
