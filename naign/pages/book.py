"""Text notebooks in, executed notebooks and the book out."""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from naign.base import files
from naign.base.settings import settings, values

if TYPE_CHECKING:
    from nbformat import NotebookNode

ROOT = files.PACKAGE.parent
BUILT = ROOT / "_build"


def run(notebook: Path, output: Path, parameters: dict[str, object] | None = None) -> None:
    """Execute a text notebook with papermill.

    Parameters
    ----------
    notebook : a jupytext `.md` file with a cell tagged `parameters`
    output : the `.ipynb` to write
    parameters : values, or texts to be read as the type of the default

    Raises
    ------
    ValueError
        Before a kernel starts: if the notebook does not exist, or a parameter is
        unknown or ill-typed. Afterwards: if a cell failed.
    """
    import jupytext
    import papermill

    notebook, output = Path(notebook), Path(output)
    if not notebook.is_file():
        raise ValueError(f"{notebook} does not exist: give a text notebook such as book/01-trimodal.md.")
    if output.suffix != ".ipynb":
        raise ValueError(f"the output {output} must end in .ipynb.")
    files.writable_directory(output.parent)
    document = jupytext.read(notebook)
    given = checked(document, notebook, parameters or {})
    source = output.with_suffix(".source.ipynb")
    jupytext.write(document, source)
    options = {"kernel_name": "python3", "cwd": str(ROOT), "progress_bar": sys.stderr.isatty(), "log_output": False}
    try:
        papermill.execute_notebook(source, output, given, **options)
    except papermill.exceptions.PapermillExecutionError as error:
        raise ValueError(
            f"{notebook} failed in cell {error.exec_count}: {error.ename}: {error.evalue} (partial notebook: {output})"
        ) from None
    finally:
        source.unlink(missing_ok=True)


def checked(document: NotebookNode, notebook: Path, given: dict[str, object]) -> dict[str, object]:
    """The given parameters, typed as the cell tagged `parameters` says: lines like `seed: int = 0`."""
    types = {"str": str, "int": int, "float": float}
    cells = [cell for cell in document.cells if "parameters" in cell.metadata.get("tags", [])]
    lines = [line for cell in cells for line in ast.parse(cell.source).body]
    known = {line.target.id: types[line.annotation.id] for line in lines}
    usual = {line.target.id: ast.literal_eval(line.value) for line in lines}
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
            run(page, output, {"profile": profile})
            known[page.name] = wanted
            stamps.write_text(json.dumps(known, indent=1))
    for page in pages:
        if page.is_dir():
            shutil.copytree(page, target / page.name, dirs_exist_ok=True)
        elif page not in chapters:
            shutil.copy2(page, target / page.name)
    code = _html(target, known, stamps)
    print(f"{BUILT / 'html' / 'index.html'}  ({time.monotonic() - started:.0f} s)")
    return code


def is_notebook(page: Path) -> bool:
    """Whether a page of the book is a text notebook, to be executed."""
    return page.suffix == ".md" and "format_name: myst" in page.read_text()[:400]


def stamp(page: Path, profile: str) -> str:
    """Changes when anything changes that the executed chapter depends on."""
    package = [p for p in files.PACKAGE.rglob("*") if "__pycache__" not in p.parts]
    return f"{profile} {_hash([page, ROOT / 'constraints.txt', *package, *(ROOT / 'data' / 'records').rglob('*')])}"


def _html(target: Path, known: dict, stamps: Path) -> int:
    wanted = _hash([*target.rglob("*"), ROOT / "_config.yml"])
    if known.get("html") == wanted and (BUILT / "html" / "index.html").exists():
        return 0
    known.pop("html", None)
    stamps.write_text(json.dumps(known, indent=1))
    config = ["--config", str(ROOT / "_config.yml"), "--toc", str(target / "_toc.yml"), "--path-output", str(ROOT)]
    entry = "from jupyter_book.cli.main import main; main()"  # found also when its script is not on the PATH
    command = [sys.executable, "-c", entry, "build", str(target), *config, "-W", "-n", "-q", "--keep-going"]
    code = subprocess.run(command).returncode
    if code == 0:
        known["html"] = wanted
        stamps.write_text(json.dumps(known, indent=1))
    return code


def _hash(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(p for p in paths if p.is_file()):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()
