"""A matrix of runs, from a file (`naign sweep`) or the plan (`naign record`): counted, trained side by side, tabled."""

import itertools
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from tqdm import tqdm

from naign.base import files, interrupts
from naign.study import plan, recipes, records, runs
from naign.study.experiment import Experiment, get

KEYS = {"experiments": list, "chapters": list, "profile": str, "seeds": int, "grid": dict, "snakemake": dict}
TRIES = 2  # of a run that fails
SNAKEFILE = '''import json
JOBS = json.load(open("jobs.json"))
rule all:
    input: expand("done/{job}", job=JOBS)
rule fit:
    output: touch("done/{job}")
    params: command=lambda wildcards: JOBS[wildcards.job]
    group: "runs"
    retries: RETRIES
    shell: "export NAIGN_PARENT=$PPID; exec {params.command}"
'''


@dataclass(frozen=True)
class Job:
    """One run: the name that it is asked for by, the settings changed; what its record keeps, None for no record."""

    name: str
    experiment: Experiment
    changes: dict
    kept: tuple[str, ...] | None = None

    @property
    def label(self) -> str:
        """What tells it from the others, with its digest: a file's name."""
        what = [self.experiment.name, *(f"{k}={v}" for k, v in self.changes.items()), f"seed={self.experiment.seed}"]
        digest = self.experiment.directory.rpartition("-")[2]
        return re.sub(r"[^\w.=+-]", "-", "_".join(what))[:150] + f"_{digest}"  # Snakemake takes commas apart

    @property
    def log(self) -> Path:
        return files.cache_root() / "logs" / f"{self.label}.log"

    def done(self) -> bool:
        """Whether it is there and scored; a run that is to be recorded is then recorded."""
        path = runs.find(self.experiment)
        if path is None or not json.loads((path / "metrics.json").read_text()):  # killed before it was scored
            return False
        return self.kept is None or bool(records.commit(path, self.kept))

    def at_work(self, key: str = "") -> bool:
        """Whether a process is training it, or has locked `key`, of this machine or of one that shares the cache."""
        lock = files.cache_root() / "locks" / f"{key or self.experiment.directory}.lock"
        try:
            if lock.exists():
                FileLock(lock).acquire(timeout=0).lock.release()
            return False
        except Timeout:
            return True

    def failed(self) -> bool:
        """Whether its last attempt, which left it undone, said why and was not asked to end."""
        text = self.log.read_text() if self.log.exists() else ""
        return bool(text) and "the same call continues" not in text

    def command(self, threads: int) -> list[str]:
        chosen = {"profile": self.experiment.profile, "seed": self.experiment.seed} | self.changes
        p = [word for key, value in chosen.items() for word in ("-p", f"{key}={value}")]
        return [sys.executable, "-m", "naign", "fit", self.name, *p, "--threads", str(threads), "--quiet"]


def parse(path: Path) -> tuple[dict, list[dict]]:
    """What a file says, and the points of its grid; ValueError if it cannot be read or a key is unknown."""
    try:
        given = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as TOML ({error}): see the page on running again.") from None
    for key, value in given.items():
        if key not in KEYS or not isinstance(value, KEYS[key]):
            raise ValueError(f"{path} has {key} = {value!r}: it knows {', '.join(KEYS)}; see `naign sweep --help`.")
    grid, what = given.get("grid", {}), [key for key in ("experiments", "chapters") if given.get(key)]
    if len(what) != 1 or given.get("seeds", 1) < 1 or not all(isinstance(v, list) and v for v in grid.values()):
        raise ValueError(f"{path} needs experiments = [...] or chapters = [...], seeds from 1 up, a list a setting.")
    recipes.check("profile", given.setdefault("profile", "cpu"), recipes.PROFILES)
    if odd := {"seed", "profile"} & grid.keys():
        raise ValueError(f"{path} has {min(odd)} in its grid: give it above, as seeds = 3 or profile = 'quick'.")
    # Several numbers as `-p` takes them: 1.0,2.0.
    texts = [[",".join(map(str, v)) if isinstance(v, list) else v for v in values] for values in grid.values()]
    return given, [dict(zip(grid, values, strict=True)) for values in itertools.product(*texts)]


def read(path: Path) -> list[Job]:
    """The jobs of a file, each experiment with each setting of the grid and each seed.

    ValueError, before any work, if a setting is unknown or two jobs are the same run.
    """
    given, points = parse(path)
    asked = itertools.product(range(given.get("seeds", 1)), given["experiments"], points)
    jobs = [Job(name, get(name, given["profile"], seed, **point), point) for seed, name, point in asked]
    if len({job.experiment.directory for job in jobs}) < len(jobs):
        raise ValueError(f"{path} asks for a run twice: let no value or experiment stand there twice.")
    return jobs


def planned(profile: str, names: list[str], changes: dict[str, str], seeds: int | None = None) -> list[Job]:
    """What the plan has at a profile, or experiments by name, of which numbers alone are kept if there are changes."""
    for word in ("profile", "seed"):
        if word in changes:
            raise ValueError(
                f"-p {word}={changes[word]} is no setting here: give the profile as the first word, --seeds N."
            )
    many = seeds or plan.scale(profile)["seeds"]["toys"]
    rows = [plan.Row(name, name, changes, many, () if changes else ("weights",)) for name in names]
    only = {"first": (), "each": ()} if changes else {}  # a variant's numbers alone
    rows = rows or [replace(row, changes=row.changes | changes, **only) for row in plan.every(profile)]
    todo = [(row, s) for row in rows for s in range(seeds or row.seeds)]
    found = [Job(row.name, row.experiment(profile, s), row.changes, row.kept(s)) for row, s in todo]
    return sorted(found, key=lambda job: job.experiment.seed)  # stable: the first seed of everything comes first


