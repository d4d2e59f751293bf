"""Each chapter executed once in a test run, by nbval and at the quick profile; what it shows lies in _build/test."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import jupytext
from filelock import FileLock, Timeout

from naign.base import files
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
    """The executed notebook of a chapter, made by whoever asks first in this test run; an error if a cell fails.

    Whoever would have to wait for a chapter makes another in the meantime.
    """
    BUILT.parent.mkdir(exist_ok=True)
    with FileLock(BUILT.parent / "test.lock"):
        if not (BUILT / "run").exists() or (BUILT / "run").read_text() != RUN:
            shutil.rmtree(BUILT, ignore_errors=True)
            BUILT.mkdir()
            (BUILT / "run").write_text(RUN)
    output, made = BUILT / f"{page.stem}.ipynb", BUILT / f"{page.stem}.log"
    while not made.exists():
        if not any(_made(chapter) for chapter in [page, *CHAPTERS]):
            time.sleep(0.2)
    log = made.read_text()
    assert log.startswith("0\n"), log
    return output


def _made(page):
    """Whether this made a chapter, which nobody had made or is making."""
    made = BUILT / f"{page.stem}.log"
    try:
        with FileLock(made.with_suffix(".lock"), timeout=0):
            if made.exists():
                return False
            with files.whole(made) as part:  # others look for it without the lock
                part.write_text(_run(page, made.with_suffix(".ipynb")))
            return True
    except Timeout:
        return False


def _run(page, output):
    """Exit code and report of nbval."""
    import papermill

    document = jupytext.read(page)
    given = book.checked(page, {"profile": "quick"})
    jupytext.write(document, output)
    papermill.execute_notebook(
        output, output, given, kernel_name="python3", prepare_only=True, progress_bar=False, log_output=False
    )
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    env["PYTHONPATH"] = os.pathsep.join([str(TESTS), str(TESTS.parent)])  # the package as it is here
    env["NAIGN_CACHE"] = str(BUILT / "cache")
    options = ["--nbval-lax", "--nbval-current-env", "-p", "no:cacheprovider", "-p", "outputs"]
    command = [sys.executable, "-m", "pytest", *options, str(output)]
    result = subprocess.run(command, env=env, cwd=TESTS.parent, capture_output=True, text=True)
    return f"{result.returncode}\n{result.stdout}{result.stderr}"
