"""Trials are planned alike for all, run once each, and the best of them is what is taken."""

import pytest

from naign.study import records, runs, trials
from naign.study.experiment import Experiment

pytestmark = pytest.mark.usefixtures("elsewhere")
TINY = {"steps": 8, "width": 8, "batch_size": 16, "snapshots": [0.5, 1.0]}


@pytest.fixture
def family(monkeypatch, tmp_path):
    monkeypatch.setattr(trials.records, "records_root", lambda: tmp_path)
    given = {
        "data": ["trimodal", "grid"],
        "final": ["grid"],
        "seeds": [100],
        "all": TINY,
        "methods": {"naign": [{"lr": 1e-3}, {"lr": 1e-2}], "ign": [{"lr": 1e-3}, {"lr": 1e30}]},
    }
    monkeypatch.setattr(trials, "FAMILIES", {"tiny": given})
    return given


def test_every_trial_is_run_once_and_what_fails_is_recorded(family):
    family["methods"]["ign"][1] = {"lr": 1e6}  # the largest allowed
    assert trials.finals("tiny") == []
    assert trials.run("tiny") == 8 + 2 * 3  # and then the finals of two methods
    assert trials.run("tiny") == 0
    found = records.noted("trials-tiny")
    assert all({"seconds", "commit", "device"} <= entry.keys() for entry in found.values())
    good = [entry for entry in found.values() if entry["parameters"]["lr"] == 1e-3]
    assert [set(entry["steps"]) for entry in good] == [{"4", "8"}] * 4
    bad = [entry for entry in found.values() if entry["parameters"]["lr"] == 1e6]
    assert len(bad) == 2 and all("failed" in entry for entry in bad)


def test_what_says_nothing_of_the_settings_is_no_result(family, monkeypatch):
    family["methods"]["ign"][1] = {"lr": 2e-3}

    def stopped(*_):
        raise ValueError("a checkpoint belongs to a training with other settings")

    monkeypatch.setattr(Experiment, "train", stopped)
    with pytest.raises(ValueError, match="belongs to"):
        trials.run("tiny")
    assert records.noted("trials-tiny") == {}


def test_the_settings_of_least_summed_rank_are_taken(family):
    def entry(data, lr, by, scores):
        parameters = TINY | {"lr": lr}
        best = (min if by == "w1" else max)(scores, key=scores.get)
        known = {"data": data, "method": "naign", "seed": 100, "parameters": parameters, "seconds": 1.0}
        return known | {"by": by, "steps": scores, "best": int(best)}

    record = {
        "a": entry("trimodal", 1e-2, "w1", {"16": 0.9, "4": 0.2}),  # best on the line, by its state at 4
        "b": entry("trimodal", 1e-3, "w1", {"4": 0.5, "8": 0.4}),
        "c": entry("grid", 1e-2, "coverage", {"4": 0.1, "8": 0.8}),
        "d": entry("grid", 1e-3, "coverage", {"4": 0.1, "8": 0.7}),
        "e": entry("grid", 1e-2, "coverage", {"8": 0.1}) | {"method": "ign"},
    }
    settled = {key: record["e"][key] for key in ("data", "method", "seed", "seconds")}
    record["f"] = settled | {"parameters": TINY | {"lr": 1e-3}, "failed": "the loss became NaN"}
    records.note("trials-tiny", record)
    frame = trials.table("tiny")
    assert frame["score"].tolist()[:5] == [0.2, 0.4, 0.8, 0.7, 0.1]
    assert frame["last"].tolist()[:5] == [0.9, 0.4, 0.8, 0.7, 0.1]
    assert trials.chosen("tiny") == {"naign": "lr 0.01", "ign": "lr 0.01"}  # neither is the first by name


def test_the_finals_have_the_settings_taken_on_other_seeds_and_are_scored(family):
    family["methods"] = {"naign": [{"lr": 1e-3}, {"lr": 1e-2, "w_idem": 0.5}]}
    trials.run("tiny")
    taken, finals = trials.chosen("tiny")["naign"], trials.finals("tiny")
    assert [(e.name, e.seed) for e in finals] == [("grid-naign", seed) for seed in (0, 1, 2)]
    assert {e.schedule.lr for e in finals} == {1e-2 if taken == "lr 0.01, w_idem 0.5" else 1e-3}
    entries = records.noted("finals-tiny")
    assert list(entries) == [e.directory for e in finals] and [e["seed"] for e in entries.values()] == [0, 1, 2]
    entry, first = entries[finals[0].directory], runs.load_or_fit(finals[0], progress=False).metrics
    assert entry["fz"] == first["fz"] and entry["best"] == first["best"]


def test_unequal_care_is_refused(family):
    family["methods"]["ign"].pop()
    with pytest.raises(ValueError, match="differ in their number of trials"):
        trials.planned("tiny")
    with pytest.raises(ValueError, match="unknown family of trials 'none': choose one of tiny."):
        trials.planned("none")


def test_the_families_of_the_package_can_be_planned(monkeypatch):
    for name in trials.FAMILIES:
        assert len({e.directory for e in trials.planned(name)}) == len(trials.planned(name))
