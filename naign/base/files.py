"""Where things lie, and files that are whole or absent and notice when they were damaged.

Tensors are stored as safetensors only: loading one never runs code.
"""

import contextlib
import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

PACKAGE = Path(__file__).resolve().parent.parent
PROJECT = PACKAGE.parent if (PACKAGE.parent / "pyproject.toml").exists() else None
CHECKSUMS = "checksums.json"
HOST = platform.node()  # a cache may be shared by machines, whose processes have numbers of their own


def cache_root() -> Path:
    """Where local runs and downloads go: $NAIGN_CACHE, else the project's data/cache, else the user's cache."""
    if os.environ.get("NAIGN_CACHE"):
        return Path(os.environ["NAIGN_CACHE"])
    return PROJECT / "data" / "cache" if PROJECT else Path.home() / ".cache" / "naign"


def project() -> Path:
    """The repository; ValueError outside a clone, where the package is installed alone."""
    if PROJECT is None:
        raise ValueError(
            "the chapters and the records that they show are in the repository, not in the package: "
            "clone it and install it there with `pip install -e '.[all]'`."
        )
    return PROJECT


def writable_directory(path: Path) -> Path:
    """Create a directory if need be and prove that a file can be written there; ValueError if not."""
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise ValueError(f"cannot write to the directory {path} ({reason}): choose one that you may write to.")


def locked(name: str) -> contextlib.AbstractContextManager:
    """Work that one process at a time does; a second one says that it waits. A process that dies lets go."""
    from filelock import FileLock, Timeout

    lock = FileLock(writable_directory(cache_root() / "locks") / f"{name}.lock")
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        print(f"another process is at work on {name}: waiting for it.", file=sys.stderr)
        return lock.acquire()


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A hidden name under which to write a file or directory, which then takes its place; ValueError if it cannot.

    What processes of this machine that have died left half-written beside it is cleared.
    """
    clear(path.parent)
    part = path.with_name(f".{path.name}.{HOST}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"{path} could not be written ({reason}): free some space or name another place.") from None
    finally:
        _remove(part)


def clear(directory: Path) -> None:
    """Remove what processes of this machine that have died left half-written in a directory."""
    for old in directory.glob(f".*.{HOST}.*.part"):
        try:
            os.kill(int(old.name.split(".")[-2]), 0)
        except ProcessLookupError:
            _remove(old)
        except (OSError, ValueError):
            pass


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def in_a_line(error: Exception) -> str:
    """What an error says first, or what it is if it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def write_json(path: Path, value: dict) -> None:
    """A `whole` file."""
    with whole(path) as part:
        part.write_bytes(_json(value))


def read_json(path: Path) -> dict:
    """What `write_json` wrote, {} if nothing is there."""
    return json.loads(path.read_text()) if path.exists() else {}


def _json(value: dict) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()


def digests(directory: Path) -> dict[str, str]:
    """SHA-256 of every file of a directory but the record of these, by its name."""
    found = (p for p in sorted(directory.rglob("*")) if p.is_file() and p.name != CHECKSUMS)
    return {p.relative_to(directory).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


def write_checksums(directory: Path) -> None:
    """The record of `digests`."""
    write_json(directory / CHECKSUMS, digests(directory))


def rewrite_json(directory: Path, name: str, value: dict) -> None:
    """A file of a directory with a record of `digests`, so that at every moment the record fits what is there."""
    known = digests(directory)
    known[name] = [known.get(name), hashlib.sha256(_json(value)).hexdigest()]
    write_json(directory / CHECKSUMS, known)
    write_json(directory / name, value)
    write_checksums(directory)


def verify(directory: Path) -> None:
    """ValueError if a file that the record names is missing or altered; a directory without a record passes."""
    if not (directory / CHECKSUMS).exists():
        return
    known, found = json.loads((directory / CHECKSUMS).read_text()), digests(directory)
    for name, digest in known.items():
        if found.get(name) not in (digest if isinstance(digest, list) else [digest]):
            what = "was altered or damaged" if name in found else "is missing"
            raise ValueError(f"{directory} is not a whole run ({name} {what}): restore it or train it anew.")


def joined(parts: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """State dictionaries by name as one: "part.key" -> tensor; `under` takes them apart again."""
    return {f"{part}.{key}": value for part, tensors in parts.items() for key, value in tensors.items()}


def under(tensors: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    """What was `joined` as one part."""
    return {k.removeprefix(f"{part}."): v for k, v in tensors.items() if k.startswith(f"{part}.")}


def checksum(tensors: dict[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        t = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {t.dtype} {tuple(t.shape)} ".encode())
        digest.update(t.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Tensors, text metadata and a `checksum` in one `whole` safetensors file."""
    tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    with whole(Path(path)) as part:
        save_file(tensors, part, metadata | {"sha256": checksum(tensors)})


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a file of `save_tensors`; ValueError if it is missing, truncated, altered or no safetensors file."""
    if not Path(path).is_file():
        raise ValueError(f"{path} does not exist: give the path of a file that naign saved.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        problem = "" if metadata.pop("sha256", None) == checksum(tensors) else "does not match its checksum"
    except (SafetensorError, OSError) as error:
        problem = f"is not a whole safetensors file ({error})"
    if problem:
        raise ValueError(f"{path} {problem}, so it was altered or damaged: delete it, then restore or retrain it.")
    return tensors, metadata


def names(path: Path) -> list[str]:
    """The names of the tensors in a safetensors file, without reading these; none if there is no such file."""
    if not path.is_file():
        return []
    with safe_open(path, framework="pt") as file:
        return list(file.keys())
