"""One run is one directory, complete or absent: data/records (committed), data/cache/runs (local)."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from naign import files
from naign.provenance import PROJECT, cache_root

PARTS = ("config.json", "history.csv", "metrics.json", "provenance.json")


def records_root() -> Path:
    """Where committed runs are."""
    return (PROJECT or Path.cwd()) / "data" / "records"


def digest(config: dict) -> str:
    """Ten hexadecimal digits that name a configuration."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:10]


@dataclass
class Run:
    """A training and all it left.

    config : what was asked for, every setting spelled out
    history : column -> list of numbers; metrics : name -> number or list
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

    def save(self, path: str | Path) -> Path:
        """Write the run to a directory, whole or not at all.

        Raises
        ------
        ValueError
            If the directory exists and is not empty, or cannot be written.
        """
        path = Path(path)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise ValueError(f"{path} exists already: choose another name or remove it.")
        files.writable_directory(path.parent)
        part = Path(tempfile.mkdtemp(prefix=path.name + ".part-", dir=path.parent))
        try:
            self._write(part)
            part.chmod(0o755)
            os.replace(part, path)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return path

    def _write(self, directory: Path) -> None:
        for name in ("config", "metrics", "provenance"):
            text = json.dumps(getattr(self, name), indent=1, sort_keys=True)
            (directory / f"{name}.json").write_text(text + "\n")
        with open(directory / "history.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(self.history)
            writer.writerows(zip(*self.history.values(), strict=True))
        if self.images:
            files.save_tensors(directory / "images.safetensors", self.images, {})
        if self.f is not None:
            tensors = {f"f.{k}": v for k, v in self.f.state_dict().items()}
            tensors |= {f"source.{k}": v for k, v in self.source.state_dict().items()}
            for step, parameters in self.snapshots.items():
                tensors |= {f"snapshot.{step}.{k}": v for k, v in parameters.items()}
            files.save_tensors(
                directory / "model.safetensors", tensors, {"config": json.dumps(self.config, sort_keys=True)}
            )


Build = Callable[[dict], tuple[nn.Module, nn.Module]]


def load(path: str | Path, build: Build | None = None) -> Run:
    """Read a run.

    Parameters
    ----------
    build : config -> (f, source), both untrained; without it the weights stay unread

    Raises
    ------
    ValueError
        If a part is missing or damaged, or the weights belong to another configuration.
    """
    path = Path(path)
    try:
        config, metrics, origin = (
            json.loads((path / f"{name}.json").read_text()) for name in ("config", "metrics", "provenance")
        )
        with open(path / "history.csv", newline="") as file:
            columns, *rows = csv.reader(file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"{path} is not a whole run ({reason}): restore it or train it anew.") from None
    history = {name: [float(row[i]) for row in rows] for i, name in enumerate(columns)}
    run = Run(config, history, metrics, origin)
    if (path / "images.safetensors").exists():
        run.images = files.load_tensors(path / "images.safetensors")[0]
    if build and (path / "model.safetensors").exists():
        _read_weights(run, path / "model.safetensors", build)
    return run


def _read_weights(run: Run, path: Path, build: Build) -> None:
    tensors, meta = files.load_sharded(path)
    if meta.get("config") != json.dumps(run.config, sort_keys=True):
        raise ValueError(
            f"{path.parent}/config.json no longer matches the weights beside it: restore both or train the run anew."
        )
    run.f, run.source = build(run.config)
    f_state, source_state = {}, {}
    for name, value in tensors.items():
        group, key = name.split(".", 1)
        value = value.float() if value.dtype == torch.float16 else value
        if group == "snapshot":
            step, key = key.split(".", 1)
            run.snapshots.setdefault(int(step), {})[key] = value
        else:
            (f_state if group == "f" else source_state)[key] = value
    run.f.load_state_dict(f_state)
    run.source.load_state_dict(source_state)
    run.f.eval()


class Trainable(Protocol):
    """What this module needs of an experiment."""

    def config(self) -> dict:
        """Every setting."""
        ...

    def essential(self, config: dict | None = None) -> dict:
        """A configuration without the settings at their defaults."""
        ...

    def train(self, checkpoint: Path, **options: object) -> Run:
        """A new training."""
        ...


def directory_name(experiment: Trainable) -> str:
    """<experiment>-<profile>-s<seed>-<digest>"""
    config = experiment.essential()
    return f"{config['name']}-{config['profile']}-s{config['seed']}-{digest(config)}"


def find(experiment: Trainable, weights: bool = False) -> Path | None:
    """The directory of an experiment's run, committed or local; with weights if they are asked for."""
    for root in (records_root(), cache_root() / "runs"):
        path = root / directory_name(experiment)
        if path.is_dir() and (not weights or (path / "model.safetensors").exists()):
            return path
    return None


def recorded(name: str, profile: str) -> list[Path]:
    """Committed runs of an experiment at a profile, whatever their configuration."""
    return sorted(records_root().glob(f"{name}-{profile}-s*-*"))


def load_or_fit(experiment: Trainable, build: Build, weights: bool = False, **options: object) -> Run:
    """The committed run of an experiment, else the local one, else a new training, kept locally.

    Parameters
    ----------
    experiment, build : of `naign.experiments`
    weights : whether a run that was committed as numbers only will not do
    options : passed to `experiment.train`

    Raises
    ------
    ValueError
        If the directory found holds another configuration than its name says.
    """
    path = find(experiment, weights)
    if path is None:
        root = files.writable_directory(cache_root() / "runs")
        checkpoint = root.parent / "checkpoints" / directory_name(experiment)
        run = experiment.train(checkpoint=checkpoint, **options)
        run.save(root / directory_name(experiment))
        shutil.rmtree(checkpoint, ignore_errors=True)
        return run
    run = load(path, build)
    changed = _difference(experiment.essential(run.config), experiment.essential())
    if changed:
        raise ValueError(
            f"{path}/config.json no longer matches what is asked for ({changed}): "
            "restore it, or delete the directory to train anew."
        )
    return run


def _difference(found: dict, wanted: dict, prefix: str = "") -> str:
    parts = []
    for key in sorted(found.keys() | wanted.keys()):
        a, b = found.get(key), wanted.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            parts.append(_difference(a, b, f"{key}."))
        elif a != b:
            parts.append(f"{prefix}{key} is {a}, expected {b}")
    return "; ".join(p for p in parts if p)


def commit(run_path: Path, weights: bool, images: bool = True, snapshots: bool = True) -> Path:
    """Copy a local run to data/records: numbers, and where asked weights (in half precision), images and snapshots."""
    target = records_root() / run_path.name
    if target.exists():
        return target
    files.writable_directory(target.parent)
    part = Path(tempfile.mkdtemp(prefix=target.name + ".part-", dir=target.parent))
    for name in PARTS + (("images.safetensors",) if images and (run_path / "images.safetensors").exists() else ()):
        shutil.copy(run_path / name, part / name)
    if weights:
        tensors, meta = files.load_tensors(run_path / "model.safetensors")
        halves = {k: v.half() if v.dtype == torch.float32 else v for k, v in tensors.items()}
        if not snapshots:
            halves = {k: v for k, v in halves.items() if not k.startswith("snapshot.")}
        files.save_sharded(part / "model.safetensors", halves, meta)
    part.chmod(0o755)
    os.replace(part, target)
    print(f"recorded {target.name}", file=sys.stderr)
    return target
