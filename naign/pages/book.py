"""Text notebooks in, executed notebooks and the book out."""

import ast
import hashlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from naign.base import files, interrupts
from naign.base.settings import settings, values
from naign.pages.live import page as live
from naign.study import recipes

ROOT = files.PACKAGE.parent
BUILT = ROOT / "_build"
FETCH = """import importlib.util

if importlib.util.find_spec("naign") is None:
    !git clone -q --depth 1 https://github.com/{} naign-book
    %cd naign-book
    %pip install -q -e .[book]"""


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
        Before a kernel starts: outside a clone, if the notebook is none, the output exists, or a parameter is
        unknown or ill-typed. Afterwards: if a cell failed; what was done lies in OUTPUT.failed.ipynb.
    """
    files.project()
    import jupytext
    import papermill

    given = checked(notebook, parameters or {})
    if output.suffix != ".ipynb":
        raise ValueError(f"the output {output} must end in .ipynb.")
    if output.exists() and not again:
        raise ValueError(f"{output} exists already: choose another name or remove it.")
    files.writable_directory(output.parent)
    options = {"kernel_name": "python3", "cwd": str(ROOT), "progress_bar": sys.stderr.isatty(), "log_output": False}
    with tempfile.TemporaryDirectory() as spare:
        source, made = Path(spare) / "source.ipynb", Path(spare) / "made.ipynb"
        jupytext.write(jupytext.read(notebook), source)
        try:
            papermill.execute_notebook(source, made, given, **options)
        except papermill.exceptions.PapermillExecutionError as error:
            partial = output.with_suffix(".failed.ipynb")
            shutil.copy(made, partial)
            where = f"cell {error.exec_count}: {error.ename}: {error.evalue}".splitlines()[0]
            raise ValueError(f"{notebook} failed in {where} (partial notebook: {partial})") from None
        except RuntimeError as error:  # of the kernel, when it dies
            raise ValueError(f"{notebook} could not be executed ({error}): see that the kernel starts.") from None
        with files.whole(output) as part:
            shutil.copy(made, part)


def checked(notebook: Path, given: dict[str, object]) -> dict[str, object]:
    """The given parameters that are not the defaults, typed as the cell tagged `parameters` says: `seed: int = 0`."""
    import jupytext

    if not is_notebook(notebook):
        raise ValueError(f"{notebook} is no text notebook: give one such as book/01-trimodal.md.")
    types = {"str": str, "int": int, "float": float}
    cells = [cell for cell in jupytext.read(notebook).cells if "parameters" in cell.metadata.get("tags", [])]
    try:
        lines = [line for cell in cells for line in ast.parse(cell.source).body]
        known = {line.target.id: types[line.annotation.id] for line in lines}
        usual = {line.target.id: ast.literal_eval(line.value) for line in lines}
    except (SyntaxError, AttributeError, KeyError, ValueError) as error:
        raise ValueError(
            f"{notebook} has a cell of parameters that cannot be read ({error}): write lines like `seed: int = 0`."
        ) from None
    if unknown := sorted(given.keys() - known.keys()):
        raise ValueError(f"{notebook} has no parameter {unknown[0]!r}: it knows {', '.join(known) or 'none'}.")
    if "profile" in given:
        recipes.check("profile", str(given["profile"]), ("recorded", *recipes.PROFILES))
    every = values(settings(type("Parameters", (), usual | {"__annotations__": known}))(**given))
    return {name: every[name] for name in given if every[name] != usual[name]}  # a cell that repeats is noise


def build(profile: str = "recorded") -> int:
    """Execute the chapters that changed, two side by side, then build the book, any warning being an error.

    A chapter is executed again when it, the package, the records or the lock changed. ValueError outside a clone.
    """
    files.project()
    started, target, made = time.monotonic(), BUILT / "src", files.writable_directory(BUILT / "executed")
    pages = [page for page in sorted((ROOT / "book").glob("*.md")) if is_notebook(page)]
    outputs = {page: made / f"{page.stem}-{stamp(page, profile)}.ipynb" for page in pages}  # each whole or not there
    for left_over in set(made.iterdir()) - set(outputs.values()):
        left_over.unlink()
    if todo := [(page, output, profile) for page, output in outputs.items() if not output.exists()]:
        side_by_side = min(2, os.cpu_count() or 1, len(todo))
        # Leaving it, by an error or a signal, ends the workers.
        with multiprocessing.get_context("fork").Pool(side_by_side, _worker, (os.getpid(), side_by_side)) as pool:
            list(pool.imap_unordered(_chapter, todo))
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "book", target, ignore=shutil.ignore_patterns(".*", *(page.name for page in pages)))
    for page, output in outputs.items():
        shutil.copy(output, target / f"{page.stem}.ipynb")
    wanted = _hash([*target.rglob("*"), ROOT / "_config.yml"]) + os.environ.get("NAIGN_PUBLISHED", "")
    known = files.writable_directory(BUILT / "html") / ".stamp"  # which goes with the folder
    code = 0 if known.exists() and known.read_text() == wanted else html(target, BUILT)
    if code == 0:
        known.write_text(wanted)
    print(f"{BUILT / 'html' / 'index.html'}  ({time.monotonic() - started:.0f} s)")
    return code


def _worker(parent: int, side_by_side: int) -> None:
    """A process that the book's asks to end, or that ends with it; its kernel, which watches it, follows."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    interrupts.follow_parent(parent)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // side_by_side)))


