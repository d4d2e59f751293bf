"""`naign record`: every run that the plan has and the records lack."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from naign.base import interrupts
from naign.study import plan, recipes, records


def record(profile: str, names: list[str], changes: dict[str, str], seeds: int | None = None, jobs: int = 1) -> bool:
    """Train what a profile lacks, each run in a process of its own, so that one that fails costs no other.

    names : experiments, of which numbers alone are kept if there are changes; by default the whole plan
    seeds : how many a row, by default the plan's
    """
    for word in ("profile", "seed"):
        if word in changes:
            raise ValueError(
                f"-p {word}={changes[word]} is no setting here: give the profile as the first word, --seeds N."
            )
    many = seeds or recipes.plan(profile)["seeds"]["toys"]
    rows = [plan.Row(name, name, changes, many, () if changes else ("weights",)) for name in names]
    rows = rows or [replace(row, changes=row.changes | changes) for row in plan.every(profile)]
    todo = [(row, s) for row in rows for s in range(seeds or row.seeds)]
    todo.sort(key=lambda job: job[1])  # stable: the first seed of everything comes first
    found = [(row, row.experiment(profile, s)) for row, s in todo]  # refuses what cannot be trained before any work
    threads = max(1, (os.cpu_count() or 1) // jobs)

    def one(row: plan.Row, experiment: plan.Experiment) -> bool:
        if (records.records_root() / experiment.directory).exists():
            return True
        chosen = {"profile": profile, "seed": experiment.seed} | row.changes
        p = [word for key, value in chosen.items() for word in ("-p", f"{key}={value}")]
        command = [sys.executable, "-m", "naign", "fit", row.name, *p, "--threads", str(threads), "--quiet"]
        environment = os.environ | {interrupts.PARENT: str(os.getpid())}
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
        running.append(child)
        if child.wait():
            return False
        kept = row.each + (row.first if experiment.seed == 0 else ())
        target = records.commit(records.runs_root() / experiment.directory, kept)
        print(f"recorded {target.name}", file=sys.stderr)
        return True

    running: list[subprocess.Popen] = []
    pool = ThreadPoolExecutor(jobs)
    try:
        done = list(pool.map(one, *zip(*found, strict=True)))
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in running:
            child.terminate()  # which saves its state
        raise
    print(f"{sum(done)} of {len(done)} runs are recorded")
    return all(done)
