"""Runs on the Hugging Face Hub, by the extra `hub`."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from naign.data.download import needed
from naign.study.records import Run

PREFIX = "hf://"
PARTS = ["*.json", "*.csv", "*.safetensors", "*.md", "images/*.png"]  # of a run; nothing else is fetched


def download(name: str, revision: str | None = None) -> Path:
    """The folder, in the Hub's own cache, of a revision of "owner/name"; ValueError if it cannot be had."""
    with _asked(name) as hub:
        return Path(hub.snapshot_download(name, revision=revision, allow_patterns=PARTS, library_name="naign"))


def push(run: Run, name: str, private: bool) -> str:
    """See `Run.push_to_hub`."""
    with _asked(name) as hub, tempfile.TemporaryDirectory() as spare:
        api, folder = hub.HfApi(library_name="naign"), run.keep(Path(spare) / "run", f"{PREFIX}{name}")
        api.create_repo(name, private=private, exist_ok=True)
        message = f"{run.config['name']}, profile {run.config['profile']}, seed {run.config['seed']}"
        return api.upload_folder(repo_id=name, folder_path=folder, commit_message=message).commit_url


@contextlib.contextmanager
def _asked(name: str) -> Iterator[ModuleType]:
    hub = needed("huggingface_hub", "the Hub is reached with", "huggingface_hub", "hub")
    try:
        yield hub
    except Exception as error:  # its client passes on those of the libraries below it
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise ValueError(f"{PREFIX}{name} does not answer as it should ({reason}): see that it is there.") from None
