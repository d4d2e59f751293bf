"""Text notebooks in, executed notebooks and the book out."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from naign.base import files
from naign.base.settings import settings, values

if TYPE_CHECKING:
    from nbformat import NotebookNode

ROOT = files.PACKAGE.parent
BUILT = ROOT / "_build"


def run(notebook: Path, output: Path, parameters: dict[str, object] | None = None, again: bool = False) -> None:
    """Execute a text notebook with papermill.

    Parameters
    ----------
    notebook : a jupytext `.md` file with a cell tagged `parameters`
    output : the `.ipynb` to write
    parameters : values, or texts to be read as the type of the default
    again : whether an output that exists may be replaced

    Raises
    ------
    ValueError
        Before a kernel starts: if the notebook is none, the output exists, or a parameter is
        unknown or ill-typed. Afterwards: if a cell failed; what was done lies in OUTPUT.failed.ipynb.
    """
    import jupytext
    import papermill

    notebook, output = Path(notebook), Path(output)
    if not notebook.is_file() or not is_notebook(notebook):
        raise ValueError(f"{notebook} is no text notebook: give one such as book/01-trimodal.md.")
    if output.suffix != ".ipynb":
        raise ValueError(f"the output {output} must end in .ipynb.")
    if output.exists() and not again:
        raise ValueError(f"{output} exists already: choose another name or remove it.")
    files.writable_directory(output.parent)
    document = jupytext.read(notebook)
    given = checked(document, notebook, parameters or {})
    options = {"kernel_name": "python3", "cwd": str(ROOT), "progress_bar": sys.stderr.isatty(), "log_output": False}
    with tempfile.TemporaryDirectory() as spare:
        source, made = Path(spare) / "source.ipynb", Path(spare) / "made.ipynb"
        jupytext.write(document, source)
        try:
            papermill.execute_notebook(source, made, given, **options)
        except papermill.exceptions.PapermillExecutionError as error:
            partial = output.with_suffix(".failed.ipynb")
            shutil.copy(made, partial)
            where = f"cell {error.exec_count}: {error.ename}: {error.evalue}".splitlines()[0]
            raise ValueError(f"{notebook} failed in {where} (partial notebook: {partial})") from None
        except RuntimeError as error:  # of the kernel, when it dies
            raise ValueError(f"{notebook} could not be executed ({error}): see that the kernel starts.") from None
        part = output.with_name(f".{output.name}.part")
        shutil.copy(made, part)
        os.replace(part, output)


def checked(document: NotebookNode, notebook: Path, given: dict[str, object]) -> dict[str, object]:
    """The given parameters, typed as the cell tagged `parameters` says: lines like `seed: int = 0`."""
    types = {"str": str, "int": int, "float": float}
    cells = [cell for cell in document.cells if "parameters" in cell.metadata.get("tags", [])]
    try:
        lines = [line for cell in cells for line in ast.parse(cell.source).body]
        known = {line.target.id: types[line.annotation.id] for line in lines}
        usual = {line.target.id: ast.literal_eval(line.value) for line in lines}
    except (SyntaxError, AttributeError, KeyError, ValueError) as error:
        raise ValueError(
            f"{notebook} has a cell of parameters that cannot be read ({error}): write lines like `seed: int = 0`."
        ) from None
    unknown = sorted(given.keys() - known.keys())
    if unknown:
        raise ValueError(f"{notebook} has no parameter {unknown[0]!r}: it knows {', '.join(known) or 'none'}.")
    every = values(settings(type("Parameters", (), usual | {"__annotations__": known}))(**given))
    return {name: every[name] for name in given}


def build(profile: str = "recorded") -> int:
    """Execute the chapters that changed, then build the book, any warning being an error.

    A chapter is executed again when it, the package, the records or the lock changed.
    """
    started = time.monotonic()
    target = files.writable_directory(BUILT / "src")
    stamps = BUILT / "stamps.json"
    known = json.loads(stamps.read_text()) if stamps.exists() else {}
    pages = sorted(p for p in (ROOT / "book").iterdir() if not p.name.startswith("."))
    chapters = [p for p in pages if is_notebook(p)]
    fresh = {f"{p.stem}.ipynb" if p in chapters else p.name for p in pages}
    for left_over in {p.name for p in target.iterdir()} - fresh:
        path = target / left_over
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for page in chapters:
        wanted, output = stamp(page, profile), target / f"{page.stem}.ipynb"
        if known.get(page.name) != wanted or not output.exists():
            print(f"executing {page.name}", file=sys.stderr, flush=True)
            known.pop(page.name, None)  # whatever becomes of this, the old stamp is void
            files.write_json(stamps, known)
            run(page, output, {"profile": profile}, again=True)
            known[page.name] = wanted
            files.write_json(stamps, known)
    for page in pages:
        if page.is_dir():
            shutil.copytree(page, target / page.name, dirs_exist_ok=True)
        elif page not in chapters:
            shutil.copy2(page, target / page.name)
    code = _html(target, known, stamps)
    print(f"{BUILT / 'html' / 'index.html'}  ({time.monotonic() - started:.0f} s)")
    return code


def is_notebook(page: Path) -> bool:
    """Whether a page is a text notebook, to be executed: a head between rules, and code cells."""
    if page.suffix != ".md":
        return False
    text = page.read_text()
    return text.startswith("---\n") and "\n```{code-cell}" in text


def stamp(page: Path, profile: str) -> str:
    """Changes when anything changes that the executed chapter depends on."""
    package = [p for p in files.PACKAGE.rglob("*") if "__pycache__" not in p.parts]
    return f"{profile} {_hash([page, ROOT / 'constraints.txt', *package, *(ROOT / 'data' / 'records').rglob('*')])}"


def _html(target: Path, known: dict, stamps: Path) -> int:
    wanted = _hash([*target.rglob("*"), ROOT / "_config.yml"])
    if known.get("html") == wanted and (BUILT / "html" / "index.html").exists():
        return 0
    known.pop("html", None)
    files.write_json(stamps, known)
    config = ["--config", str(ROOT / "_config.yml"), "--toc", str(target / "_toc.yml"), "--path-output", str(ROOT)]
    entry = "from jupyter_book.cli.main import main; main()"  # found also when its script is not on the PATH
    command = [sys.executable, "-c", entry, "build", str(target), *config, "-W", "-n", "-q", "--keep-going"]
    code = subprocess.run(command).returncode
    if code == 0:
        known["html"] = wanted
        files.write_json(stamps, known)
    return code


def _hash(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(p for p in paths if p.is_file()):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()
