"""The README's numbers are those of the records, and the records load."""

import re

import pytest
import torch

import naign
from naign.data.samples import as_bytes
from naign.evaluate import SEED
from naign.pages import book, columns, readme
from naign.study import records, runs
from naign.study.experiment import get

LEFT = "naign-priced"  # a method that is no longer here; its numbers are


def test_the_readme_s_numbers_are_the_records():
    assert readme.numbers(book.ROOT) in (book.ROOT / "README.md").read_text(), "run `naign readme`"


def test_each_number_of_the_readme_s_claims_is_of_three_seeds_or_more():
    lines = [line for line in readme.numbers(book.ROOT).splitlines() if re.search(r"[↑↓] \|", line)]
    counts = [[int(n) for n in re.findall(r"\((\d+)\) \|", line)] for line in lines]
    assert len(lines) > 20 and min(map(len, counts)) >= 2 and min(map(min, counts)) >= 3


def test_the_papers_numbers_in_the_readme_are_those_of_its_tables():
    by_score = dict(zip((path.format("fz") for path, _ in columns.GENERATION.values()), range(3), strict=True))
    generation = {
        path: [columns.PAPER_GENERATION[m, "fz"][i] for m in ("IGN", "NAIGN")] for path, i in by_score.items()
    }
    paths = [path.format("once") for path, _ in columns.MAE.values()]
    restored = zip(paths, *(columns.PAPER_RESTORATION[m] for m in ("IGN", "NAIGN")), strict=True)
    paper = generation | {path: both for path, *both in restored}
    rows = [row for part in readme.READ["part"] for row in part["rows"] if "±" in row["paper"]]
    assert len(rows) >= 3
    for row in rows:
        assert row["paper"] == "IGN {}, NAIGN {}".format(*paper[row["score"]])


def test_a_fair_row_by_hand(monkeypatch):
    scores = {"ign": (0.5, 0.7), "naign": (0.6, 0.8), "naign-minus": (0.9, 0.9)}
    scores |= {"dae": (0.2, 0.4), "naign-field": (0.1, 0.3)}
    finals = {
        f"{method} {seed} {data}": {"data": data, "method": method, "seed": seed, "best": {"fz": {"coverage": value}}}
        for method, values in scores.items()
        for seed, value in enumerate(values)
        for data in ("grid", "2moons")
    }
    monkeypatch.setattr(records, "noted", lambda name: finals)
    row = {"paper": "", "family": "plane", "data": "grid", "score": "best.fz.coverage", "digits": 1}
    more, less = (readme.fair(row | {"claim": claim})[2:] for claim in ("Coverage ↑", "error ↓"))
    assert more == ["0.6\u00a0±\u00a00.1 (2)", "0.7\u00a0±\u00a00.1 (2)", "DAE: 0.3\u00a0±\u00a00.1 (2)"]
    assert less[2] == "field: 0.2\u00a0±\u00a00.1 (2)"


def test_every_record_is_whole_and_belongs_to_its_name():
    paths = [p for p in records.records_root().iterdir() if p.is_dir()]
    assert paths
    for path in paths:
        run = records.load(path)
        if run.config["method"] == LEFT:
            assert run.f is None and run.metrics
        else:
            asked = runs.of_config(run.config)
            assert asked.directory == path.name
            assert asked.essential(run.config) == asked.essential()  # a setting added since is at its default
        assert not re.search("dirty", run.provenance["commit"]), path
        assert max(run.history["step"]) == run.config["parameters"]["steps"]


def test_recorded_weights_are_one_line_away():
    run = naign.load("8gaussians-naign")
    samples = naign.generate(run.f, run.source, 2000, generator=torch.Generator().manual_seed(0))
    toy = get("8gaussians-naign").data.load()
    good = toy.is_high_quality(samples).float().mean().item()
    assert good == pytest.approx(run.metrics["fz"]["high_quality"], abs=0.03)  # half precision, fewer samples


def test_records_are_small():
    sizes = [p.stat().st_size for p in records.records_root().rglob("*") if p.is_file()]
    assert sum(sizes) < 40e6
    assert max(sizes) < 16e6


def test_recorded_digits_come_out_again_without_the_data():
    run = naign.load("mnist-naign")
    shown = run.images["fz"]
    z = run.source.sample(run.metrics["n"], torch.Generator().manual_seed(SEED))[: len(shown)]
    again = as_bytes(naign.project(run.f, z))
    assert (again.float() - shown.float()).abs().mean() < 1  # of 255: half precision


def test_records_hold_no_image_of_ffhq():
    found = {p.stem for p in records.records_root().glob("ffhq100-*/**/*.png")}
    assert "fz" in found
    assert "x" not in found and not any(name.endswith(".0") for name in found)
    assert not [
        p
        for p in records.records_root().glob("ffhq100-*/**/*")
        if p.suffix not in (".png", ".json", ".csv") and p.is_file() and p.name != "model.safetensors"
    ]
