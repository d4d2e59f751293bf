"""Runs are written whole or not at all, found again, and noticed when damaged."""

import errno
import json
import os
import shutil
import subprocess
import sys

import pytest
import torch

import naign
from naign.base import files
from naign.data.toys import Gaussians
from naign.study import plan, provenance, records, runs
from naign.study.experiment import get

pytestmark = pytest.mark.usefixtures("elsewhere")
TINY = {"profile": "quick", "steps": 12, "width": 8, "batch_size": 8}


def tiny(name="grid-naign", **changes):
    return get(name, **(TINY | changes))


def fitted(**changes):
    return runs.load_or_fit(tiny(**changes), progress=False)


def weights(run):
    return files.checksum(run.f.state_dict())


def test_a_run_is_trained_once_and_then_loaded():
    first = fitted()
    path = runs.find(tiny())
    before = (path / "model.safetensors").stat().st_mtime_ns
    again = fitted()
    assert weights(first) == weights(again)
    assert first.metrics == again.metrics
    assert first.history == again.history
    assert first.snapshots.keys() == again.snapshots.keys()
    assert (path / "model.safetensors").stat().st_mtime_ns == before
    assert {"commit", "torch", "device", "threads", "seconds", "date"} <= again.provenance.keys()


def test_saved_and_loaded_by_path(tmp_path):
    run = tiny().train(progress=False)
    run.save(tmp_path / "mine")
    loaded = naign.load(tmp_path / "mine")
    z = torch.randn(5, 2)
    assert torch.equal(loaded.f(z), run.f(z))
    with pytest.raises(ValueError, match="exists already"):
        run.save(tmp_path / "mine")


def test_the_first_snapshot_is_untrained_the_last_is_f_and_both_come_back(tmp_path):
    run = tiny().train(progress=False)
    assert run.metrics == {}  # scores come afterwards
    assert sorted(run.snapshots) == [0, 1, 4, 12]
    stored = files.load_tensors(run.save(tmp_path / "mine") / "model.safetensors")[0]
    assert {name.split(".")[1] for name in stored if name.startswith("snapshot.")} == {"1", "4"}
    loaded = naign.load(tmp_path / "mine")
    assert sorted(loaded.snapshots) == [0, 1, 4, 12]
    for step, parameters in run.snapshots.items():
        assert files.checksum(loaded.snapshots[step]) == files.checksum(parameters)
    assert files.checksum(loaded.snapshots[12]) == weights(run)
    again = naign.load(loaded.save(tmp_path / "copy"))  # what was loaded is saved like what was trained
    assert again.snapshots.keys() == loaded.snapshots.keys() and weights(again) == weights(run)


@pytest.mark.parametrize("looks", [{"snapshots": [0, 1, 4, 12], "probes": []}, {"snapshots": [], "probes": [0, 6, 12]}])
def test_a_run_of_the_old_format_still_loads(tmp_path, looks):
    run, path = tiny().train(progress=False), tmp_path / "old"
    path.mkdir()
    config = run.config | {"parameters": run.config["parameters"] | looks}  # steps, not shares
    for name, value in (("config", config), ("metrics", {"rec": 0.5}), ("provenance", {"seconds": 1.0})):
        (path / f"{name}.json").write_text(json.dumps(value))
    (path / "history.csv").write_text("step,rec\n6,0.5\n12,0.25\n")
    parts = {"f": run.f.state_dict(), "source": run.source.state_dict()}
    parts |= {f"snapshot.{step}": run.snapshots[step] for step in looks["snapshots"]}  # the last one too
    files.save_tensors(path / "model.safetensors", files.joined(parts), {"config": json.dumps(config, sort_keys=True)})
    old = naign.load(path)
    assert weights(old) == weights(run) and old.metrics == {"rec": 0.5} and old.config == config
    assert old.history == {"step": [6, 12], "rec": [0.5, 0.25]}
    assert sorted(old.snapshots) == looks["snapshots"]
    for step, parameters in old.snapshots.items():
        assert files.checksum(parameters) == files.checksum(run.snapshots[step])


