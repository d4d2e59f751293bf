"""Runs that are trained as one and kept apart."""

import pytest
import torch

from naign.base import files
from naign.pages.command import main
from naign.study import records, runs, stacked
from naign.study.experiment import get


@pytest.fixture
def apart(tmp_path, monkeypatch):
    monkeypatch.setenv("NAIGN_CACHE", str(tmp_path))
    monkeypatch.setattr(records, "records_root", lambda: tmp_path / "records")
    return tmp_path


def small(name, seed, **changes):
    return get(name, "quick", seed, **{"steps": 30, "width": 16, "batch_size": 16} | changes)


def test_runs_of_toys_and_seeds_are_those_that_are_trained_alone(apart):
    asked = [small(f"{toy}-naign", seed) for toy in ("grid", "2moons", "trimodal") for seed in (0, 1)]
    paths = stacked.train(asked, progress=False)
    assert [path.name for path in paths] == [experiment.directory for experiment in asked]
    for experiment, path in zip(asked, paths, strict=True):
        run, alone = records.load(path), experiment.train(progress=False)
        points = torch.randn(200, *experiment.data.shape, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            torch.testing.assert_close(run.f(points), alone.f(points), rtol=1e-3, atol=1e-3)
        assert run.history["step"] == alone.history["step"] and run.snapshots.keys() == alone.snapshots.keys()
        assert run.config == alone.config and run.metrics["fz"]
        assert run.provenance["stacked"] == (2 if experiment.name == "trimodal-naign" else 4)
    assert not list((files.cache_root() / "checkpoints").glob("*"))
    before = [path.stat().st_mtime_ns for path in paths]
    assert stacked.train(asked, progress=False) == paths
    assert [path.stat().st_mtime_ns for path in paths] == before


def test_a_known_run_is_not_trained_again(apart):
    known = runs.find(small("grid-ign", 0)) or runs.load_or_fit(small("grid-ign", 0), progress=False)
    assert "stacked" not in known.provenance
    paths = stacked.train([small("grid-ign", seed) for seed in (0, 1)], progress=False)
    assert [records.load(path).provenance.get("stacked") for path in paths] == [None, 1]


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("mnist-naign", {"width": 8}, "mnist-naign cannot be stacked: only networks of dense layers can"),
        ("grid-naign-balanced", {}, "Balanced cannot be stacked"),
        ("grid-naign", {"optimiser": "muon"}, "its optimiser is muon"),
    ],
)
def test_what_cannot_be_stacked_is_refused_before_any_work(name, changes, words, apart):
    with pytest.raises(ValueError, match=words):
        stacked.train([small("grid-naign", 0), small(name, 0, **changes)])
    assert not (apart / "runs").exists()


def test_the_command_prints_where_the_runs_are_and_takes_no_seed(apart, capsys):
    words = ["stack", "grid-ign", "--seeds", "2", "--quiet", "-p", "profile=quick", "-p", "steps=3"]
    assert main(words) == 0
    assert [len(list((apart / "runs").glob(f"grid-ign-quick-s{seed}-*"))) for seed in (0, 1)] == [1, 1]
    assert len(capsys.readouterr().out.split()) == 2
    assert main([*words, "-p", "seed=3"]) == 2
    assert "-p seed=3 is no setting here: give --seeds N" in capsys.readouterr().err


def test_the_times_of_stacked_runs_add_up(elsewhere, monkeypatch):
    monkeypatch.setattr(stacked.Ensemble, "seconds", lambda self: 100.0)
    asked = [get("grid-ign", "quick", seed, steps=4, width=8, batch_size=8) for seed in (0, 1)]
    found = [records.load(path).provenance["seconds"] for path in stacked.train(asked, progress=False)]
    assert found == [50.0, 50.0]
