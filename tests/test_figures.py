"""Tables say what the numbers are; figures draw what they are given, with labels."""

import ipywidgets
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from naign import figures, panels, tables


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
    sheet = figures.sheet([torch.zeros(3, 1, 4, 4), torch.zeros(3, 3, 4, 4)], ["a", "b"])
    assert len(sheet.axes) == 6


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
