"""Figures draw what they are given, with labels, in the plane and on the line."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver
from matplotlib.text import Text
from torch import nn

from naign.data.sets import Digits
from naign.methods import METHODS
from naign.pages import curves, plane, sheets, style
from naign.sources import StandardNormal
from naign.study import records

COLOURS = {entry.label: entry.colour for entry in METHODS.values()}


OF_LABELS = {"NAIGN": ([0, 1], [[3, 1], [4, 2]]), "IGN, paper's recipe": ([0, 1], [[5, 5]])}


def said(figure):
    """What the legend below a figure says."""
    (legend,) = figure.legends
    return [text.get_text() for text in legend.texts]


def cloud(dim, n=50):
    return np.random.default_rng(0).normal(size=(n, dim))


@pytest.mark.parametrize("dim", [1, 2])
def test_clouds_and_histograms_hold_every_point(dim):
    rows = {"NAIGN": [cloud(dim)] * 5, "IGN": [cloud(dim)] * 5}
    drawn = [
        plane.five_columns(rows, (-9, 9)),
        plane.samples({"NAIGN": {"step 0": cloud(dim), "step 10": cloud(dim)}}, cloud(dim), (-9, 9)),
    ]
    for figure in drawn:
        assert isinstance(figure, Figure)
        for ax in figure.axes:
            if dim == 1:
                (outline,) = (p for p in ax.patches if p.get_alpha() == 0.85)
                x, y = outline.get_xy().T
                assert abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2 == pytest.approx(1)  # its area
            else:
                assert len(ax.collections[-1].get_offsets()) == 50
    assert [ax.get_ylabel() for ax in drawn[0].axes[::5]] == ["NAIGN", "IGN"]


def test_curves_and_bars_are_labelled():
    history = {"step": [1, 2], "rec": [0.1, 0.2], "imle": [0.1, 0.2], "idem": [0.0, 0.0], "distinct": [0.5, 0.6]}
    points = {"NAIGN": [(0.1, 2.0), (0.9, 0.3)], "of my own": [(1.0, 1.0)]}
    for figure in (
        curves.losses({"NAIGN": [history]}),
        curves.lines({"p": OF_LABELS, "q": OF_LABELS}, "step", ["FLD", "MAE"], share="", yscale="log"),
        curves.lines({"noise": OF_LABELS | {"damaged": ([0, 1], [0, 9])}}, "level", "MAE", points=True),
        curves.scatter({"f(z)": points}, "drift", "distance", fine=True),
        curves.mode_shares({"NAIGN": [[0.2, 0.8], [0.4, 0.6]]}, [0.5, 0.5], [0.1, 0.2]),
    ):
        assert figure.axes[0].get_xlabel()
        assert figure.axes[0].get_ylabel()


def test_a_curve_is_the_mean_over_seeds_from_the_smallest_to_the_largest():
    (ax,) = curves.lines({"p": OF_LABELS}, "step", "FLD").axes
    assert ax.lines[0].get_ydata().tolist() == [3.5, 1.5]
    assert {tuple(v) for v in ax.collections[0].get_paths()[0].vertices} >= {(0, 3), (1, 1), (0, 4), (1, 2)}
    assert ax.lines[0].get_color() == COLOURS["NAIGN"]
    assert (ax.lines[1].get_color(), ax.lines[1].get_linestyle()) == (COLOURS["IGN"], "--")
    figure = curves.lines({"p": OF_LABELS}, "step", "FLD", each=True)
    (ax,) = figure.axes
    assert [line.get_ydata().tolist() for line in ax.lines] == [[3, 1], [4, 2], [5, 5]]
    assert said(figure) == list(OF_LABELS)


def test_panels_have_names_limits_and_levels_of_their_own_or_in_common():
    panels = {"p": OF_LABELS, "q": {"DAE": ([0, 1], [7, 8])}}
    figure = curves.lines(panels, "x", "y", level=[2, None], ylim=[(0, 6), None], share="")
    first, second = figure.axes
    assert (first.get_xlabel(), second.get_xlabel()) == ("x", "x")
    assert (first.get_ylabel(), second.get_ylabel()) == ("y", "")
    assert first.get_ylim() == (0, 6) and second.get_ylim()[1] >= 8
    assert [len(ax.lines) for ax in (first, second)] == [3, 1]
    assert said(figure) == [*OF_LABELS, "DAE"]
    one, below = curves.lines({"p": OF_LABELS, "q": OF_LABELS}, ["a", "b"], ["c", "d"]).axes
    assert [ax.get_xlabel() + ax.get_ylabel() for ax in (one, below)] == ["ac", "bd"]


def test_a_label_says_the_colour_and_the_line():
    lines = {", paper's recipe": "--", ", clamped": ":", ", wider": "-.", "": "-"}
    for entry in METHODS.values():
        for end, line in lines.items():
            assert style.style(entry.label + end) == {"color": entry.colour, "ls": line}
    assert style.style("damaged") == style.style("training") == {"color": style.DATA, "ls": ":"}


def test_a_mark_is_hollow_where_adamw_trained():
    for label in ("NAIGN", "NAIGN-", "IGN"):
        assert style.mark(label) == {"facecolors": "none", "edgecolors": COLOURS[label], "marker": "s"}
    assert style.mark("balanced, AdamW") == {"facecolors": "none", "edgecolors": COLOURS["balanced"], "marker": "o"}
    filled = ["NAIGN, Muon", "balanced", "balanced, long", "balanced, 5 layers", "field"]
    assert [style.mark(label)["color"] for label in filled] == [COLOURS[label.split(",")[0]] for label in filled]
    others = ["assignment of a batch", "of my own"]
    assert len({tuple(style.mark(label).items()) for label in filled + others}) == len(filled + others)


def test_a_warm_start_leaves_a_gap_in_the_curves():
    history = {"step": [1, 2, 3], "rec": [0.3, 0.2, 0.1], "imle": [0.0, 0.4, 0.3], "distinct": [0.0, 0.5, 0.6]}
    served = curves.lines({"grid": curves.history({"NAIGN": [history]}, "distinct")}, "step", "distinct", each=True)
    for figure in (curves.losses({"NAIGN": [history]}), served):
        drawn = figure.axes[-1].lines[0].get_ydata()
        assert np.isnan(drawn[0])
        assert np.isfinite(drawn[1:]).all()


def test_a_mosaic_holds_every_pixel_in_its_place():
    rows = [torch.arange(12.0).reshape(3, 1, 2, 2) / 6 - 1, -torch.ones(3, 1, 2, 2)]
    picture = sheets.mosaic(rows, gap=1)
    assert picture.shape == (8, 12, 1)
    assert np.allclose(picture[1:3, 5:7, 0], (rows[0][1, 0] + 1) / 2)
    assert (picture[4] == 1).all()  # the gap
    assert (picture[5:7, 1:3] == 0).all()


def test_sheets_of_images_are_labelled():
    images = torch.rand(3, 3, 4, 4) * 2 - 1
    figure = sheets.sheet([images, images], ["a", "b"], ["one", "two", "three"])
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["a", "b"]
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["one", "two", "three"]
    line = [("left", [images] * 2), ("right", [images] * 2)]
    axes = sheets.sheets([line, line], ["a", "b"]).axes
    assert [ax.get_title() for ax in axes] == ["left", "right"] * 2
    assert [[t.get_text() for t in ax.get_yticklabels()] for ax in axes] == [["a", "b"], []] * 2


def test_pulls_are_arrows_from_images_to_data():
    fz, x = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 2.0]]), np.array([[5.0, 5.0], [6.0, 5.0]])
    (ax,) = plane.pulls({"nearest": (fz, x, [(0, 1), (2, 0)])}).axes
    arrows = [(tuple(a.xyann), tuple(a.xy)) for a in ax.texts]
    assert arrows == [((0, 0), (6, 5)), ((2, 2), (5, 5))]
    data, pulled, left = (c.get_offsets().tolist() for c in ax.collections)
    assert data == x.tolist() and pulled == [[0, 0], [2, 2]] and left == [[1, 0]]


def test_scattered_points_have_a_mark_a_run():
    once = {"balanced": [(0.01, 0.8), (0.03, 0.7)], "of my own": [(1, 0.5)]}
    twice = {"balanced": [(0.02, 0.9), (0.04, 0.6)], "of my own": [(2, 0.4)]}
    panels = {"f(z)": once, "f(f(z))": twice}
    figure = curves.scatter(panels, "KL", "share", xscale="log", level=0.98, share="xy")
    left, right = figure.axes
    assert left.collections[0].get_offsets().tolist() == [[0.01, 0.8], [0.03, 0.7]]
    assert right.collections[1].get_offsets().tolist() == [[2, 0.4]]
    assert left.get_xscale() == "log" and said(figure) == list(once)


def test_the_diagonal_leaves_the_limits_alone():
    (ax,) = curves.lines({"": {"NAIGN": ([-3, 4], [-6, 8])}}, "z", "f(z)", diagonal=True, xlim=(-3, 4)).axes
    curve, diagonal = ax.lines
    assert curve.get_ydata().tolist() == [-6, 8] and ax.get_xlim() == (-3, 4)
    assert diagonal.get_slope() == 1 and diagonal.get_xy1() == (0, 0)


@pytest.mark.parametrize("sides", [1, 2])
def test_heat_and_arrows_in_the_plane_and_on_the_line(sides):
    limits, n = [(-1.0, 1.0)] * sides, 4
    values = np.arange(n**sides, dtype=float)
    manifold = np.zeros((3, sides))
    axes = plane.heat({"NAIGN": values, "exact": values}, limits, "drift", manifold, scale=(0, 9)).axes
    if sides == 1:
        assert axes[0].lines[0].get_xdata().tolist() == [-0.75, -0.25, 0.25, 0.75]
        assert axes[0].lines[0].get_ydata().tolist() == values.tolist() and axes[0].get_ylim() == (0, 9)
    else:
        assert axes[0].images[0].get_array().tolist() == values.reshape(n, n).tolist()
    start = np.linspace(-1, 1, 3 * sides).reshape(3, sides)
    (ax,) = plane.arrows({"f": (start, 0.5 * start)}, manifold).axes
    assert ax.get_title() == "f" and len(ax.collections) == 3


def test_cells_hold_the_mean_and_the_spread_of_every_pair_of_settings():
    frame = pd.DataFrame({0.1: [[1.0, 3.0], [5.0, 5.0]], 0.2: [[0.0, 0.0], [2.0, 4.0]]}, index=[2, 3])
    figure = curves.cells({"A": frame, "B": 2 * frame.map(np.array)}, "x", "y", "score", ".1f")
    first, second, bar = figure.axes
    assert [ax.get_title() for ax in (first, second)] == ["A", "B"] and bar.get_ylabel() == "score"
    assert first.images[0].get_array().tolist() == [[2, 0], [5, 3]] and first.images[0].get_clim() == (0, 10)
    assert [t.get_text() for t in first.get_xticklabels()] == ["0.1", "0.2"]
    texts = {t.get_position(): t.get_text() for t in first.texts}
    assert texts == {(0, 0): "2.0\n±1.4", (1, 0): "0.0\n±0.0", (0, 1): "5.0\n±0.0", (1, 1): "3.0\n±1.4"}
    lonely = pd.DataFrame({0.1: [[1.0], np.nan], 0.2: [[3.0], [2.0]]}, index=[2, 3])
    texts = curves.cells({"A": lonely}, "x", "y", "score").axes[0].texts
    assert [t.get_text() for t in texts] == ["1.00", "3.00", "nan", "2.00"]  # one run has no spread


def test_figures_fit_a_page_where_their_type_is_as_large_as_its_text():
    curve, images = {"NAIGN": ([1, 2], [0.2, 0.9])}, torch.zeros(6, 1, 8, 8)
    moved = (np.zeros((4, 2)), np.ones((4, 2)))
    for figure in (
        curves.lines({f"a panel, number {i}": curve for i in range(7)}, "step", "loss", yscale="log"),
        curves.lines({"": curve | {f"NAIGN, with something else {i}": ([1], [2]) for i in range(9)}}, "x", "y"),
        plane.five_columns({"NAIGN": [cloud(2)] * 5}, (-9, 9)),
        curves.mode_shares({"NAIGN": [[0.04] * 25]}, [0.04] * 25),
        plane.heat({str(i): np.arange(16.0) for i in range(5)}, [(-2, 2), (-1, 1)], "drift"),
        plane.arrows({"near": moved, "far": moved, "further": moved}, np.zeros((3, 2))),
        sheets.sheets([[("NAIGN", [images] * 2)] * 3], ["f(z)", "a much longer label"]),
        curves.cells(dict.fromkeys("ABCD", pd.DataFrame([[[0.1, 0.2]] * 3] * 3)), "width", "farthest mode at", "W1"),
    ):
        assert figure.get_figwidth() <= style.WIDEST
        figure.canvas.draw()
        drawn = figure.get_tightbbox()
        assert drawn.x0 > -0.15 and drawn.x1 < style.WIDEST + 0.15, figure.axes[0].get_title()  # nothing hangs out
        assert min(text.get_size() for text in figure.findobj(Text) if text.get_text()) >= 9.5


def test_ticks_of_a_logarithm_are_plain_numbers():
    (ax,) = curves.lines({"": {"NAIGN": ([1, 2], [0.03, 0.9])}}, "x", "y", yscale="log").axes
    ax.figure.canvas.draw()
    low, high = ax.get_ylim()
    shown = [t.get_text() for t in ax.get_yticklabels() if low <= t.get_position()[1] <= high]
    assert shown == ["0.05", "0.1", "0.2", "0.5", "1"]


def test_the_shares_of_a_figure_are_means_and_ranges_with_the_truth_and_the_floor():
    (ax,) = curves.mode_shares({"NAIGN": [[0.2, 0.8], [0.4, 0.4]]}, [0.5, 0.6], [0.1, 0.2]).axes
    assert [bar.get_height() for bar in ax.patches] == pytest.approx([0.3, 0.6])
    heights = {c.get_label(): [segment[:, 1].tolist() for segment in c.get_segments()] for c in ax.collections}
    assert heights.pop("true share") == [[0.5, 0.5], [0.6, 0.6]]
    assert heights.pop("mass floor") == [[0.1, 0.1], [0.2, 0.2]]
    assert np.allclose(*heights.values(), [[0.2, 0.4], [0.4, 0.8]])


def test_arrows_go_from_points_to_their_projections_and_the_first_row_of_a_heat_map_lies_below():
    start, end = np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[5.0, 0.0], [2.0, 2.0]])
    (ax,) = plane.arrows({"f": (start, end)}, np.zeros((3, 2))).axes
    (quiver,) = (c for c in ax.collections if isinstance(c, Quiver))
    assert quiver.XY.tolist() == start.tolist()
    assert np.c_[quiver.U, quiver.V].tolist() == (end - start).tolist()
    image = plane.heat({"f": np.arange(4.0)}, [(-1, 1), (-2, 2)], "drift").axes[0].images[0]
    assert image.origin == "lower" and list(image.get_extent()) == [-1, 1, -2, 2]


def test_five_columns_say_whose_points_they_show():
    clouds = [np.full((2, 2), float(i)) for i in range(5)]
    axes = plane.five_columns({"NAIGN": clouds}, (-9, 9)).axes
    shown = {ax.get_title(): ax.collections[-1].get_offsets()[0, 0] for ax in axes}
    assert shown == {"$p_{data}(x)$": 0, "$f(x)$": 1, "$p_Z(z)$": 2, "$f(z)$": 3, "$f(f(z))$": 4}


def test_points_fall_from_z_to_f_of_z_with_up_as_up():
    text = plane.falling([[1.0, 2.0]], [[1.5, 0.0]], [[-3.0, 1.0]], 4, "a label")
    (rest, moving) = re.findall(r'cx="(\S+)" cy="(\S+)"', text)
    assert rest == ("-300", "-100") and moving == ("100", "-200")
    assert "translate(50px, 200px)" in text and 'viewBox="-400 -200 800 400"' in text


def test_the_sheets_of_a_run_apply_f_as_often_as_they_say(monkeypatch, tmp_path):
    drawn = {}

    def sheet(rows, labels):
        drawn.update(zip(labels, rows, strict=True))
        return SimpleNamespace(savefig=lambda *_, **__: None)

    half = nn.Module()
    half.forward = lambda x: x / 2
    monkeypatch.setattr(sheets, "sheet", sheet)
    data = Digits().load()
    sheets.of_run(records.Run({}, {}, {}, {}, half, StandardNormal(data.shape)), data, tmp_path)
    assert torch.equal(drawn["f(f(z))"], drawn["f(z)"] / 2) and torch.equal(drawn["f(x)"], drawn["x"] / 2)
    for name in ("blur", "noise", "salt and pepper", "lines"):
        assert torch.equal(drawn[f"{name}: f(x')"], drawn[name] / 2)
        assert torch.equal(drawn[f"{name}: f(f(x'))"], drawn[name] / 4)
