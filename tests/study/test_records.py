"""Runs are written whole or not at all, found again, and noticed when damaged."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch

import naign
from naign import experiments, files, records

TINY = {"profile": "quick", "steps": 12, "width": 8, "batch_size": 8}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("NAIGN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(records, "records_root", lambda: tmp_path / "records")


def tiny(name="grid-naign", **changes):
    return experiments.get(name, **(TINY | changes))


def weights(run):
    return files.checksum(run.f.state_dict())


def test_a_run_is_trained_once_and_then_loaded():
    first = experiments.load_one("grid-naign", progress=False, **TINY)
    path = records.find(tiny())
    before = (path / "model.safetensors").stat().st_mtime_ns
    again = experiments.load_one("grid-naign", progress=False, **TINY)
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


def test_an_unfinished_write_leaves_nothing(tmp_path, monkeypatch):
    run = tiny().train(progress=False)

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(files, "save_tensors", fail)
    with pytest.raises(OSError, match="disk full"):
        run.save(tmp_path / "runs" / "mine")
    assert list((tmp_path / "runs").iterdir()) == []


def test_an_unwritable_directory_is_refused_before_training(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NAIGN_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ValueError, match="cannot write to the directory .*: choose one"):
        experiments.load_one("grid-naign", progress=False, **TINY)


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "not tensors"])
def test_damaged_weights_are_noticed(tmp_path, damage):
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
    with pytest.raises(ValueError, match="delete it, then restore or retrain it"):
        naign.load(tmp_path / "mine")


def test_weights_of_another_configuration_are_refused(tmp_path):
    tiny().train(progress=False).save(tmp_path / "mine")
    path = tmp_path / "mine" / "config.json"
    path.write_text(path.read_text().replace('"steps": 12', '"steps": 13'))
    with pytest.raises(ValueError, match="no longer matches the weights"):
        naign.load(tmp_path / "mine")


def test_a_record_whose_config_no_longer_matches_is_refused():
    experiments.load_one("grid-naign", progress=False, **TINY)
    path = records.find(tiny())
    config = json.loads((path / "config.json").read_text())
    config["parameters"]["lr"] = 0.5
    (path / "config.json").write_text(json.dumps(config))
    (path / "model.safetensors").unlink()  # as for the seeds that are committed as numbers only
    with pytest.raises(ValueError, match=r"no longer matches .*parameters.lr is 0.5, expected 0.002.*delete"):
        experiments.load_one("grid-naign", progress=False, weights=False, **TINY)


@pytest.mark.parametrize("part", records.PARTS)
def test_a_missing_part_is_named(tmp_path, part):
    tiny().train(progress=False).save(tmp_path / "mine")
    (tmp_path / "mine" / part).unlink()
    with pytest.raises(ValueError, match="is not a whole run"):
        naign.load(tmp_path / "mine")


def test_committed_weights_are_half_precision_and_other_seeds_numbers_only():
    run = experiments.load_one("grid-naign", progress=False, **TINY)
    target = records.commit(records.find(tiny()), weights=True)
    half = records.load(target, experiments.build)
    z = torch.randn(100, 2)
    assert torch.allclose(half.f(z), run.f(z), atol=1e-2)
    assert not torch.equal(half.f(z), run.f(z))
    shutil.rmtree(target)
    assert half.snapshots.keys() == run.snapshots.keys()
    target = records.commit(records.find(tiny()), weights=True, snapshots=False)
    bare = records.load(target, experiments.build)
    assert not bare.snapshots and torch.equal(bare.f(z), half.f(z))
    shutil.rmtree(target)
    target = records.commit(records.find(tiny()), weights=False)
    assert not (target / "model.safetensors").exists()
    assert records.load(target, experiments.build).metrics == run.metrics
    assert records.find(tiny()) == target
    assert records.find(tiny(), weights=True) == records.cache_root() / "runs" / target.name


def test_defaults_do_not_name_a_run():
    experiment = tiny()
    assert "w_rec" not in experiment.essential()["parameters"]
    assert "w_rec" in experiment.config()["parameters"]
    name = records.directory_name(experiment)
    assert records.directory_name(tiny(w_rec=1.0)) == name
    assert len({records.directory_name(tiny(**c)) for c in ({}, {"w_rec": 2.0}, {"seed": 1}, {"spacing": 3.0})}) == 4


def test_interrupted_by_name_and_continued_by_the_same_call(monkeypatch):
    from naign import toys

    whole = tiny(steps=600).train(progress=False)
    draws, real = [], toys.Mixture.sample

    def interrupted(self, n, generator):
        draws.append(n)
        if len(draws) == 300:
            raise KeyboardInterrupt
        return real(self, n, generator)

    monkeypatch.setattr(toys.Mixture, "sample", interrupted)
    with pytest.raises(KeyboardInterrupt):
        experiments.load_one("grid-naign", progress=False, **(TINY | {"steps": 600}))
    before = len(draws)
    run = experiments.load_one("grid-naign", progress=False, **(TINY | {"steps": 600}))
    assert len(draws) - before < 400  # it went on, it did not begin again
    assert weights(run) == weights(whole)
    assert not (records.cache_root() / "checkpoints" / records.directory_name(tiny(steps=600))).exists()


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
    experiment = experiments.get("mnist-naign", **IMAGES)
    run = records.load_or_fit(experiment, experiments.build, progress=False)
    assert run.images["fz"].shape == (64, 1, 32, 32)
    again = records.load(records.commit(records.find(experiment), weights=False), experiments.build)
    assert again.f is None
    assert all(torch.equal(v, again.images[k]) for k, v in run.images.items())
    assert again.metrics == run.metrics
    assert set(run.metrics) >= {
        "rec",
        "gap",
        "fz",
        "ffz",
        "settle",
        "restoration",
        "levels",
        "winners",
        "data",
        "probes",
    }
    assert [int(s) for s in run.metrics["probes"]] == list(experiment.schedule["probes"])


def test_committed_weights_that_are_too_large_for_a_file_come_in_shards(monkeypatch, tmp_path):
    monkeypatch.setattr(records, "records_root", lambda: tmp_path / "records")
    naign_run = experiments.load_one("grid-naign", "quick", progress=False, steps=5, width=64)
    monkeypatch.setattr(files, "SHARD_BYTES", 9_000)  # one hidden layer has 64 x 64 x 2 bytes
    target = records.commit(records.find(experiments.get("grid-naign", "quick", steps=5, width=64)), weights=True)
    shards = sorted(target.glob("model*.safetensors"))
    assert len(shards) > 2
    again = records.load(target, experiments.build)
    for a, b in zip(naign_run.f.parameters(), again.f.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-3)
    whole = shards[0].read_bytes()
    shards[0].write_bytes(whole[:-1])
    with pytest.raises(ValueError, match="model.2.safetensors is not a whole"):
        records.load(target, experiments.build)
    shards[0].unlink()
    with pytest.raises(ValueError, match="model.2.safetensors does not exist"):
        records.load(target, experiments.build)
    shutil.copy(target / "model.3.safetensors", shards[0])
    metadata = files.load_tensors(shards[1])[1]
    files.save_tensors(shards[0], {"f.x": torch.ones(1)}, metadata | {"config": "{}"})
    with pytest.raises(ValueError, match="model.2.safetensors does not belong to"):
        records.load(target, experiments.build)