def estimate(jobs: list[Job], workers: int) -> str:
    """How long these would take, by seconds a step of recorded or local runs of the same experiments and profiles."""
    total = 0.0
    for job in jobs:
        e, rates = job.experiment, []
        for path in [*records.recorded(e.name, e.profile), *records.runs_root().glob(f"{e.name}-{e.profile}-s*-*")]:
            steps = json.loads((path / "config.json").read_text())["parameters"]["steps"]
            rates.append(json.loads((path / "provenance.json").read_text())["seconds"] / steps)
        if not rates:
            return f"unknown, as no run of {e.name} at {e.profile} is recorded"
        total += sum(rates) / len(rates) * e.schedule.steps
    return f"about {total / workers / 60:.1f} minutes, {workers} side by side, as long as like runs took"


def status(jobs: list[Job]) -> str:
    """How many are there, at work, failed, waiting; the failed with their logs."""
    missing = [job for job in jobs if not job.done()]
    working = [job for job in missing if job.at_work()]
    failed = [job for job in missing if job not in working and job.failed()]
    waiting = len(missing) - len(working) - len(failed)
    line = f"{len(jobs) - len(missing)} of {len(jobs)} runs are there, {len(working)} at work, {waiting} to come"
    return "\n".join([f"{line}, {len(failed)} failed", *(f"failed: {job.label}, see {job.log}" for job in failed)])


def perform(jobs: list[Job], workers: int, snakemake: dict | None = None) -> bool:
    """Train what is missing, each run in a process of its own, so that one that fails costs no other; whether all are.

    snakemake : None for a pool of processes here, or the options of that engine by their long names
    """
    files.writable_directory(files.cache_root() / "logs")
    todo = [job for job in jobs if not job.done()]
    for job in todo:
        job.log.unlink(missing_ok=True)  # of an earlier call
    if todo:
        _pool(todo, workers) if snakemake is None else _snakemake(todo, workers, snakemake)
    left = [job for job in jobs if not job.done()]
    for job in left:
        where = f"see {job.log}" if job.log.exists() else "which was not started: see above what the engine said"
        print(f"failed: {job.label}, {where}", file=sys.stderr)
    print(f"{len(jobs) - len(left)} of {len(jobs)} runs are there")
    return not left


def _pool(todo: list[Job], workers: int) -> None:
    threads = max(1, (os.cpu_count() or 1) // workers)
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(torch.cuda.device_count())))
    free = list(itertools.islice(itertools.cycle(gpus.split(",")), workers))  # a GPU a worker, or ""
    waiting, running = [(job, TRIES) for job in todo], {}
    with tqdm(total=len(todo), unit="run", desc="runs") as bar:
        try:
            while waiting or running:
                while waiting and free:
                    (job, tries), gpu = waiting.pop(0), free.pop(0)
                    environment = os.environ | {interrupts.PARENT: str(os.getpid())}
                    environment |= {"CUDA_VISIBLE_DEVICES": gpu} if gpu else {}
                    with open(job.log, "w") as log:
                        child = subprocess.Popen(job.command(threads), stdout=log, stderr=log, env=environment)
                    running[child] = job, tries - 1, gpu
                time.sleep(0.1)
                for child in [child for child in running if child.poll() is not None]:
                    job, tries, gpu = running.pop(child)
                    free.append(gpu)
                    if child.returncode and tries:
                        waiting.insert(0, (job, tries))
                    else:
                        job.done()  # which records it
                        bar.update()
        finally:
            for child in running:
                child.terminate()  # which saves its state
            for child in running:
                child.wait()


def _snakemake(todo: list[Job], workers: int, options: dict) -> None:
    """Its state is what is missing, so nothing of an earlier call is kept but the logs."""
    if shutil.which("snakemake", path=str(Path(sys.executable).parent)) is None:
        raise ValueError("snakemake is missing: install it with `pip install 'naign[cluster]'`.")
    folder = files.writable_directory(files.cache_root() / "snakemake")
    with files.locked("snakemake"):
        shutil.rmtree(folder / "done", ignore_errors=True)
        commands = {job.label: f"{shlex.join(job.command(1))} > {shlex.quote(str(job.log))} 2>&1" for job in todo}
        files.write_json(folder / "jobs.json", commands)
        (folder / "Snakefile").write_text(SNAKEFILE.replace("RETRIES", str(TRIES - 1)))
        given = {"jobs": workers, "cores": workers} | options
        words = ["--nolock", "--rerun-incomplete", "--keep-going", "--quiet", "rules"]
        for key, value in given.items():
            listed = value if isinstance(value, list) else [value]
            words += [f"--{key}", *(str(word) for word in listed if word is not True)]
        child = subprocess.Popen([sys.executable, "-m", "snakemake", *words], cwd=folder, start_new_session=True)
        try:
            child.wait()
        except KeyboardInterrupt:
            os.killpg(child.pid, signal.SIGTERM)  # its runs save their state; alone it would wait for them
            child.wait()
            raise


def tabulate(jobs: list[Job], path: Path) -> None:
    """One tidy CSV of the runs that are there: a row a run, its settings, and what `table.flat` has of it."""
    import pandas as pd

    from naign.study import table

    there = sorted((job for job in jobs if runs.find(job.experiment)), key=lambda job: job.label)
    rows = [table.flat(job.label, records.load(runs.find(job.experiment))).assign(**job.changes) for job in there]
    with files.whole(path) as part:
        pd.concat(rows).to_csv(part, index=False)
