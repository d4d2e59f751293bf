"""Tables say what the numbers are; figures draw what they are given, with labels."""

import ipywidgets
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from naign import figures, panels, pictures, tables
from naign.corruptions import CORRUPTIONS


def cloud(dim, n=50):
    return np.random.default_rng(0).normal(size=(n, dim))


def test_mean_and_spread_are_those_of_numpy():
    assert tables.mean_spread([1, 3], 2) == "2.00\u00a0±\u00a01.41"
    assert tables.mean_spread([0.5]) == "0.500"


def test_a_table_is_markdown():
    assert tables.table(["a", "b"], [[1, "x"]]).splitlines() == ["| a | b |", "| --- | --- |", "| 1 | x |"]


def test_the_score_table_has_each_method_twice_and_fresh_data():
    scores = {"modes": 3, "high_quality": 0.5, "reverse_kl": 0.1, "coverage": 0.9, "density": 1.0}
    metrics = [{"fz": scores, "ffz": scores | {"modes": 2}, "data": scores, "rec": 0.1, "gap": 0.2}]
    lines = tables.score_table({"naign": metrics, "ign": metrics}).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == [
        *("NAIGN: f(z)", "NAIGN: f(f(z))", "IGN: f(z)", "IGN: f(f(z))", "fresh data"),
    ]
    assert "| 2.0 |" in lines[3]


@pytest.mark.parametrize("dim", [1, 2])
def test_clouds_and_histograms_hold_every_point(dim):
    rows = {"naign": [cloud(dim)] * 5, "ign": [cloud(dim)] * 5}
    limits = (-9, 9)
    drawn = [
        figures.five_columns(rows, limits),
        figures.snapshots({"naign": {0: cloud(dim), 10: cloud(dim)}}, cloud(dim), limits),
        figures.applied([cloud(dim)] * 3, cloud(dim), "k", "title", limits),
    ]
    for figure in drawn:
        assert isinstance(figure, Figure)
        for ax in figure.axes:
            if dim == 1:
                bars = [p for p in ax.patches if p.get_alpha() == 0.85]
                area = sum(p.get_width() * p.get_height() for p in bars)
                assert area == pytest.approx(1)
            else:
                assert len(ax.collections[-1].get_offsets()) == 50
    assert [ax.get_ylabel() for ax in drawn[0].axes[::5]] == ["NAIGN", "IGN"]


def test_curves_bars_and_sheets_are_labelled():
    history = {"step": [1, 2], "rec": [0.1, 0.2], "imle": [0.1, 0.2], "idem": [0.0, 0.0], "distinct": [0.5, 0.6]}
    for figure in (
        figures.losses({"naign": [history]}),
        figures.winners({"grid": {"naign": [history]}}),
        figures.mode_shares({"naign": [[0.2, 0.8], [0.4, 0.6]]}, [0.5, 0.5], [0.1, 0.2]),
        figures.tradeoff({"ign": [(0.1, 2.0), (0.9, 0.3)]}, "a", "b"),
        figures.mass_floor([0, 1, 2], [1, 1, 1], [1, 2, 1], [(0, 1)], [0.4]),
    ):
        assert figure.axes[0].get_xlabel()
        assert figure.axes[0].get_ylabel()


def test_a_warm_start_leaves_a_gap_in_the_curves():
    history = {"step": [1, 2, 3], "rec": [0.3, 0.2, 0.1], "imle": [0.0, 0.4, 0.3], "distinct": [0.0, 0.5, 0.6]}
    for figure in (figures.losses({"naign": [history]}), figures.winners({"grid": {"naign": [history]}})):
        drawn = figure.axes[-1].lines[0].get_ydata()
        assert np.isnan(drawn[0])
        assert np.isfinite(drawn[1:]).all()


def test_a_mosaic_holds_every_pixel_in_its_place():
    rows = [torch.arange(12.0).reshape(3, 1, 2, 2) / 6 - 1, -torch.ones(3, 1, 2, 2)]
    picture = pictures.mosaic(rows, gap=1)
    assert picture.shape == (8, 12, 1)
    assert np.allclose(picture[1:3, 5:7, 0], (rows[0][1, 0] + 1) / 2)
    assert (picture[4] == 1).all()  # the gap
    assert (picture[5:7, 1:3] == 0).all()


