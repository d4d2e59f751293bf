"""One run is one directory, complete or absent: data/records (committed), data/cache/runs (local)."""

import csv
import json
import tempfile
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from naign.base import files
from naign.base.settings import defaults
from naign.data.download import needed
from naign.models import Convolutional, Dense, seeded
from naign.sources import SOURCES
from naign.study import hub

SHIPPED = files.PACKAGE / "weights"  # in a wheel, the records that pyproject.toml names; a clone has them all
TEXTS = ("config", "metrics", "provenance")
LARGEST = 15 * 2**20  # bytes of weights that are committed; larger ones stay local
KEYS = {"name", "profile", "seed", "data", "method", "shape", "parameters"}  # of a configuration


def records_root() -> Path:
    """Where committed runs are."""
    return (files.PROJECT or Path.cwd()) / "data" / "records"


def noted(name: str) -> dict:
    """What a file beside the runs says, by its name; {} if there is none."""
    return files.read_json(records_root() / f"{name}.json")


def note(name: str, more: dict) -> Path:
    """Write it with more entries, and return its path."""
    path = records_root() / f"{name}.json"
    files.write_json(path, noted(name) | more)
    return path


def runs_root() -> Path:
    """Where local runs are."""
    return files.cache_root() / "runs"


@dataclass
class Run:
    """A training and all it left.

    config : what was asked for, every setting spelled out
    history : column -> list of numbers; metrics : name -> number or list, {} until it is scored
    provenance : commit, versions, device, seconds, date
    f, source : the trained network, None where only numbers were committed; p_Z
    snapshots : step -> parameters of f
    images : name -> bytes (n, C, H, W), what f made of some images
    """

    config: dict
    history: dict[str, list[float]]
    metrics: dict
    provenance: dict
    f: nn.Module | None = None
    source: nn.Module | None = None
    snapshots: dict[int, dict[str, Tensor]] = field(default_factory=dict)
    images: dict[str, Tensor] = field(default_factory=dict)

    def save(self, path: str | Path, place: str | None = None) -> Path:
        """Write the run, with a card, to a directory that is then whole or not there; ValueError if it cannot be.

        place : from where its card says that it is loaded, by default the path; "" for no card
        """
        path, place = Path(path), str(path) if place is None else place
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise ValueError(f"{path} exists already: choose another name or remove it.")
        files.writable_directory(path.parent)
        with files.whole(path) as part:
            part.mkdir()
            self._write(part, place)
            files.write_checksums(part)
        return path

    def push_to_hub(self, name: str, private: bool = False) -> str:
        """Upload the run, as `save` writes it, to the Hugging Face Hub as "owner/name", made if need be.

        Who may is told by `hf auth login` or $HF_TOKEN. Needs the extra `hub`; `naign.load("hf://owner/name")`
        brings it back. Returns the address of the commit; ValueError if it cannot be.
        """
        with hub.asked(name) as client, tempfile.TemporaryDirectory() as spare:
            api, folder = client.HfApi(library_name="naign"), self.save(Path(spare) / "run", f"{hub.PREFIX}{name}")
            api.create_repo(name, private=private, exist_ok=True)
            message = f"{self.config['name']}, profile {self.config['profile']}, seed {self.config['seed']}"
            return api.upload_folder(repo_id=name, folder_path=folder, commit_message=message).commit_url

    def _write(self, directory: Path, place: str) -> None:
        for name in TEXTS:
            files.write_json(directory / f"{name}.json", getattr(self, name))
        with open(directory / "history.csv", "w", newline="") as file:
            csv.writer(file).writerows([self.history, *zip(*self.history.values(), strict=True)])
        write_images(directory, self.images)
        if self.f is not None:
            meta = {"config": json.dumps(self.config, sort_keys=True)}
            files.save_tensors(directory / "model.safetensors", self._tensors(), meta)
        if place and self.f is not None:
            from naign.study import card  # which knows experiments, and they know runs

            (directory / "README.md").write_text(card.text(self, place), encoding="utf-8")

    def _tensors(self) -> dict[str, Tensor]:
        parts = {"f": self.f.state_dict(), "source": self.source.state_dict()}
        others = self.snapshots.keys() - {0, _last(self.config)}  # which `build` makes, and f itself
        return files.joined(parts | {f"snapshot.{step}": self.snapshots[step] for step in sorted(others)})


def build(config: dict) -> tuple[nn.Module, nn.Module]:
    """The untrained f and source that a stored configuration describes."""
    parameters, shape = config["parameters"], tuple(config["shape"])
    spec = Convolutional if "norm" in parameters else Dense
    network = spec(**{k: parameters[k] for k in defaults(spec) if k in parameters})
    f = seeded(lambda: network.build(shape), config["seed"])
    return f, SOURCES[parameters.get("source", "normal")](shape)


def write_images(directory: Path, images: dict[str, Tensor]) -> None:
    """Each entry as one PNG in the folder `images`, its square images side by side."""
    for name, x in images.items():
        image = needed("PIL.Image", "images are kept with", "Pillow")
        (directory / "images").mkdir(exist_ok=True)
        strip = np.concatenate(list(x.permute(0, 2, 3, 1).numpy()), axis=1)
        with files.whole(directory / "images" / f"{name}.png") as part:
            image.fromarray(strip.squeeze(2) if strip.shape[2] == 1 else strip).save(part, format="PNG")


