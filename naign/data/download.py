"""Files fetched once, from servers that may be slow, cut or lie: checked, and whole or absent."""

import functools
import importlib
import os
import re
import shutil
import tempfile
import textwrap
import urllib.parse
from collections.abc import Collection, Iterator
from multiprocessing.pool import ThreadPool
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from naign.base.files import cache_root, locked, writable_directory
from naign.data.samples import TensorData

SECONDS = 300  # within which a mirror gives a file, or is left
UNFINISHED = ".part-"  # what folders of unfinished downloads are called


def needed(module: str, use: str, package: str, extra: str = "book") -> ModuleType:
    """An optional module; ValueError in one sentence that opens with `use` if its package is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        how = f"install it with `pip install {package.lower()}`, or all of the extra with `pip install naign[{extra}]`"
        raise ValueError(f"{use} {package}: {how}.") from None


class Downloaded:
    """A set looked for in $NAIGN_DATA/<folder>, then in the cache, else downloaded there.

    One has `fetch(mirror, names, into)`, which brings files of these names from a mirror to a folder and yields
    their paths, one by one; `check(path)`, which gives what a file holds, or ValueError if that is not what its name
    says; and `read(home)`, which makes samples of the files in a folder.
    """

    called: ClassVar[str]
    folder: ClassVar[str]
    files: ClassVar[Collection[str]]
    what: ClassVar[str]  # the files in words
    mirrors: ClassVar[tuple[str, ...]]
    tool: ClassVar[str]  # the package that `fetch` needs

    def load(self) -> TensorData:
        """The samples, read once; ValueError if a file is damaged or cannot be had."""
        return _read(self, self.home())

    def place(self) -> Path:
        """The folder where the files are, or would be."""
        given = os.environ.get("NAIGN_DATA")
        return Path(given) / self.folder if given else cache_root() / "data" / self.folder

    def missing(self) -> list[str]:
        """The files that would need to be downloaded."""
        return [name for name in self.files if not (self.place() / name).is_file()]

    def home(self) -> Path:
        """The folder with all files; ValueError if $NAIGN_DATA lacks one, or no mirror gives it whole."""
        home, missing = self.place(), self.missing()
        if not missing:
            return home
        ways_out = f"put {self.what} into a folder `{self.folder}` and set NAIGN_DATA to the folder above it"
        if os.environ.get("NAIGN_DATA"):
            raise ValueError(f"{home / missing[0]} does not exist: {ways_out}, or unset NAIGN_DATA to download.")
        writable_directory(home)
        needed(self.tool, f"{self.called} is downloaded with", self.tool)
        with locked(f"data-{self.folder}"):  # who waited here finds the files of the other
            for old in home.glob(f"{UNFINISHED}*"):  # of a process that has died
                shutil.rmtree(old, ignore_errors=True)
            problems = "; ".join(self._fill(home))
        if self.missing():
            raise ValueError(f"{self.called} could not be downloaded ({problems}): {ways_out}.")
        return home

    def _fill(self, home: Path) -> Iterator[str]:
        """Fetch what is missing, from one mirror after the other; what was wrong with each."""
        for mirror in self.mirrors:
            if not (missing := self.missing()):
                return
            try:
                with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=home, ignore_cleanup_errors=True) as spare:
                    for path in _promptly(self.fetch(mirror, missing, Path(spare))):
                        self.check(path)
                        os.replace(path, home / path.name)
            except Exception as error:  # web and archive libraries have many; another mirror may do
                yield f"{urllib.parse.urlsplit(mirror).hostname}: {_in_brief(error)}"


@functools.lru_cache(maxsize=4)
def _read(data: Downloaded, home: Path) -> TensorData:
    return data.read(home)


def _promptly(paths: Iterator[Path]) -> Iterator[Path]:
    """The same, each within `SECONDS`, else TimeoutError: a byte now and then keeps a read waiting for ever."""
    with ThreadPool(1) as pool:  # of a daemon, which is left behind if it is late
        yield from iter(lambda: pool.apply_async(next, (paths, None)).get(SECONDS), None)


def modest(most: int, response: Any, **_: object) -> None:
    """A hook of requests: ValueError if an answer does not say its length or has more bytes than `most`."""
    response.raw.headers.pop("Content-Encoding", None)  # nothing is unpacked on the way
    length = "" if response.raw.chunked else response.headers.get("Content-Length", "")
    if response.is_redirect:
        response.close()  # or its body would be read, to whatever end
    elif response.ok and (not length.isdecimal() or int(length) > most):
        raise ValueError(f"it gives {length or 'an unknown number of'} bytes, at most {most} are expected")


def _in_brief(error: Exception) -> str:
    text = f"{type(error).__name__} {error}"
    if "ConnectionPool(" in text:  # requests, at length
        return "no answer"
    if re.search("EOFError|Connection (aborted|broken)", text):
        return "the connection was cut, or the answer is not HTTP"
    text = re.sub(r"\S*/", "", str(error)).split(": delete it")[0]  # of addresses and paths the last part
    return textwrap.shorten(text, 80, placeholder=" ...") or f"no file within {SECONDS} seconds"
