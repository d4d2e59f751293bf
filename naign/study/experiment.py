"""An experiment: everything that decides a run, typed, checked and named."""

import functools
import hashlib
import json
import math
from pathlib import Path
from typing import Any, Literal

import torch

from naign.base import distributed, memory
from naign.base.settings import Field, changed, defaults, settings, values
from naign.data import DATA
from naign.data.folder import Folder
from naign.data.samples import TensorData, as_many
from naign.methods import METHODS, make
from naign.models import Convolutional, Dense
from naign.optim import Schedule
from naign.sources import SOURCES
from naign.study import recipes
from naign.study.provenance import device_of, provenance
from naign.study.records import Run, build
from naign.training import Training

FOLDER = "folder:"
PAIRS = 2 * 10**8  # distances that one search computes at most: minutes on a CPU where samples are images
COPIES, PASSES = 12, 6  # of f; of each sample of a batch
PARTS = ("data", "method", "network", "schedule")


@settings
class Experiment:
    """What to train, on what, how long; `get` and `own` make one."""

    name: str = Field(description="what a reader calls it, as grid-naign")
    profile: Literal["quick", "cpu", "paper"] = Field(description="its scale")
    data: Any = Field(description="one of `naign.data.DATA`, or samples of one's own")
    method: Any = Field(description="one of `naign.methods.METHODS`")
    network: Any = Field(description="`naign.models.Dense` or `Convolutional`")
    schedule: Schedule = Field(description="how long and how fast")
    source: Literal["normal", "fourier"] = Field("normal", description="p_Z; fourier is for images")
    seed: int = Field(0, ge=0, lt=2**63, description="of the initial weights and of every draw")

    def __post_init__(self):
        """ValueError if its parts do not fit together, or a training of it into the memory."""
        shape, schedule = self.data.shape, self.schedule
        n, size, pairs, searched = schedule.batch_size, math.prod(shape), 0, 0
        if hasattr(self.method, "searched"):
            pairs, searched = self.method.searched(n, size)
        if pairs > PAIRS:
            more = f"at most {PAIRS:,} can be: lower batch_size, candidates, pool or generated, whichever it has"
            raise ValueError(f"a search for a batch of {n} would compare {pairs:,} pairs, {more}.")
        through = self.method.passes(n) if hasattr(self.method, "passes") else n
        weights, outputs = _numbers(self.network, self.source, shape)
        held = weights * (COPIES + len(schedule.copied)) + outputs * PASSES * through + searched
        past = schedule.replay_batches * 3 * n * size if schedule.replay else 0
        needed = 4 * (held + past) + 5 * schedule.steps  # bytes at once, roughly
        memory.check(needed, f"a training of {self.name}", "batch_size, width or the size of a sample")

    def parameters(self) -> dict[str, object]:
        """Every setting that may be given by name, with its value."""
        result: dict[str, object] = {"seed": self.seed}
        for part in PARTS:
            result |= values(getattr(self, part))
        return result | {"source": self.source}

    def config(self) -> dict:
        """Every setting, spelled out, as it is stored with a run."""
        config = {"name": self.name, "profile": self.profile, "seed": self.seed, "shape": self.data.shape}
        config["data"] = {cls: name for name, cls in DATA.items()}.get(type(self.data), f"tensor-{self.data.kind}")
        config["method"] = {entry.cls: name for name, entry in METHODS.items()}[type(self.method)]
        if isinstance(self.data, TensorData):
            config |= {"samples": len(self.data), "data_sha256": self.data.fingerprint()}
        config["parameters"] = {k: v for k, v in self.parameters().items() if k != "seed"}
        return json.loads(json.dumps(config))  # with tuples as lists, as from a file

    def essential(self, config: dict | None = None) -> dict:
        """A configuration (its own by default) without the settings at the package's defaults.

        This is what names a run, so that a new setting with a default renames none.
        """
        config = config or self.config()
        usual = defaults(self)
        for part in PARTS:
            usual |= defaults(getattr(self, part))
        usual = json.loads(json.dumps(usual))
        kept = {k: v for k, v in config["parameters"].items() if k not in usual or v != usual[k]}
        return config | {"parameters": kept}

    @property
    def directory(self) -> str:
        """<name>-<profile>-s<seed>-<digest>"""
        config = self.essential()
        digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:10]
        return f"{config['name']}-{config['profile']}-s{config['seed']}-{digest}"

    def training(self, device: torch.device, checkpoint: Path | None = None) -> Training:
        """The training, not begun yet, on a device; checkpoint as of `naign.training.Training`."""
        data, (f, source) = self.data.load(), build(self.config())
        if hasattr(source, "estimate"):
            source.estimate(data.take(slice(0, as_many(20_000, self.data.shape))))
        data = data.to(device) if hasattr(data, "to") else data
        return Training(f.to(device), source.to(device), data, self.method, self.schedule, self.seed, checkpoint)

    def train(self, checkpoint: Path | None = None, progress: bool = True, device: str | None = None) -> Run:
        """Train; the run has no metrics yet. See `naign.training.Training` for checkpoints and what it raises."""
        device = device_of(device)
        try:
            t = self.training(device, checkpoint)
            t.fit(progress)
        except torch.OutOfMemoryError:  # of a GPU, which others may share
            raise ValueError(
                f"{self.name} does not fit into the memory of {device}: lower batch_size or width."
            ) from None
        origin = provenance(device, t.seconds()) | {"clock": {str(step): at for step, at in t.clock.items()}}
        if distributed.world() > 1:
            origin["processes"] = distributed.world()
        return Run(self.config(), t.history, {}, origin, t.f.cpu().eval(), t.source.cpu(), t.snapshots)