def test_an_unfinished_write_leaves_nothing(tmp_path, monkeypatch):
    run = tiny().train(progress=False)

    def fail(*_):
        raise OSError(errno.ENOSPC, "disk full")

    monkeypatch.setattr(files, "save_tensors", fail)
    with pytest.raises(ValueError, match="could not be written .disk full.: free some space"):
        run.save(tmp_path / "runs" / "mine")
    assert list((tmp_path / "runs").iterdir()) == []


def test_an_unwritable_directory_is_refused_before_training(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NAIGN_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ValueError, match="cannot write to the directory .*: choose one"):
        fitted()


@pytest.mark.parametrize("checksums", [True, False])
@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "not tensors"])
def test_damaged_weights_are_noticed(tmp_path, damage, checksums):
    tiny().train(progress=False).save(tmp_path / "mine")
    path = tmp_path / "mine" / "model.safetensors"
    raw = bytearray(path.read_bytes())
    if damage == "truncate":
        raw = raw[:-7]
    elif damage == "flip":
        raw[-1] ^= 1
    elif damage == "empty":
        raw = bytearray()
    else:
        raw = bytearray(b"this is no tensor file at all")
    path.write_bytes(raw)
    words = "model.safetensors was altered or damaged.: restore it or train it anew"
    if not checksums:  # as in runs that were saved without them
        (tmp_path / "mine" / "checksums.json").unlink()
        words = "delete it, then restore or retrain it"
    with pytest.raises(ValueError, match=words):
        naign.load(tmp_path / "mine")


def test_weights_of_another_configuration_are_refused(tmp_path):
    tiny().train(progress=False).save(tmp_path / "mine")
    path = tmp_path / "mine" / "config.json"
    path.write_text(path.read_text().replace('"steps": 12', '"steps": 13'))
    with pytest.raises(ValueError, match="config.json was altered or damaged"):
        naign.load(tmp_path / "mine")
    files.write_checksums(tmp_path / "mine")
    with pytest.raises(ValueError, match="no longer matches the weights"):
        naign.load(tmp_path / "mine")


def test_a_record_whose_config_no_longer_matches_is_refused():
    fitted()
    path = runs.find(tiny())
    config = json.loads((path / "config.json").read_text())
    config["parameters"]["lr"] = 0.5
    (path / "config.json").write_text(json.dumps(config))
    (path / "model.safetensors").unlink()  # as for the seeds that are committed as numbers only
    files.write_checksums(path)
    with pytest.raises(ValueError, match=r"no longer matches .*lr is 0.5, expected 0.004.*delete"):
        fitted()


@pytest.mark.parametrize("part", ["history.csv", "config.json", "metrics.json", "provenance.json"])
def test_a_missing_part_is_named(tmp_path, part):
    tiny().train(progress=False).save(tmp_path / "mine")
    (tmp_path / "mine" / part).unlink()
    with pytest.raises(ValueError, match="is not a whole run"):
        naign.load(tmp_path / "mine")


def test_committed_weights_are_half_precision_and_other_seeds_numbers_only():
    run = fitted()
    target = records.commit(runs.find(tiny()), keep=("weights", "snapshots"))
    half = records.load(target)
    z = torch.randn(100, 2)
    assert torch.allclose(half.f(z), run.f(z), atol=1e-2)
    assert not torch.equal(half.f(z), run.f(z))
    shutil.rmtree(target)
    assert half.snapshots.keys() == run.snapshots.keys()
    target = records.commit(runs.find(tiny()), keep=("weights",))
    bare = records.load(target)
    assert not bare.snapshots and torch.equal(bare.f(z), half.f(z))
    shutil.rmtree(target)
    target = records.commit(runs.find(tiny()))
    assert not (target / "model.safetensors").exists()
    assert records.load(target).metrics == run.metrics
    assert runs.find(tiny()) == target
    assert runs.find(tiny(), weights=True) == records.runs_root() / target.name


def test_weights_too_large_for_a_record_are_left_out_of_it(monkeypatch):
    run = fitted()
    monkeypatch.setattr(records, "LARGEST", 1)
    target = records.commit(runs.find(tiny()), keep=("weights",))
    assert not (target / "model.safetensors").exists()
    assert fitted().metrics == run.metrics
    assert weights(runs.load_or_fit(tiny(), weights=True, progress=False)) == weights(run)  # the local one


