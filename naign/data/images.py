"""What the image sets share: their shape, where their files lie, and how these are fetched and checked."""

from __future__ import annotations

import importlib
import os
import tempfile
import urllib.parse
from collections.abc import Collection
from pathlib import Path
from types import ModuleType
from typing import ClassVar

from naign.base.files import cache_root, writable_directory


def needed(module: str, use: str, package: str) -> ModuleType:
    """An optional module; ValueError in one sentence that opens with `use` if its package is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ValueError(f"{use} {package}: install it with `pip install {package.lower()}`.") from None


class ImageSet:
    """Square images; a set of them has a field `size`, gives its samples by `load()`, and says what it is."""

    size: int
    channels: ClassVar[int] = 1
    kind: ClassVar[str]
    called: ClassVar[str]  # in a sentence
    stand_in: ClassVar[str] = ""  # the set that stands for it at the quick profile
    shared: ClassVar[bool] = True  # whether its images may be kept with a run

    @property
    def shape(self) -> tuple[int, int, int]:
        """That of one image, known without loading."""
        return (self.channels, self.size, self.size)


class Downloaded(ImageSet):
    """A set looked for in $NAIGN_DATA/<folder>, then in the cache, else downloaded there.

    One has `fetch(mirror, names, into)`, which brings files of these names from a mirror to a folder and yields
    their paths, one by one, and `check(path)`, which refuses a file that is not what its name says.
    """

    folder: ClassVar[str]
    files: ClassVar[Collection[str]]
    what: ClassVar[str]  # the files in words
    mirrors: ClassVar[tuple[str, ...]]
    tool: ClassVar[str]  # the package that `fetch` needs

    def home(self) -> Path:
        """The folder with all files; ValueError if $NAIGN_DATA lacks one, or no mirror gives it whole."""
        given = os.environ.get("NAIGN_DATA")
        home = Path(given) / self.folder if given else cache_root() / "data" / self.folder
        missing = [name for name in self.files if not (home / name).is_file()]
        if not missing:
            return home
        ways_out = f"put {self.what} into a folder `{self.folder}` and set NAIGN_DATA to the folder above it"
        if given:
            raise ValueError(f"{home / missing[0]} does not exist: {ways_out}, or unset NAIGN_DATA to download.")
        writable_directory(home)
        needed(self.tool, f"{self.called} is downloaded with", self.tool)
        problems = []
        for mirror in self.mirrors:
            try:
                with tempfile.TemporaryDirectory(dir=home) as spare:
                    for path in self.fetch(mirror, missing, Path(spare)):
                        self.check(path)
                        os.replace(path, home / path.name)
                return home
            except Exception as error:  # web and archive libraries have many; another mirror may do
                problems.append(f"{urllib.parse.urlsplit(mirror).hostname}: {error}")
        raise ValueError(f"{self.called} could not be downloaded ({'; '.join(problems)}): {ways_out}.")
