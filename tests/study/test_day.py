"""The day on a lent machine: order, minutes, going on, and a pack that comes home whole."""

import io
import json
import os
import subprocess
import tarfile
import time

import pytest
import torch

from naign.base import files
from naign.pages import command
from naign.pages.words import pairs, parser
from naign.study import day, plan, records
from naign.study.experiment import get
from naign.study.provenance import provenance

RUN = "fit grid-ign -p profile={profile} -p steps=20 --quiet"


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("NAIGN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(records, "records_root", lambda: tmp_path / "records")
    return tmp_path


def given(monkeypatch, *commands, minutes=1):
    monkeypatch.setattr(day, "PARTS", {"only": {"name": "only", "minutes": minutes, "commands": commands}})


def unpacked(out, where):
    pieces = sorted(out.glob("home.*"))
    assert all(piece.stat().st_size <= day.PIECE < 16e6 for piece in pieces)
    with tarfile.open(fileobj=io.BytesIO(b"".join(piece.read_bytes() for piece in pieces))) as tar:
        tar.extractall(where, filter="data")


def test_every_command_of_the_day_is_one_of_naign_and_trains_what_the_plan_has():
    planned = {row.experiment("paper", seed).directory for row in plan.every("paper") for seed in range(row.seeds)}
    for part in day.PARTS.values():
        for words in part["commands"]:
            asked = parser(command.FUNCTIONS).parse_args(words.format(profile="paper", out="x").split())
            for name in [asked.name] if asked.run is command._fit else getattr(asked, "names", []):
                assert get(name, **pairs(asked.p)).directory in planned


def test_a_run_comes_home_and_is_not_done_again(at_home, monkeypatch, capsys):
    given(monkeypatch, RUN)
    assert day.spend(at_home / "out", "quick", 2, [])
    assert "done after" in capsys.readouterr().err
    (record,) = records.records_root().iterdir()
    unpacked(at_home / "out", at_home / "home")
    assert records.load(at_home / "home" / "data" / "records" / record.name).history["step"][-1] == 20
    assert list(json.loads((at_home / "home" / "data" / "cache" / "day" / "done.json").read_text()))
    assert "done after" in (at_home / "out" / "log.txt").read_text()
    assert day.spend(at_home / "out", "quick", 2, [])
    assert capsys.readouterr().err == ""
    unpacked(at_home / "out", at_home / "again")
    assert not (at_home / "again" / "data" / "records").exists()  # that came home before


def test_what_is_cut_goes_on_where_the_pack_was_brought(at_home, monkeypatch, capsys):
    long = RUN.replace("steps=20", "steps=100000")
    for minutes in (0.15, 0.6, 2.4):  # on a busy machine a command takes long to begin
        given(monkeypatch, long, RUN, minutes=minutes)
        began = time.monotonic()
        assert not day.spend(at_home / "out", "quick", 4, ["only"])
        assert time.monotonic() - began < 60 * minutes + 2 * day.GRACE
        said = capsys.readouterr().err
        if any((files.cache_root() / "checkpoints").glob("grid-ign-*/checkpoint.safetensors")):
            break
    assert "cut after" in said and "no time is left for: naign fit grid-ign" in said
    unpacked(at_home / "out", at_home / "other")
    monkeypatch.setenv("NAIGN_CACHE", str(at_home / "other" / "data" / "cache"))
    (state,) = (files.cache_root() / "checkpoints").glob("grid-ign-*/checkpoint.safetensors")
    assert int(files.load_tensors(state)[1]["step"]) > 0


def test_a_run_that_was_cut_before_its_scores_goes_on_with_its_weights(at_home, monkeypatch):
    given(monkeypatch, RUN)
    asked = get("grid-ign", "quick", steps=20)
    asked.train(progress=False).save(records.runs_root() / asked.directory, "")
    monkeypatch.setattr(day, "_run", lambda *_: (None, ""))  # no time for a score
    assert not day.spend(at_home / "out", "quick", 2, [])
    assert not records.records_root().exists()
    unpacked(at_home / "out", at_home / "other")
    monkeypatch.undo()
    monkeypatch.setenv("NAIGN_CACHE", str(at_home / "other" / "data" / "cache"))
    run = records.load(records.runs_root() / asked.directory)
    assert run.f is not None and run.metrics == {}


def test_a_failure_is_told_and_the_rest_is_done(at_home, monkeypatch, capsys):
    given(monkeypatch, "fit grid-nothing", RUN)
    assert not day.spend(at_home / "out", "quick", 2, [])
    said = capsys.readouterr().err
    assert "failed with 2" in said and "done after" in said
    assert "unknown method" in (at_home / "out" / "log.txt").read_text()


def test_where_capture_fails_the_command_runs_without(at_home, monkeypatch):
    tried = []

    def run(words, until, more):
        tried.append(more)
        return (0, "well") if more else (2, "the same call with NAIGN_CAPTURE=0 in the environment goes on")

    given(monkeypatch, RUN)
    monkeypatch.setattr(day, "_run", run)
    assert day.spend(at_home / "out", "quick", 2, [])
    assert tried == [{}, {"NAIGN_CAPTURE": "0"}]


def test_pieces_are_small_and_what_does_not_fit_stays(at_home, monkeypatch, capsys):
    monkeypatch.setattr(day, "PIECE", 1000)
    for name, size in (("small", 1500), ("large", 9000)):
        folder = files.cache_root() / "checkpoints" / name
        folder.mkdir(parents=True)
        (folder / "state").write_bytes(bytes(range(250)) * (size // 250))
    (at_home / "out").mkdir()
    (at_home / "out" / "home.009").write_bytes(b"of an earlier call")
    day.pack(at_home / "out")
    assert "large has 0 MiB and stays" in capsys.readouterr().err
    unpacked(at_home / "out", at_home / "home")
    assert [p.name for p in (at_home / "home" / "data" / "cache" / "checkpoints").iterdir()] == ["small"]


@pytest.mark.parametrize(
    ("words", "said"),
    [(["nothing"], "unknown part 'nothing': choose from check, plane"), (["--profile", "big"], "unknown profile")],
)
def test_senseless_calls_are_refused(words, said, at_home, capsys):
    assert command.main(["paper-day", str(at_home / "out"), *words]) == 2
    assert said in capsys.readouterr().err
    assert not (at_home / "out").exists()


def test_a_copy_without_git_knows_its_commit_by_the_environment(monkeypatch):
    def no_git(*_, **__):
        raise OSError

    monkeypatch.setattr(subprocess, "run", no_git)
    assert provenance(torch.device("cpu"), 1.0)["commit"] == "unknown"
    monkeypatch.setenv("NAIGN_COMMIT", "0123456789ab")
    assert provenance(torch.device("cpu"), 1.0)["commit"] == "0123456789ab"


def test_the_day_ends_in_time_to_pack(elsewhere, monkeypatch, tmp_path):
    until = []
    monkeypatch.setattr(day, "PARTS", {"only": {"name": "only", "minutes": 60, "commands": ["list"]}})
    monkeypatch.setattr(day, "_once", lambda words, profile, end, log: until.append(end) or True)
    began = time.monotonic()
    assert day.spend(tmp_path / "out", "quick", 9, [])
    assert until[0] - began == pytest.approx(9 * 60 - 2 * day.GRACE, abs=30)


def test_what_was_cut_last_comes_home_first(elsewhere, monkeypatch, tmp_path):
    monkeypatch.setattr(day, "PIECE", 1000)  # room for 4,000 bytes
    for age, name in enumerate("cab"):
        folder = files.cache_root() / "checkpoints" / name
        folder.mkdir(parents=True)
        (folder / "state").write_bytes(bytes(1500))
        os.utime(folder, (10**9 - age,) * 2)
    (tmp_path / "out").mkdir()
    day.pack(tmp_path / "out")
    pieces = b"".join(p.read_bytes() for p in sorted((tmp_path / "out").glob("home.*")))
    with tarfile.open(fileobj=io.BytesIO(pieces)) as tar:
        assert {name.split("/")[3] for name in tar.getnames() if name.endswith("state")} == {"c", "a"}
