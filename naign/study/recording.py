"""`naign record`: every run that the plan has and the records lack."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from naign.study import plan, recipes, records


def record(profile: str, names: list[str], changes: dict[str, str], seeds: int = 0, jobs: int = 1) -> bool:
    """Train what a profile lacks, each run in a process of its own, so that one that fails costs no other.

    names : experiments, of which numbers alone are kept if there are changes; by default the whole plan
    seeds : how many a row, by default the plan's
    """
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
        if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
            return False
        kept = row.each + (row.first if experiment.seed == 0 else ())
        target = records.commit(records.runs_root() / experiment.directory, kept)
        print(f"recorded {target.name}", file=sys.stderr)
        return True

    with ThreadPoolExecutor(jobs) as pool:
        done = list(pool.map(one, *zip(*found, strict=True)))
    print(f"{sum(done)} of {len(done)} runs are recorded")
    return all(done)
