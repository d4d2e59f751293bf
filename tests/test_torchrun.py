"""`torchrun -m naign fit`: one killed ends all with the state saved, and any number of processes goes on from it."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from naign.base import files
from naign.study import experiment, records

SMALL = {"steps": 1500, "width": 16, "batch_size": 32}
CASE = ["grid-naign", *(word for k, v in ({"profile": "quick"} | SMALL).items() for word in ("-p", f"{k}={v}"))]


def command(processes, *more):
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)] if processes > 1 else []
    return [sys.executable, *start, "-m", "naign", "fit", *CASE, "--threads", "1", *more]


def workers(parent):
    """The processes that torchrun started, by rank."""
    found = {}
    for entry in os.listdir("/proc"):
        try:
            of = int(re.search(r"^PPid:\s+(\d+)", Path(f"/proc/{entry}/status").read_text(), re.M).group(1))
            rank = re.search(rb"(?:^|\0)RANK=(\d+)", Path(f"/proc/{entry}/environ").read_bytes())
        except (OSError, AttributeError, NotADirectoryError):
            continue
        if of == parent and rank:
            found[int(rank.group(1))] = int(entry)
    return found


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="finds processes by /proc")
def test_one_killed_ends_all_and_another_number_goes_on(tmp_path, monkeypatch):
    asked = experiment.get("grid-naign", "quick", **SMALL)
    monkeypatch.setenv("NAIGN_CACHE", str(tmp_path))
    log = tmp_path / "log"
    with log.open("w") as file:
        child = subprocess.Popen(command(2), stderr=file, stdout=file)
    while child.poll() is None and not re.search(r"[1-9]\d\d/1500", log.read_text()):
        time.sleep(0.1)
    os.kill(workers(child.pid)[1], signal.SIGKILL)
    assert child.wait(timeout=60) != 0
    assert re.search(r"process 0 lost the others near step \d+|stopped after step \d+", log.read_text())
    state = files.load_tensors(tmp_path / "checkpoints" / asked.directory / "checkpoint.safetensors")[1]
    assert 100 <= int(state["step"]) < 1500
    subprocess.run(command(1, "--quiet"), check=True)
    run = records.load(tmp_path / "runs" / asked.directory)
    assert run.history["step"][-1] == 1500 and "processes" not in run.provenance


def test_two_processes_record_that_they_were_two_and_leave_one_run(tmp_path, monkeypatch):
    monkeypatch.setenv("NAIGN_CACHE", str(tmp_path))
    short = ["-p", "steps=5", "--quiet"]
    done = subprocess.run(command(2, *short), capture_output=True, text=True, check=True)
    (path,) = (tmp_path / "runs").iterdir()
    assert done.stdout.split() == [str(path)]
    assert records.load(path).provenance["processes"] == 2
    assert subprocess.run(command(2, *short), capture_output=True, text=True, check=True).stdout.split() == [str(path)]