@functools.cache
def _numbers(network: Any, source: str, shape: tuple[int, ...]) -> tuple[int, int]:
    """In f, and in what its layers make of a sample; ValueError if network, source and shape do not fit together."""
    with torch.device("meta"):  # which needs no memory
        f, y = network.build(shape), torch.empty(2, *shape)
        SOURCES[source](shape)
    y, outputs = y.flatten(1) if isinstance(network, Dense) else y, math.prod(shape)
    for layer in f.net:
        y = layer(y)
        outputs += y[0].numel()
    return sum(p.numel() for p in f.parameters()), outputs


def names() -> list[str]:
    """Every experiment: a data set and a method, joined by a hyphen."""
    return [f"{data}-{method}" for data in DATA for method in METHODS]


def get(name: str, profile: str = "cpu", seed: int = 0, **changes: object) -> Experiment:
    """An experiment by its name; a data set's name alone means `method`, by default NAIGN, on it.

    The name "folder:PATH" means the images below that folder, with `size` and `held_out` among the changes. On
    images a change may also be `recipe`: "ours", the default, or "paper", the settings that the others are changed
    from. At the quick profile small data that come with libraries stand for MNIST and FFHQ.
    ValueError if the name, the profile or a parameter is unknown.
    """
    alone = "method" in changes or name.startswith(FOLDER) or "-" not in name
    data, method = (name, str(changes.pop("method", "naign"))) if alone else name.split("-", 1)
    if not name.startswith(FOLDER) and data not in DATA:
        known = ", ".join(DATA)
        raise ValueError(f"unknown data set {data!r}: choose one of {known}, or {FOLDER}PATH.")
    make(method)  # refuses an unknown one before any image is read
    if name.startswith(FOLDER):
        options = {k: changes.pop(k) for k in ("size", "held_out") if k in changes}
        return own(Folder(name.removeprefix(FOLDER), **options).load(), method, profile, seed, "folder", **changes)
    instead = getattr(DATA[data], "stand_in", "") if profile == "quick" else ""
    return _standard(f"{data}-{method}", DATA[instead or data](), method, profile, seed, changes)


def own(data: TensorData, method: str, profile: str, seed: int, name: str = "tensor", **changes: object) -> Experiment:
    """An experiment on one's own data; square images of up to 1,000 get the settings of FFHQ-100."""
    data = TensorData(data.x if data.x.dtype == torch.uint8 else data.x.detach().float(), data.labels, data.test)
    return _standard(f"{name}-{method}", data, method, profile, seed, changes)


def _standard(name: str, data: Any, method: str, profile: str, seed: int, changes: dict[str, object]) -> Experiment:
    """The recipe's settings, then the changes; ValueError if a name or a value is wrong."""
    recipe = changes.pop("recipe", "ours") if data.kind not in recipes.SETTLED else "ours"
    usual = recipes.chosen(data.kind, method, profile, recipe)
    if isinstance(data, TensorData):
        usual["batch_size"] = min(usual["batch_size"], len(data))
        if len(data.shape) > 1:
            usual["distance"] = "l1"
    network = Dense if data.kind in recipes.SETTLED else Convolutional
    kinds = {"method": type(make(method)), "network": network, "schedule": Schedule}
    if defaults(kinds["method"]).get("candidate_dtype") == "auto" and not isinstance(data, TensorData):
        half = usual.get("dtype", "float32") != "float32"  # a named experiment repeats on any machine
        usual["candidate_dtype"] = "bfloat16" if half else "float32"
    of_data = values(data).keys() & changes.keys()
    known = ["seed", *values(data), *(key for kind in kinds.values() for key in kind.__pydantic_fields__), "source"]
    if unknown := [key for key in changes if key not in known]:
        raise ValueError(f"unknown parameter {unknown[0]!r}: {name} knows {', '.join(known)}.")
    if "steps" in changes:  # a shorter run keeps time after its warm start
        usual["warm_start"] = min(usual.get("warm_start", 0), Schedule(changes["steps"], 1).steps // 2)
    asked = usual | changes
    given = {"source": asked.get("source", "normal"), "seed": seed}
    given["data"] = changed(data, **{key: changes[key] for key in of_data}) if of_data else data
    for part, kind in kinds.items():
        given[part] = kind(**{key: asked[key] for key in kind.__pydantic_fields__ if key in asked})
    return Experiment(name, profile, **given)
