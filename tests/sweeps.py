"""A matrix of runs by each engine, killed or requeued in the middle and started again: what was trained twice.

    python tests/sweeps.py           # 24 runs by every engine, ten minutes; into data/records/sweeps.json
    python tests/sweeps.py slurm     # by one of them

Each sweep is the command of a user, in a cache of its own; but its processes save a checkpoint with every row of the
history, and note each training that begins, at which step, and each that ends.
"""

import contextlib
import getpass
import importlib.metadata
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import psutil
import torch

from naign.base import files, loop
from naign.pages.command import main as command
from naign.study import records, runs, sweep
from naign.study.provenance import provenance

MATRIX = """experiments = ["trimodal-naign", "trimodal-ign"]
profile = "quick"
seeds = 3
[grid]
steps = [300]
lr = [0.001, 0.002]
width = [8, 16]
"""
SLURM = """[snakemake]
executor = "slurm"
jobs = 2
group-components = "runs=6"
default-resources = ["slurm_partition=main", "slurm_account=none", "runtime=10", "mem_mb=100"]
slurm-requeue = true
slurm-status-command = "squeue"
slurm-init-seconds-before-status-checks = 2
"""
CONF = """ClusterName=naign
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthInfo=socket={root}/munge.socket
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
JobRequeue=1
AccountingStorageType=accounting_storage/none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES State=UP
"""


def noting():
    """Let this process, and every run that it starts, note its trainings and save often."""
    loop.CHECKPOINT_SECONDS = 0

    def note(*words):
        with open(files.cache_root() / "notes", "a") as file:
            print(*words, os.environ.get("SLURM_JOB_ID", 0), file=file)

    def begun(self, bar, run=loop.Loop._run):
        note(self.checkpoint.name, "begins", self.step)
        run(self, bar)

    def ended(experiment, path, progress, train=runs._train):
        found = train(experiment, path, progress)
        note(path.name, "ends", experiment.schedule.steps)
        return found

    def self_noting(job, threads, words=sweep.Job.command):
        python, _, _, *arguments = words(job, threads)  # python -m naign
        return [python, __file__, *arguments]

    loop.Loop._run, runs._train, sweep.Job.command = begun, ended, self_noting


def said(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def waited(condition, what, seconds=1800):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.1)


@contextlib.contextmanager
def slurm():
    """A Slurm of this machine alone, with daemons, ports and a key of its own; its commands know it."""
    root = Path(tempfile.mkdtemp())
    with socket.socket() as a, socket.socket() as b:
        for port in (a, b):
            port.bind(("127.0.0.1", 0))
        ports = [port.getsockname()[1] for port in (a, b)]
    given = {"host": platform.node(), "user": getpass.getuser(), "cpus": os.cpu_count(), "root": root}
    (root / "slurm.conf").write_text(CONF.format(ports=ports, **given))
    (root / "munge.key").write_bytes(os.urandom(1024))
    (root / "munge.key").chmod(0o600)
    for name in ("state", "spool"):
        (root / name).mkdir()
    places = [f"--{name}-file={root}/munge.{name}" for name in ("key", "pid", "seed", "log")]
    munge = ["munged", "--foreground", "--force", f"--socket={root}/munge.socket", *places]
    (root / "srun").write_text(f'#!/bin/sh\nSLURM_CONF={root}/slurm.conf exec {shutil.which("srun")} "$@"\n')
    (root / "srun").chmod(0o755)  # Snakemake takes the variable away
    path, daemons = os.environ["PATH"], []
    os.environ |= {"SLURM_CONF": str(root / "slurm.conf"), "PATH": f"{root}:{path}"}
    try:
        for words in (munge, ["slurmctld", "-D", "-i"], ["slurmd", "-D"]):
            with open(root / f"{words[0]}.log", "w") as log:
                daemons.append(subprocess.Popen(words, stdout=log, stderr=log))
            waited((root / "munge.socket").exists, "munge", 20)
        waited(lambda: "idle" in said("sinfo", "--noheader", "--format=%T"), "an idle node", 60)
        yield
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait(30)
        os.environ["PATH"] = path
        del os.environ["SLURM_CONF"]
        shutil.rmtree(root, ignore_errors=True)


def notes():
    """(directory, what it did, at step, Slurm's job) of every training that began or ended, in order."""
    path = files.cache_root() / "notes"
    lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return [(name, what, int(step), job) for name, what, step, job in lines]


def at_work():
    """Trainings that have begun, not ended, and saved something: directory -> Slurm's job."""
    found = {name: job for name, _, _, job in notes()}
    ended = {name for name, what, _, _ in notes() if what == "ends"}
    saved = {path.parent.name for path in (files.cache_root() / "checkpoints").glob("*/checkpoint.safetensors")}
    return {name: job for name, job in found.items() if name in saved - ended}