def test_defaults_do_not_name_a_run():
    experiment = tiny()
    assert "w_rec" not in experiment.essential()["parameters"]
    assert "w_rec" in experiment.config()["parameters"]
    name = experiment.directory
    assert tiny(w_rec=1.0).directory == name
    assert len({tiny(**c).directory for c in ({}, {"w_rec": 2.0}, {"seed": 1}, {"spacing": 3.0})}) == 4


def test_interrupted_by_name_and_continued_by_the_same_call(monkeypatch):
    whole = tiny(steps=600).train(progress=False)
    draws, real = [], Gaussians.sample

    def interrupted(self, n, generator):
        draws.append(n)
        if len(draws) == 300:
            raise KeyboardInterrupt
        return real(self, n, generator)

    monkeypatch.setattr(Gaussians, "sample", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fitted(steps=600)
    before = len(draws)
    run = fitted(steps=600)
    assert len(draws) - before < 400  # it went on, it did not begin again
    assert weights(run) == weights(whole)
    assert not (files.cache_root() / "checkpoints" / tiny(steps=600).directory).exists()


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_runs_are_readable_by_others(tmp_path):
    path = tiny().train(progress=False).save(tmp_path / "mine")
    assert path.stat().st_mode & 0o777 == 0o755


IMAGES = {"profile": "quick", "steps": 6, "width": 8, "batch_size": 8}


@pytest.mark.parametrize("source", ["normal", "fourier"])
def test_a_model_of_images_samples_in_a_fresh_process_without_the_data(tmp_path, source):
    run = naign.fit("mnist", progress=False, source=source, norm="batch", **IMAGES)
    path = run.save(tmp_path / "mine")
    g = torch.Generator().manual_seed(4)
    torch.save(naign.generate(run.f, run.source, 5, generator=g), tmp_path / "here.pt")
    code = f"""
import sys, torch, naign
sys.modules["sklearn"] = None  # the data come with it
run = naign.load({str(path)!r})
there = naign.generate(run.f, run.source, 5, generator=torch.Generator().manual_seed(4))
assert torch.equal(there, torch.load({str(tmp_path / "here.pt")!r}))
assert there.shape == (5, 1, 32, 32) and naign.drift(run.f, there, "l1").shape == (5,)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_images_are_kept_and_committed_with_a_run():
    experiment, row = get("mnist-naign", **IMAGES), plan.mnist("quick")["main"][0]
    run = runs.load_or_fit(experiment, progress=False)
    assert run.images["fz"].shape == (16, 1, 32, 32)
    again = records.load(records.commit(runs.find(experiment), keep=row.each))
    assert again.f is None
    assert again.images.keys() == run.images.keys()
    assert all(torch.equal(v, again.images[k]) for k, v in run.images.items())
    assert again.metrics == run.metrics
    assert run.metrics.keys() >= {"rec", "gap", "fz", "ffz", "settle", "restoration", "levels", "winners", "data"}
    assert {int(s) for s in run.metrics["probes"]} == experiment.schedule.copied
    shutil.rmtree(records.records_root() / experiment.directory)
    some = records.load(records.commit(runs.find(experiment), keep=("fz", "*.1")))
    assert some.images.keys() == {"fz", "blur.1", "noise.1", "salt and pepper.1", "lines.1"}


def test_a_run_is_of_a_commit_whose_records_may_differ_and_nothing_else(tmp_path, monkeypatch):
    def git(*words):
        asked = ["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", *words]
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout

    (tmp_path / "data" / "records").mkdir(parents=True)
    record, code = tmp_path / "data" / "records" / "trials.json", tmp_path / "losses.py"
    for file in (record, code):
        file.write_text("before")
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    monkeypatch.setattr(provenance, "PROJECT", tmp_path)
    head = git("rev-parse", "--short=12", "HEAD").strip()
    for file, dirt in ((record, ""), (code, "-dirty")):
        file.write_text("after")
        assert provenance.provenance(torch.device("cpu"), 1.0)["commit"] == head + dirt