def _read_images(path: Path) -> dict[str, Tensor]:
    found = {}
    for file in sorted(path.glob("images/*.png")):
        image = needed("PIL.Image", "images are kept with", "Pillow")
        strip = torch.from_numpy(np.array(image.open(file)))
        found[file.stem] = torch.stack(strip.reshape(*strip.shape[:2], -1).permute(2, 0, 1).split(len(strip), 2))
    return found


def load(path: str | Path) -> Run:
    """Read a run, with f if its weights are there.

    ValueError if a part is missing or damaged, or the weights belong to another configuration.
    """
    path = Path(path)
    try:
        files.verify(path)
        config, metrics, origin = (json.loads((path / f"{name}.json").read_text()) for name in TEXTS)
        if missing := KEYS - config.keys():
            raise ValueError(f"config.json lacks {', '.join(sorted(missing))}")
        with open(path / "history.csv", newline="") as file:
            columns, *rows = csv.reader(file)
        numbers = zip(*([float(cell) for cell in row] for row in rows), strict=True)
        history = dict(zip(columns, map(list, numbers), strict=True))
        run = Run(config, history, metrics, origin, images=_read_images(path))
    except (OSError, ValueError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or error
        if str(path) in str(reason):
            raise
        raise ValueError(f"{path} is not a whole run ({reason}): restore it or train it anew.") from None
    if (path / "model.safetensors").exists():
        _read_weights(run, path / "model.safetensors")
    return run


def _read_weights(run: Run, path: Path) -> None:
    tensors, meta = files.load_tensors(path)
    if meta.get("config") != json.dumps(run.config, sort_keys=True):
        raise ValueError(
            f"{path.parent}/config.json no longer matches the weights beside it: restore both or train the run anew."
        )
    with torch.device("meta"):  # so that no forged size takes memory before it is found out
        f, source = build(run.config)
    for name, asked in files.joined({"f": f.state_dict(), "source": source.state_dict()}).items():
        found = tensors.get(name)
        fits = found is not None and found.shape == asked.shape
        if not fits or found.is_floating_point() != asked.is_floating_point() or not torch.isfinite(found).all():
            raise ValueError(f"{path} does not hold the weights of its configuration ({name}): restore or retrain it.")
    run.f, run.source = build(run.config)
    untrained = {k: v.clone() for k, v in run.f.state_dict().items()}
    tensors = {k: v.float() if v.dtype == torch.float16 else v for k, v in tensors.items()}
    run.f.load_state_dict(files.under(tensors, "f"))
    run.source.load_state_dict(files.under(tensors, "source"))
    run.f.eval()
    steps = sorted({int(name.split(".")[1]) for name in tensors if name.startswith("snapshot.")})
    run.snapshots = {step: files.under(tensors, f"snapshot.{step}") for step in steps}
    if run.snapshots and 0.0 in run.config["parameters"]["snapshots"]:
        run.snapshots = {0: untrained} | run.snapshots
    if run.snapshots and _last(run.config):
        run.snapshots[_last(run.config)] = files.under(tensors, "f")


def _last(config: dict) -> int:
    """The step of the snapshot that is the trained f, 0 if none was asked for."""
    parameters = config["parameters"]
    return parameters["steps"] if 1.0 in parameters.get("snapshots", []) else 0


def recorded(name: str, profile: str) -> list[Path]:
    """Committed or shipped runs of an experiment at a profile, whatever their configuration."""
    return sorted(path for root in (records_root(), SHIPPED) for path in root.glob(f"{name}-{profile}-s*-*"))


def commit(path: Path, keep: tuple[str, ...] = ()) -> Path:
    """Copy a local run to data/records, its numbers always, rounded, and what a page shows.

    keep : "weights" (in half precision), "snapshots" with them, and pictures, as in `wanted`

    ValueError if the run is not scored yet: without weights it never could be.
    """
    target = records_root() / path.name
    with files.locked(f"commit-{path.name}"):
        if target.exists():
            return target
        run = load(path)
        if not run.metrics:
            raise ValueError(f"{path} has no scores yet: load it by `naign fit`, which scores it, then record it.")
        run.history = {name: [f"{value:.6g}" for value in column] for name, column in run.history.items()}
        run.images = {name: x for name, x in run.images.items() if wanted(name, keep)}
        if "weights" in keep:
            run.f, run.source = run.f.half(), run.source.half()
            kept = run.snapshots if "snapshots" in keep else {}
            halved = {s: {k: v.half() if v.is_floating_point() else v for k, v in f.items()} for s, f in kept.items()}
            run.snapshots = halved
        if "weights" not in keep or sum(v.nbytes for v in run._tensors().values()) >= LARGEST:
            run.f = None
        return run.save(target, "")


def holds(name: str, keep: tuple[str, ...]) -> bool:
    """Whether data/records has a run, with its weights and snapshots if those are to be kept, see `commit`."""
    path = records_root() / name
    if not (path.is_dir() and "weights" in keep):
        return path.is_dir()
    tensors = files.names(path / "model.safetensors")
    return any(name.startswith("snapshot." if "snapshots" in keep else "f.") for name in tensors)


def wanted(picture: str, keep: tuple[str, ...]) -> bool:
    """Whether a picture's name fits one of the patterns to keep, such as "fz" or "*.1"."""
    return any(fnmatch(picture, pattern) for pattern in keep)
