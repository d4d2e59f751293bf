"""`naign record`: every run that the plan has and the records lack; and the scores of those they have, anew."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from naign.base import interrupts
from naign.study import plan, recipes, records, runs
from naign.study.experiment import Experiment


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
    many = seeds or plan.scale(profile)["seeds"]["toys"]
    rows = [plan.Row(name, name, changes, many, () if changes else ("weights",)) for name in names]
    rows = rows or [replace(row, changes=row.changes | changes) for row in plan.every(profile)]
    todo = [(row, s) for row in rows for s in range(seeds or row.seeds)]
    todo.sort(key=lambda job: job[1])  # stable: the first seed of everything comes first
    found = [(row, row.experiment(profile, s)) for row, s in todo]  # refuses what cannot be trained before any work
    threads = max(1, (os.cpu_count() or 1) // jobs)
    running: list[subprocess.Popen] = []
    stopped = threading.Event()

    def one(row: plan.Row, experiment: Experiment) -> bool:
        if (records.records_root() / experiment.directory).exists():
            return True
        chosen = {"profile": profile, "seed": experiment.seed} | row.changes
        p = [word for key, value in chosen.items() for word in ("-p", f"{key}={value}")]
        command = [sys.executable, "-m", "naign", "fit", row.name, *p, "--threads", str(threads), "--quiet"]
        environment = os.environ | {interrupts.PARENT: str(os.getpid())}
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
        running.append(child)
        if stopped.is_set():  # while it was being started
            child.terminate()
        if child.wait():
            return False
        target = records.commit(records.runs_root() / experiment.directory, row.kept(experiment.seed))
        print(f"recorded {target.name}", file=sys.stderr)
        return True

    pool = ThreadPoolExecutor(jobs)
    try:
        done = list(pool.map(one, *zip(*found, strict=True)))
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        stopped.set()
        for child in running:
            child.terminate()  # which saves its state
        raise
    print(f"{sum(done)} of {len(done)} runs are recorded")
    return all(done)


def rescore() -> tuple[list[str], list[str]]:
    """Score every committed run whose weights are kept: the names of these, and of those that cannot be.

    Of the pictures that scoring draws, a record is given those alone that the plan keeps and it lacks.
    """
    planned = [(row, p, s) for p in recipes.PROFILES for row in plan.every(p) for s in range(row.seeds)]
    kept = {row.experiment(profile, seed).directory: row.kept(seed) for row, profile, seed in planned}
    done, left = [], []
    for path in sorted(p for p in records.records_root().glob("[!.]*") if p.is_dir()):
        run = records.load(path)
        if run.f is None:
            left.append(path.name)
            continue
        print(f"scoring {path.name}", file=sys.stderr)
        runs.rescore(path, runs.of_config(run.config), run, kept.get(path.name, ()))
        done.append(path.name)
    return done, left