def middle(process, many):
    """Wait until so many runs have ended and others are at work."""

    def there():
        assert process.poll() is None, "the sweep ended too early"
        return sum(what == "ends" for _, what, _, _ in notes()) >= many and at_work()

    waited(there, "the middle of the sweep")


def kill(process):
    """SIGKILL to all of it, as when a machine goes down."""
    every = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for one in every:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(every, 30)
    process.wait()


def stop(process):
    """SIGTERM to the command alone: it takes the others along."""
    every = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    assert process.wait(600) == 143, "other than asked"
    assert not psutil.wait_procs(every, 60)[1], "some live on"


def requeue(process):
    """Slurm takes the machine of a job away and starts it again; not two minutes later as usual, but at once."""
    job = next(iter(at_work().values()))
    said("scontrol", "requeue", job)
    waited(lambda: "PENDING" in said("squeue", "--noheader", f"--jobs={job}", "--format=%T"), "a job in the queue")
    said("scontrol", "update", f"jobid={job}", "StartTime=now")


def swept(text, folder, engine, strikes):
    """A sweep that is struck in the middle, and started again until it is through: what became of it, and its table."""
    folder.mkdir()
    os.environ["NAIGN_CACHE"], path = str(folder / "cache"), folder / "matrix.toml"
    path.write_text(text)
    jobs = sweep.read(path)
    words = [sys.executable, __file__, "sweep", str(path), "--jobs", "2", "--engine", engine]
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            for i, strike in enumerate(strikes):
                middle(process, (i + 1) * len(jobs) // (len(strikes) + 2))
                strike(process)
                if strike is not requeue:
                    process = subprocess.Popen(words, stdout=log, stderr=log)
            assert process.wait(3600) == 0, (folder / "log").read_text()[-3000:]
        finally:
            process.terminate()
    ended = Counter(name for name, what, _, _ in notes() if what == "ends")
    assert ended.keys() == {job.experiment.directory for job in jobs} == {p.name for p in records.runs_root().iterdir()}
    begun = [step for _, what, step, _ in notes() if what == "begins"]
    counts = {"runs": len(jobs), "twice": sum(ended.values()) - len(jobs), "went on": sum(step > 0 for step in begun)}
    return counts, scored(path.with_suffix(".csv"))


def undisturbed(text, folder):
    """The table of the same runs, trained by no engine but one after the other in this process."""
    folder.mkdir()
    os.environ["NAIGN_CACHE"], path = str(folder / "cache"), folder / "matrix.toml"
    path.write_text(text)
    jobs = sweep.read(path)
    for job in jobs:
        runs.load_or_fit(job.experiment, progress=False)
    sweep.tabulate(jobs, path.with_suffix(".csv"))
    return scored(path.with_suffix(".csv"))


def scored(path):
    """The text of a table without its columns of seconds."""
    frame = pd.read_csv(path, dtype=str)
    return frame.drop(columns=[name for name in frame if name.split(".")[-1] == "seconds"]).to_csv(index=False)


ENGINES = {  # what -> the engine, what the file says of it, how it is struck
    "local": ("local", "", [kill, stop]),
    "snakemake": ("snakemake", "", [kill, stop]),
    "slurm": ("snakemake", SLURM, [requeue]),
}


def main(names):
    torch.set_num_threads(1)
    path, failed = records.records_root() / "sweeps.json", False
    with tempfile.TemporaryDirectory() as spare:
        wanted = undisturbed(MATRIX, Path(spare) / "undisturbed")
        for name in names or ENGINES:
            engine, more, strikes = ENGINES[name]
            began = time.monotonic()
            with slurm() if name == "slurm" else contextlib.nullcontext():
                counts, table = swept(MATRIX + more, Path(spare) / name, engine, strikes)
                versions = {"slurm": said("sinfo", "--version").split()[1]} if name == "slurm" else {}
            if engine == "snakemake":
                versions["snakemake"] = importlib.metadata.version("snakemake")
            counts |= {strike.__name__: strikes.count(strike) for strike in (kill, stop, requeue)}
            counts |= {"same table": table == wanted}
            print(name, counts, flush=True)
            failed |= bool(counts["twice"]) or not counts["same table"]
            origin = provenance(torch.device("cpu"), time.monotonic() - began) | versions
            known = json.loads(path.read_text()) if path.exists() else {}
            files.write_json(path, known | {name: counts | {"provenance": origin}})
    return int(failed)


if __name__ == "__main__":
    if sys.argv[1:2] in (["sweep"], ["fit"]):
        noting()
        sys.exit(command(sys.argv[1:]))
    sys.exit(main(tuple(sys.argv[1:])))
