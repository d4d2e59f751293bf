"""A matrix of runs is checked before any work, trained once each, and goes on where it was stopped."""

import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pandas as pd
import pytest
import sweeps
from PIL import Image

from naign.base import files
from naign.pages.command import FUNCTIONS, main
from naign.pages.words import pairs, parser
from naign.study import records, runs, sweep
from naign.study.experiment import get

pytestmark = pytest.mark.usefixtures("elsewhere")
TINY = 'experiments = ["grid-naign"]\nprofile = "quick"\n'
GRID = "[grid]\nsteps = [10]\nwidth = [8]\nbatch_size = [16]\ncandidates = [1, 2]\n"


@pytest.fixture
def matrix(tmp_path):
    path = tmp_path / "matrix.toml"
    path.write_text(TINY + "seeds = 3\n" + GRID)
    return path


def fitted(job):
    runs.load_or_fit(job.experiment, progress=False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seeds = 3", "needs experiments"),
        (TINY + "seeds = 0", "seeds from 1 up"),
        (TINY + "seed = 3", "has seed = 3: it knows experiments, chapters, profile, seeds, grid, snakemake"),
        (TINY + "[grid]\ncandidates = 3", "a list a setting"),
        (TINY + "[grid]\nseed = [3]", "has seed in its grid"),
        (TINY + "[grid]\ncandidate = [3]", "unknown parameter 'candidate'"),
        (TINY + "[grid]\nlr = [0.1, -1.0]", "lr is -1.0"),
        (TINY + "[grid]\ncandidates = [2, 2]", "asks for a run twice"),
        (TINY.replace("quick", "big"), "unknown profile 'big'"),
        ("a = ", "cannot be read as TOML"),
    ],
)
def test_a_matrix_that_cannot_be_run_is_refused_before_any_work(tmp_path, capsys, text, words):
    (tmp_path / "bad.toml").write_text(text)
    assert main(["sweep", str(tmp_path / "bad.toml")]) == 2
    message = capsys.readouterr().err.strip()
    assert words in message and "\n" not in message
    assert not (tmp_path / "cache").exists()


