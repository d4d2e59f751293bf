"""Runs on the Hugging Face Hub, by the extra `hub`."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from naign.base.files import in_a_line
from naign.data.download import needed

PREFIX = "hf://"
PARTS = ["*.json", "*.csv", "*.safetensors", "*.md", "images/*.png"]  # of a run; nothing else is fetched


def download(name: str, revision: str | None = None) -> Path:
    """The folder, in the Hub's own cache, of a revision of "owner/name"; ValueError if it cannot be had."""
    with asked(name) as hub:
        return Path(hub.snapshot_download(name, revision=revision, allow_patterns=PARTS, library_name="naign"))


@contextlib.contextmanager
def asked(name: str) -> Iterator[ModuleType]:
    """The Hub's client; within, what it raises of "owner/name" becomes one ValueError."""
    hub = needed("huggingface_hub", "the Hub is reached with", "huggingface_hub", "hub")
    try:
        yield hub
    except Exception as error:  # its client passes on those of the libraries below it
        reason = in_a_line(error).rstrip(".")
        raise ValueError(f"{PREFIX}{name} does not answer as it should ({reason}): see that it is there.") from None
