"""Runs on the Hugging Face Hub, by the extra `hub`."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from naign.data.download import needed

if TYPE_CHECKING:
    from naign.study.records import Run

PREFIX = "hf://"
PARTS = ["*.json", "*.csv", "*.safetensors", "*.md", "images/*.png"]  # of a run; nothing else is fetched
T = TypeVar("T")


def download(name: str, revision: str | None = None) -> Path:
    """The folder, in the Hub's own cache, of a revision of "owner/name"; ValueError if it cannot be had."""

    def fetched(hub: ModuleType) -> str:
        return hub.snapshot_download(name, revision=revision, allow_patterns=PARTS, library_name="naign")

    return Path(_asked(name, fetched))


def push(run: "Run", name: str, private: bool) -> str:
    """See `naign.Run.push_to_hub`."""

    def sent(hub: ModuleType) -> str:
        api = hub.HfApi(library_name="naign")
        with tempfile.TemporaryDirectory() as spare:
            folder = run.keep(Path(spare) / "run", f"{PREFIX}{name}")
            api.create_repo(name, private=private, exist_ok=True)
            message = f"{run.config['name']}, profile {run.config['profile']}, seed {run.config['seed']}"
            return api.upload_folder(repo_id=name, folder_path=folder, commit_message=message).commit_url

    return _asked(name, sent)


def _asked(name: str, ask: Callable[[ModuleType], T]) -> T:
    hub = needed("huggingface_hub", "the Hub is reached with", "huggingface_hub", "hub")
    try:
        return ask(hub)
    except (OSError, hub.errors.HFValidationError) as error:  # what it raises is of these
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise ValueError(f"{PREFIX}{name} does not answer as it should ({reason}): see that it is there.") from None
