"""A matrix of chapters, from a file (`naign sweep`): a notebook a point of the grid, one table of what they show."""

import itertools
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from naign.base import files
from naign.pages import book
from naign.study import sweep


def key(notebook: Path) -> str:
    """What whoever makes a notebook has locked."""
    return re.sub(r"[^\w.=+-]", "-", str(notebook.resolve()))[-200:]


@dataclass(frozen=True)
class Chapter:
    """One notebook, of a chapter with parameters: a job as those of `naign.study.sweep` are."""

    page: Path
    changes: dict
    folder: Path
    log = sweep.Job.log

    @property
    def label(self) -> str:
        """What tells it from the others: a file's name."""
        return re.sub(r"[^\w.=+-]", "-", "_".join([self.page.stem, *(f"{k}={v}" for k, v in self.changes.items())]))

    @property
    def notebook(self) -> Path:
        return self.folder / f"{self.label}.ipynb"

    def done(self) -> bool:
        return self.notebook.exists()

    def at_work(self) -> bool:
        return sweep.Job.at_work(self, key(self.notebook))

    def failed(self) -> bool:
        return self.log.exists() and "naign: " in self.log.read_text()  # a sentence, as of bad input

    def command(self, threads: int) -> list[str]:
        p = [word for name, value in self.changes.items() for word in ("-p", f"{name}={value}")]
        run = [sys.executable, "-m", "naign", "run", str(self.page), "-o", str(self.notebook), *p]
        return ["env", f"OMP_NUM_THREADS={threads}", *run]


def read(path: Path) -> list[Chapter]:
    """The jobs of a file, each chapter with each point of the grid and each seed; notebooks go to a folder beside it.

    ValueError, before any work, if a chapter is none, or a parameter is unknown or ill-typed.
    """
    given, points = sweep.parse(path)
    seeds = [{"seed": seed} for seed in range(given["seeds"])] if "seeds" in given else [{}]
    jobs = []
    for name, point, seed in itertools.product(given["chapters"], points, seeds):
        page, changes = Path(name).resolve(), {"profile": given["profile"]} | point | seed
        book.checked(page, changes)
        jobs.append(Chapter(page, changes, path.resolve().with_suffix("")))
    if len({job.label for job in jobs}) < len(jobs):
        raise ValueError(f"{path} asks for a notebook twice: let no value or chapter stand there twice.")
    return jobs


def tabulate(jobs: list[Chapter], path: Path) -> None:
    """One tidy CSV of every table that the notebooks show: a row a cell, the chapter and its parameters with it."""
    import jupytext
    import pandas as pd

    rows = []
    for job in (job for job in jobs if job.done()):
        outputs = [o for cell in jupytext.read(job.notebook).cells for o in cell.get("outputs", [])]
        parts = [p for o in outputs for p in o.get("data", {}).get("text/markdown", "").split("\n\n")]
        for number, text in enumerate((part for part in parts if part.startswith("| ")), 1):
            head, _, *body = (line[2:-2].split(" | ") for line in text.splitlines())
            for row, *values in body:
                of = {"chapter": job.page.stem, **job.changes, "table": number, "row": row}
                rows += [of | {"column": c, "value": v} for c, v in zip(head[1:], values, strict=True)]
    with files.whole(path) as part:
        pd.DataFrame(rows).to_csv(part, index=False)