def test_a_matrix_is_counted_its_names_tell_what_differs_and_known_runs_are_left_out(matrix, capsys):
    jobs = sweep.read(matrix)
    assert len({job.label for job in jobs}) == len(jobs) == 6
    assert jobs[1].label.startswith("grid-naign_steps=10_width=8_batch_size=16_candidates=2_seed=0_")
    assert main(["sweep", str(matrix), "--dry-run"]) == 0
    assert "6 of 6 runs are missing; time: unknown, as no run of grid-naign at quick" in capsys.readouterr().out
    fitted(jobs[1])
    assert main(["sweep", str(matrix), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "5 of 6 runs are missing; time: about " in out
    assert jobs[0].label in out and jobs[1].label not in out


@pytest.mark.parametrize(
    ("name", "grid", "read"),
    [
        ("trimodal-ign", "modes = [[-1.5, 0.5, 2.0]]", lambda e: e.data.modes == (-1.5, 0.5, 2.0)),
        ("grid", 'method = ["ign"]', lambda e: e.name == "grid-ign"),
        ("folder:pictures", "size = [8]", lambda e: e.data.shape == (1, 8, 8)),
    ],
)
def test_what_a_matrix_asks_for_reaches_the_process_that_trains_it(tmp_path, monkeypatch, name, grid, read):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    for level in range(8):
        Image.new("L", (8, 8), 20 * level).save(tmp_path / "pictures" / f"{level}.png")
    (tmp_path / "asked.toml").write_text(f'experiments = ["{name}"]\n[grid]\n{grid}\n')
    (job,) = sweep.read(tmp_path / "asked.toml")
    assert read(job.experiment)
    asked = parser(FUNCTIONS).parse_args(job.command(1)[3:])
    assert get(asked.name, **pairs(asked.p)).directory == job.experiment.directory  # as `naign fit` reads them


def test_a_matrix_without_a_grid_has_a_page_too(tmp_path):
    (tmp_path / "plain.toml").write_text(TINY)
    assert main(["sweep", str(tmp_path / "plain.toml")]) == 0
    assert "image/png" in (tmp_path / "plain.ipynb").read_text()


def test_the_estimate_is_seconds_a_step_times_steps_over_workers(matrix):
    jobs = sweep.read(matrix)
    fitted(jobs[0])
    provenance = runs.find(jobs[0].experiment) / "provenance.json"
    files.write_json(provenance, {"seconds": 60.0})
    assert sweep.estimate(jobs[1:], 2).startswith("about 2.5 minutes, 2 side by side")


def test_the_status_tells_what_is_there_at_work_failed_and_to_come(matrix):
    jobs = sweep.read(matrix)
    fitted(jobs[0])
    stopped = "stopped after step 3 of 10; the same call continues."
    for job, text in ((jobs[1], "naign: it went wrong"), (jobs[2], stopped)):
        job.log.parent.mkdir(exist_ok=True)
        job.log.write_text(text)
    with files.locked(jobs[3].experiment.directory):
        lines = sweep.status(jobs).splitlines()
    assert lines[0] == "1 of 6 runs are there, 1 at work, 3 to come, 1 failed"
    assert lines[1:] == [f"failed: {jobs[1].label}, see {jobs[1].log}"]


def test_a_run_that_fails_is_tried_again_and_listed_with_its_log_and_costs_no_other(matrix, capsys, monkeypatch):
    jobs = sweep.read(matrix)
    tried = []

    def command(job, threads):
        tried.append(job)
        code = "raise ValueError('it went wrong')" if job == jobs[0] else f"open({str(matrix) + job.label!r}, 'w')"
        return [sys.executable, "-c", code]

    monkeypatch.setattr(sweep.Job, "command", command)
    monkeypatch.setattr(sweep.Job, "done", lambda job: Path(str(matrix) + job.label).exists())
    assert not sweep.perform(jobs, 2)
    assert tried.count(jobs[0]) == sweep.TRIES and len(tried) == 5 + sweep.TRIES
    captured = capsys.readouterr()
    assert f"failed: {jobs[0].label}, see {jobs[0].log}" in captured.err and "5 of 6 runs are there" in captured.out
    assert "it went wrong" in jobs[0].log.read_text()


def test_a_run_that_was_never_started_is_told_without_a_log(matrix, capsys, monkeypatch):
    jobs = sweep.read(matrix)[:1]
    jobs[0].log.parent.mkdir(parents=True)
    jobs[0].log.write_text("of an earlier call")
    monkeypatch.setattr(sweep, "_snakemake", lambda *_: None)  # as when Slurm refuses the job
    assert not sweep.perform(jobs, 1, {})
    assert f"failed: {jobs[0].label}, which was not started: see above" in capsys.readouterr().err


def test_each_worker_has_a_gpu_of_its_own(matrix, monkeypatch, tmp_path):
    jobs = sweep.read(matrix)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    code = f"import os; open({str(tmp_path)!r} + '/' + os.environ['CUDA_VISIBLE_DEVICES'], 'a')"
    monkeypatch.setattr(sweep.Job, "command", lambda *_: [sys.executable, "-c", code + "; import time; time.sleep(1)"])
    monkeypatch.setattr(sweep.Job, "done", lambda _: False)
    sweep.perform(jobs[:4], 2)
    assert (tmp_path / "4").exists() and (tmp_path / "7").exists()


@pytest.mark.parametrize("engine", ["local", "snakemake"])
def test_killed_in_the_middle_and_started_again_nothing_is_done_twice(matrix, engine, tmp_path):
    if engine == "snakemake" and not (Path(sys.executable).parent / "snakemake").exists():
        warnings.warn("the engine snakemake is NOT tested: install naign[cluster].", stacklevel=1)
        pytest.skip("snakemake is missing")
    matrix.write_text(TINY + "seeds = 2\n" + GRID)  # each of the four starts a process and loads the package
    jobs = sweep.read(matrix)
    command = [sys.executable, "-m", "naign", "sweep", str(matrix), "--jobs", "2", "--engine", engine]
    with open(tmp_path / "err", "w") as err:
        process = subprocess.Popen(command, stdout=err, stderr=err)
        while not any(job.done() for job in jobs):
            assert process.poll() is None, (tmp_path / "err").read_text()
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 143, (tmp_path / "err").read_text()
        deadline = time.monotonic() + 60
        while any(job.at_work() for job in jobs):
            assert time.monotonic() < deadline, "a child lives"
            time.sleep(0.1)
    first = {job.label: os.stat(runs.find(job.experiment)).st_mtime_ns for job in jobs if job.done()}
    assert 1 <= len(first) < 4
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert all(os.stat(runs.find(job.experiment)).st_mtime_ns == first[job.label] for job in jobs if job.label in first)
    frame = pd.read_csv(matrix.with_suffix(".csv"))
    assert len(frame) == 4 and list(frame["label"]) == sorted(job.label for job in jobs)
    for job, rec in zip(sorted(jobs, key=lambda job: job.label), frame["rec"], strict=True):
        assert rec == pytest.approx(records.load(runs.find(job.experiment)).metrics["rec"])
    assert "image/png" in matrix.with_suffix(".ipynb").read_text()



def test_a_job_that_slurm_takes_away_goes_on_where_it_stopped(tmp_path):
    missing = [name for name in ("slurmctld", "slurmd", "munged", "srun") if shutil.which(name) is None]
    if missing or not (Path(sys.executable).parent / "snakemake").exists():
        warnings.warn("a sweep on Slurm is NOT tested: install naign[cluster], slurm-wlm and munge.", stacklevel=1)
        pytest.skip("Slurm or snakemake is missing")
    text = sweeps.MATRIX.replace("seeds = 3", "seeds = 1").replace("[8, 16]", "[8]")
    two = sweeps.SLURM.replace("runs=6", "runs=2")
    with sweeps.slurm():
        counts, table = sweeps.swept(text + two, tmp_path / "struck", "snakemake", [sweeps.requeue])
    assert counts == {"runs": 4, "twice": 0, "went on": 1}
    assert table == sweeps.undisturbed(text, tmp_path / "quiet")


def test_the_estimate_counts_steps(tmp_path, elsewhere):
    text = 'experiments = ["grid-naign"]\nprofile = "quick"\n[grid]\nwidth = [8]\nbatch_size = [16]\nsteps = [5, 20]\n'
    (tmp_path / "m.toml").write_text(text)
    short, long = sweep.read(tmp_path / "m.toml")
    runs.load_or_fit(short.experiment, progress=False)
    files.write_json(runs.find(short.experiment) / "provenance.json", {"seconds": 60.0})
    assert sweep.estimate([long], 1).startswith("about 4.0 minutes")


def test_a_variant_of_all_is_recorded_by_its_numbers_only():
    assert {job.kept for job in sweep.planned("quick", [], {"lr": "0.001"})} == {()}
