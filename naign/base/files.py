"""Where things lie, and files that are whole or absent and notice when they were damaged.

Tensors are stored as safetensors only: loading one never runs code.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

PACKAGE = Path(__file__).resolve().parent.parent
PROJECT = PACKAGE.parent if (PACKAGE.parent / "pyproject.toml").exists() else None


def cache_root() -> Path:
    """Where local runs and downloads go: $NAIGN_CACHE, else the project's data/cache, else the user's cache."""
    if os.environ.get("NAIGN_CACHE"):
        return Path(os.environ["NAIGN_CACHE"])
    return PROJECT / "data" / "cache" if PROJECT else Path.home() / ".cache" / "naign"


def writable_directory(path: Path) -> Path:
    """Create a directory if need be and prove that a file can be written there; ValueError if not."""
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ValueError(
            f"cannot write to the directory {path} ({reason}): choose one that you may write to."
        ) from None
    return path


def checksum(tensors: dict[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        t = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {t.dtype} {tuple(t.shape)} ".encode())
        digest.update(t.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def joined(parts: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """State dictionaries by name as one: "part.key" -> tensor; `under` takes them apart again."""
    return {f"{part}.{key}": value for part, tensors in parts.items() for key, value in tensors.items()}


def under(tensors: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    """What was `joined` as one part."""
    return {k.removeprefix(f"{part}."): v for k, v in tensors.items() if k.startswith(f"{part}.")}


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write tensors and text metadata to one safetensors file, whole or not at all."""
    path = Path(path)
    tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    temporary = path.with_name(path.name + ".part")
    save_file(tensors, temporary, metadata | {"sha256": checksum(tensors)})
    os.replace(temporary, path)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a file of `save_tensors`; ValueError if it is missing, truncated, altered or no safetensors file."""
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path} does not exist: give the path of a file that naign saved.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path} is not a whole safetensors file ({error}): delete it, then restore or retrain it."
        ) from None
    if metadata.pop("sha256", None) != checksum(tensors):
        raise ValueError(
            f"{path} does not match its checksum, so it was altered or damaged: delete it, then restore or retrain it."
        )
    return tensors, metadata
