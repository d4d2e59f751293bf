"""The rows of the book's tables, and which profile is shown."""

import dataclasses
import shutil
from types import SimpleNamespace

import pytest

from naign.data.toys import TOYS
from naign.study import plan, recipes, records
from naign.study.experiment import get


def test_every_row_can_be_built_and_no_run_is_asked_for_twice():
    for profile in recipes.PROFILES:
        rows = plan.every(profile)
        names = [row.experiment(profile).directory for row in rows]
        assert len(set(names)) == len(names)
        assert {r.name.partition("-")[0] for r in rows} >= {*TOYS, "mnist"}


def test_recorded_means_the_largest_profile_with_every_record(monkeypatch, tmp_path):
    monkeypatch.setattr(records, "records_root", lambda: tmp_path)

    def wanted(profile):
        return [plan.Row("a", "grid-naign", {}, 3), plan.Row("b", "grid-ign", {"clamp": 1.5}, 3)]

    def record(name, seed, **changes):
        (tmp_path / get(name, "cpu", seed, **changes).directory).mkdir()

    assert plan.resolve("recorded", wanted) == "quick"
    for seed in range(3):
        record("grid-naign", seed)
        record("grid-ign", seed)
        assert plan.resolve("recorded", wanted) == "quick"
    for seed in range(3):
        assert plan.resolve("recorded", wanted) == "quick"
        record("grid-ign", seed, clamp=1.5)
    assert plan.resolve("recorded", wanted) == "cpu"
    with pytest.raises(ValueError, match="unknown profile 'big'"):
        plan.resolve("big", wanted)


def test_a_profile_is_recorded_if_the_first_runs_are_there_with_what_is_drawn_of_them(monkeypatch, tmp_path):
    monkeypatch.setattr(records, "records_root", lambda: tmp_path)
    one = plan.Row("a", "grid-naign", {"steps": 4, "width": 4, "snapshots": [0.0, 0.5, 1.0]}, 2)
    for seed, kept in ((0, ("weights", "snapshots")), (1, ())):
        run = one.experiment("cpu", seed).train(progress=False)
        run.metrics = {"rec": 0.0}
        records.commit(run.save(tmp_path / "local" / one.experiment("cpu", seed).directory), kept)

    def shown(first, seed=0):
        return plan.resolve("recorded", lambda at: [dataclasses.replace(one, first=first, seeds=2 - seed)], seed)

    assert {shown(first) for first in ((), ("weights",), ("weights", "snapshots"), ("fz",))} == {"cpu"}
    assert shown((), 1) == "cpu" and shown(("weights",), 1) == "quick"
    again = one.experiment("cpu").directory
    shutil.rmtree(tmp_path / again)
    records.commit(tmp_path / "local" / again, ("weights",))
    assert shown(("weights",)) == "cpu" and shown(("weights", "snapshots")) == "quick"


def test_what_several_rows_keep_of_one_run_is_kept():
    shown = {row.experiment("cpu").directory: row for row in plan.every("cpu")}
    for rows in (*plan.mnist("cpu").values(), *plan.balanced("cpu").values(), plan.toys("cpu")):
        for row in rows:
            one = shown[row.experiment("cpu").directory]
            assert {*row.first} <= {*one.first} and {*row.each} <= {*one.each} and row.seeds <= one.seeds


def test_a_study_has_the_groups_and_settings_that_it_was_asked_for_and_weights_of_a_first_run(monkeypatch):
    def load(row, profile, seed=0, weights=False):
        return [SimpleNamespace(f="weights" if weights else None, config={"seed": seed + s}) for s in range(row.seeds)]

    monkeypatch.setattr(plan.Row, "load", load)
    study = plan.study(plan.ffhq, "quick", 5, only=["main"], steps=3, candidates=0.0)
    assert [*study.rows] == [*study.runs] == ["main"]
    for row in study.rows["main"]:
        assert row.changes["steps"] == 3 and "candidates" not in row.changes
    first = study.first("main", "NAIGN")
    assert (first.f, first.config["seed"]) == ("weights", 5)
    assert [*plan.study(plan.ffhq, "quick").runs] == [*plan.ffhq("quick")]


def test_what_a_page_asks_for_comes_before_the_scale_and_after_a_row_s_own_and_spares_ign():
    found = plan.mnist("quick", candidates=3.0, steps=7)
    assert [row.changes["candidates"] for row in found["candidates"]] == [0.5, 1, 2, 4, 8]
    assert {row.changes["steps"] for row in found["candidates"]} == {7}
    of = {row.name: row.changes for row in found["main"]}
    assert of["mnist-naign"]["candidates"] == 3 and "candidates" not in of["mnist-ign"]