def _chapter(given: tuple[Path, Path, str]) -> None:
    page, output, profile = given
    print(f"executing {page.name}", file=sys.stderr, flush=True)
    run(page, output, {"profile": profile})


def is_notebook(page: Path) -> bool:
    """Whether a page is a text notebook, to be executed: a head between rules, and code cells."""
    text = page.read_text() if page.suffix == ".md" and page.is_file() else ""
    return text.startswith("---\n") and "\n```{code-cell}" in text


def stamp(page: Path, profile: str) -> str:
    """Changes when anything changes that the executed chapter depends on."""
    package = [p for p in files.PACKAGE.rglob("*") if "__pycache__" not in p.parts]
    return f"{profile}-{_hash([page, ROOT / 'constraints.txt', *package, *(ROOT / 'data' / 'records').rglob('*')])}"


def html(source: Path, built: Path) -> int:
    """Build built/html from a folder of executed chapters, any warning being an error; the exit code.

    Each time from nothing, in a folder of its own: of pages that it knows Sphinx does not repeat what was wrong.
    """
    new = built / "new"
    shutil.rmtree(new, ignore_errors=True)
    config = ["--config", str(ROOT / "_config.yml"), "--toc", str(source / "_toc.yml"), "--path-output", str(new)]
    entry = "from jupyter_book.cli.main import main; main()"  # found also when its script is not on the PATH
    command = [sys.executable, "-c", entry, "build", str(source), *config, "-W", "-n", "-q", "--keep-going"]
    code = subprocess.run(command).returncode
    if code == 0:
        live.lighten(new / "_build" / "html")
        _fetching(new / "_build" / "html" / "_sources")
        shutil.rmtree(built / "html", ignore_errors=True)
        os.replace(new / "_build" / "html", built / "html")
        shutil.rmtree(new)
    return code


def _fetching(notebooks: Path) -> None:
    """Begin the notebooks of a published book with a cell that fetches the repository where naign is not installed."""
    if published := os.environ.get("NAIGN_PUBLISHED"):
        import nbformat

        for path in notebooks.glob("*.ipynb"):
            notebook = nbformat.read(path, as_version=4)
            cell = nbformat.v4.new_code_cell(FETCH.format(published), metadata={"tags": ["remove-cell"]})
            notebook.cells.insert(0, cell)
            nbformat.write(notebook, path)


def _hash(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(p for p in paths if p.is_file()):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()
