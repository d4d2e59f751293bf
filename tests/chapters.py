"""Each chapter executed once in a test run, by nbval and at the quick profile; what it shows lies in _build/test.

Tests call `executed`. As a plugin of pytest (`-p chapters`) this file keeps the outputs, which nbval only looks at.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
from filelock import FileLock

from naign.pages import book

TESTS = Path(__file__).resolve().parent
BUILT = TESTS.parent / "_build" / "test"
PAGES = sorted((TESTS.parent / "book").glob("*.md"))
CHAPTERS = [page for page in PAGES if book.is_notebook(page)]
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))  # the same in all processes of one test run

NOTEBOOK = """---
kernelspec: {display_name: Python 3, language: python, name: python3}
---

```{code-cell} ipython3
:tags: [parameters]
profile: str = "recorded"
seed: int = 0
share: float = 0.5
```

```{code-cell} ipython3
print(profile, seed + 1, share * 2)
```
"""


def executed(page):
    """The executed notebook of a chapter, made by whoever asks first in this test run; an error if a cell fails."""
    BUILT.parent.mkdir(exist_ok=True)
    with FileLock(BUILT.parent / "test.lock"):
        if not (BUILT / "run").exists() or (BUILT / "run").read_text() != RUN:
            shutil.rmtree(BUILT, ignore_errors=True)
            BUILT.mkdir()
            (BUILT / "run").write_text(RUN)
    output, made = BUILT / f"{page.stem}.ipynb", BUILT / f"{page.stem}.log"
    with FileLock(BUILT / f"{page.stem}.lock"):
        if not made.exists():
            made.write_text(_run(page, output))
    log = made.read_text()
    assert log.startswith("0\n"), log
    return output


def _run(page, output):
    """Exit code and report of nbval."""
    import papermill

    document = jupytext.read(page)
    given = book.checked(document, page, {"profile": "quick"})
    jupytext.write(document, output)
    papermill.execute_notebook(
        output, output, given, kernel_name="python3", prepare_only=True, progress_bar=False, log_output=False
    )
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    env["PYTHONPATH"] = os.pathsep.join([str(TESTS), str(TESTS.parent)])  # the package as it is here
    env["NAIGN_CACHE"] = str(BUILT / "cache")
    options = ["--nbval-lax", "--nbval-current-env", "-p", "no:cacheprovider", "-p", "chapters"]
    command = [sys.executable, "-m", "pytest", *options, str(output)]
    result = subprocess.run(command, env=env, cwd=TESTS.parent, capture_output=True, text=True)
    return f"{result.returncode}\n{result.stdout}{result.stderr}"


def pytest_sessionfinish(session):
    """Of nbval's own run: write what the cells showed into the notebooks."""
    cells = [item for item in session.items if hasattr(item, "test_outputs")]
    for item in cells:
        for out in item.test_outputs or []:
            if out.output_type == "execute_result":
                out.execution_count = item.cell_num + 1
        item.cell.outputs, item.cell.execution_count = item.test_outputs or [], item.cell_num + 1
    for notebook in {item.parent for item in cells}:
        nbformat.write(notebook.nb, notebook.path)