def test_sheets_curves_and_panels_of_images_are_labelled():
    images = torch.rand(3, 3, 4, 4) * 2 - 1
    figure = pictures.sheet([images, images], ["a", "b"], ["one", "two", "three"])
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["a", "b"]
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["one", "two", "three"]
    line = [("left", [images] * 2), ("right", [images] * 2)]
    assert [ax.get_title() for ax in pictures.sheets([line, line], ["a", "b"]).axes] == ["left", "right"] * 2
    curves = {"NAIGN": ([0, 1], [[3, 1], [4, 2]]), "IGN, paper's settings": ([0, 1], [[5, 5]])}
    for figure in (
        pictures.bands({"p": curves, "q": curves}, "step", ["FLD", "MAE"]),
        pictures.levels({"noise": curves | {"damaged": ([0, 1], [[0, 9]])}}),
        pictures.sweep({"step": curves}, "FLD"),
    ):
        assert figure.axes[0].get_xlabel()
        assert figure.axes[0].get_ylabel()
    drawn = pictures.bands({"p": curves}, "step", ["FLD"]).axes[0]
    assert drawn.lines[0].get_ydata().tolist() == [3.5, 1.5]  # the mean over seeds
    assert drawn.lines[0].get_color() == figures.COLOURS["naign"]
    assert (drawn.lines[1].get_color(), drawn.lines[1].get_linestyle()) == (figures.COLOURS["ign"], "--")


def image_metrics(fld):
    scores = {"fld": fld, "coverage": 0.5, "density": 0.6, "pixel_coverage": 0.7, "pixel_density": 0.8}
    fixed = {"once": 0.1, "twice": 0.2, "damaged": 0.9, "literal": 0.3, "changed": 0.04, "changed_damaged": 0.05}
    repairs = {name: fixed | {"once": 0.1 * i} for i, name in enumerate(sorted(CORRUPTIONS))}  # as JSON sorts them
    floor = {"train": scores | {"fld": 0.9}, "halves": 0.5}
    return {"fz": scores, "ffz": scores, "data": floor, "restoration": repairs, "rec": 0.01, "gap": 0.02}


def test_image_tables_stand_beside_the_papers_in_the_same_order():
    names = [f"{m}{end}" for end in ("", tables.PAPERS) for m in ("NAIGN", "IGN")]
    metrics = {name: [image_metrics(50.0 if "NAIGN" in name else 100.0)] * 2 for name in names}
    cells = [[c.strip() for c in line.split("|")[1:-1]] for line in tables.generation_table(metrics).splitlines()]
    ratio = cells[0].index("FLD / IGN's")
    assert len({len(line) for line in cells}) == 1
    assert [line[ratio] for line in cells[2:10]] == ["0.50"] * 2 + ["1.00"] * 2 + ["0.50"] * 2 + ["1.00"] * 2
    assert [line[1] for line in cells[10:12]] == ["0.9", "0.5"]
    paper = {line[0]: line[1:] for line in cells[12:]}
    assert paper["*the paper: NAIGN: f(z)*"] == ["279 ± 40", "0.58 ± 0.01", "0.52 ± 0.02", "", "", "0.78"]
    assert paper["*the paper: NAIGN: f(f(z))*"][-1] == "0.56"
    table = [[c.strip() for c in line.split("|")[1:-1]] for line in tables.restoration_table(metrics).splitlines()]
    assert table[0][1:] == list(CORRUPTIONS) == ["blur", "noise", "salt and pepper", "lines"]
    assert [v.split("\u00a0")[0] for v in table[2][1:]] == ["0.000", "0.200", "0.300", "0.100"]
    assert table[6] == ["nothing done", *["0.900"] * 4]
    assert table[8] == ["*the paper: NAIGN*", "0.15 ± 0.01", "0.21 ± 0.03", "0.22 ± 0.03", "0.11 ± 0.00"]
    assert "nothing done" not in tables.restoration_table(metrics, "literal")
    assert tables.choices_table(metrics).count("\n") == 1 + len(names)


def test_the_line_on_images_counts_every_run_once():
    p = {"norm": "group", "width": 16, "steps": 600, "batch_size": 64, "lr": 0.002, "decay": "cosine"}
    origin = {"seconds": 90.0, "device": "a machine", "threads": 1}
    runs = [
        ({"profile": "cpu", "data": "mnist", "seed": s, "parameters": p | more}, origin)
        for s, more in ((0, {}), (1, {}), (0, {}), (0, {"norm": "batch", "steps": 3000}))
    ]
    line = tables.provenance_line(runs)
    assert "3 runs (seeds 0, 1) of 600 or 3,000 steps" in line
    assert "4 minutes" in line


def test_a_panel_draws_again_when_a_control_moves():
    seen = []

    def show(level):
        seen.append(level)
        return figures.applied([cloud(2)], cloud(2), "k", str(level), (-level, level))

    slider = ipywidgets.IntSlider(value=2, min=1, max=5)
    picture = panels.panel(show, level=slider).children[-1]
    before = bytes(picture.value)
    assert before.startswith(b"\x89PNG")
    slider.value = 5
    assert seen == [2, 5]
    assert bytes(picture.value) != before
