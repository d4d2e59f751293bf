"""A saved run's card says what the run and the records say; models are found by name."""

import json
import re
import statistics

import pytest
import torch
import yaml

import naign
from naign.data import DATA
from naign.methods import METHODS
from naign.study import card, records
from naign.study.experiment import get

TINY = {"profile": "quick", "steps": 12, "width": 8, "batch_size": 8}


def saved(run, path):
    return run.save(path).joinpath("README.md").read_text(encoding="utf-8")


def head(text):
    """What the Hub reads of a card."""
    return yaml.safe_load(text.split("---\n")[1])


def cells(text, title):
    """The row of a table that begins with a title."""
    (row,) = (line for line in text.splitlines() if line.startswith(f"| {title} |"))
    return [cell.strip() for cell in row.strip("|").split("|")][1:]


def test_the_command_of_a_card_asks_for_the_very_run():
    known = 0
    for path in (p for p in records.records_root().iterdir() if p.is_dir()):
        config = json.loads((path / "config.json").read_text())
        if config["method"] in METHODS:
            _, _, name, *words = card.command(config).split(" ", 3)
            pairs = re.findall(r"-p (\S+?)=(\S+)", words[0])
            assert get(name, **dict(pairs)).directory == path.name
            known += 1
    assert known > 100


@pytest.mark.parametrize("warm_start", [0, 50, 100])  # 50 is what 100 steps alone make of the usual 100
def test_the_command_of_a_card_keeps_the_warm_start_of_a_short_run(warm_start):
    asked = get("mnist-naign", "cpu", steps=100, warm_start=warm_start)
    words = card.command(asked.config())
    assert ("warm_start" in words) == (warm_start != 50)
    assert get("mnist-naign", **dict(re.findall(r"-p (\S+?)=(\S+)", words))).directory == asked.directory


def test_a_card_has_the_scores_of_the_run_and_of_the_recorded_seeds(tmp_path):
    run, text = naign.load("mnist-naign"), saved(naign.load("mnist-naign"), tmp_path / "digits")
    path = next(p for p in records.recorded("mnist-naign", "cpu") if records.load(p).config == run.config)
    assert path.name.startswith("mnist-naign-cpu-s0-")
    found = naign.available()["mnist-naign"]["Fréchet LeNet distance of f(z) ↓"]
    ours, others = cells(text, "Fréchet LeNet distance of f(z) ↓")
    assert float(ours) == pytest.approx(run.metrics["fz"]["fld"], rel=1e-3) and len(found) == 3
    mean, spread, n = re.fullmatch(r"(\S+) ± (\S+) \((\d)\)", others).groups()
    assert float(mean) == pytest.approx(statistics.mean(found), rel=1e-3) and int(n) == 3
    squares = sum((value - sum(found) / 3) ** 2 for value in found)
    assert float(spread) == pytest.approx((squares / 2) ** 0.5, rel=0.05)
    assert cells(text, "steps") == ["3000"] and cells(text, "norm") == ["group"]
    assert head(text) == {"library_name": "naign", "license": "mit", "tags": ["naign", "idempotent-generative-model"]}
    for section in ("Use", "What it is for", "Limits", "Training data", "Scores", "Settings", "Licence", "Citation"):
        assert f"\n## {section}\n" in text
    assert run.provenance["commit"] in text and "CC BY-SA 3.0" in text and "{" not in text.split("## Citation")[0]


def test_the_lines_of_use_in_a_card_run(tmp_path):
    text = saved(naign.load("8gaussians"), tmp_path / "ring")
    code = re.search(r"```python\n(.*?)```", text, re.S)[1]
    assert len(code.splitlines()) == 5
    x = torch.randn(7, 2)
    names = {"damaged": x, "anything": x}
    exec(code, names)
    assert names["samples"].shape == (64, 2) and names["restored"].shape == x.shape and names["far"].shape == (7,)


def test_the_card_of_data_that_may_not_be_given_away_says_so_and_how_to_train(tmp_path):
    text = saved(naign.load("ffhq100"), tmp_path / "faces")
    assert head(text)["license"] == "cc-by-nc-sa-4.0" and "not for commercial use" in text
    assert "\nnaign fit ffhq100-naign -p profile=cpu -p seed=0\n" in text


def test_the_card_of_ones_own_data_leaves_the_licence_to_its_owner(tmp_path):
    run = naign.fit(torch.randn(64, 3), seed=4, progress=False, **TINY)
    text = saved(run, tmp_path / "own")
    assert head(text)["license"] == "other" and run.config["data_sha256"] in text and "64 samples of one's own" in text
    assert "naign.fit(data, method='naign', profile='quick', seed=4" in text
    assert cells(text, "mean d(x, f(x)) ↓") == [f"{run.metrics['rec']:.4g}", "none"]


def test_the_card_of_a_run_without_scores_says_so(tmp_path):
    assert "It was not scored." in saved(get("grid-naign", **TINY).train(progress=False), tmp_path / "run")


def test_the_card_is_part_of_what_a_run_checks(tmp_path):
    saved(naign.load("8gaussians"), tmp_path / "ring")
    assert "README.md" in json.loads((tmp_path / "ring" / "checksums.json").read_text())
    (tmp_path / "ring" / "README.md").write_text("by hand")
    with pytest.raises(ValueError, match=r"README.md was altered"):
        naign.load(tmp_path / "ring")


def test_models_are_found_by_name_at_the_usual_settings_first():
    found = naign.available()
    weights = {p.parent for p in records.records_root().glob("*/model.safetensors")}
    assert found.keys() == {json.loads((p / "config.json").read_text())["name"] for p in weights}
    assert naign.load("2moons").config["parameters"]["noise"] == get("2moons-naign").data.noise
    for name, scores in found.items():
        config = naign.load(name).config
        seeds = {path.name.split("-s")[-1][0] for path in records.recorded(name, config["profile"])}
        assert {len(values) for values in scores.values()} <= set(range(1, len(seeds) + 1)) and len(scores) >= 4


def test_every_data_set_says_what_it_is_and_under_what_licence():
    table = (records.records_root().parent / "README.md").read_text()
    for name, data in DATA.items():
        assert len(data.called) > 3 and (data.licence in table or data.licence.startswith(("none", "that of"))), name
