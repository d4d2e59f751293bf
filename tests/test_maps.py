"""Figures of points and fields draw what they are given, in the plane and on the line."""

import numpy as np
import pytest

from naign import frontiers, maps, tables, toys


def test_pulls_are_arrows_from_images_to_data():
    fz, x = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 2.0]]), np.array([[5.0, 5.0], [6.0, 5.0]])
    (ax,) = frontiers.pulls([("nearest", fz, x, [(0, 1), (2, 0)])]).axes
    arrows = [(tuple(a.xyann), tuple(a.xy)) for a in ax.texts]
    assert arrows == [((0, 0), (6, 5)), ((2, 2), (5, 5))]
    data, pulled, left = (c.get_offsets().tolist() for c in ax.collections)
    assert data == x.tolist() and pulled == [[0, 0], [2, 2]] and left == [[1, 0]]


def test_the_frontier_has_a_mark_a_run_for_one_and_two_applications():
    points = {"balanced": [[(0.01, 0.8), (0.02, 0.9)], [(0.03, 0.7), (0.04, 0.6)]], "of my own": [[(1, 0.5), (2, 0.4)]]}
    once, twice = frontiers.frontier(points, (0.001, 0.98)).axes
    assert once.collections[0].get_offsets().tolist() == [[0.01, 0.8], [0.03, 0.7]]
    assert twice.collections[1].get_offsets().tolist() == [[2, 0.4]]
    assert once.get_xscale() == "log" and [t.get_text() for t in twice.get_legend().texts] == list(points)


def test_kept_has_a_curve_a_method_from_all_draws_to_few():
    curves = {"balanced": ([1.0, 0.5], [0.8, 0.9], [0.01, 0.02]), "of my own": ([1.0, 0.5], [0.1, 0.2], [1, 2])}
    quality, shares = frontiers.kept(curves, 0.99).axes
    assert quality.lines[0].get_ydata().tolist() == [0.8, 0.9] and shares.lines[1].get_ydata().tolist() == [1, 2]
    assert quality.get_xlim() == (1.0, 0.5)


def test_f_on_the_line_is_a_curve_beside_the_diagonal():
    z = np.linspace(-3, 4, 5)[:, None]
    (ax,) = frontiers.curve_of_f({"naign": (z, 2 * z)}, toys.trimodal()).axes
    curve, diagonal = ax.lines
    assert curve.get_ydata().tolist() == (2 * z[:, 0]).tolist()
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [-3, 4]
    assert len(ax.patches) == 6  # a band each way for each mode


@pytest.mark.parametrize("sides", [1, 2])
def test_heat_and_arrows_in_the_plane_and_on_the_line(sides):
    limits, n = [(-1.0, 1.0)] * sides, 4
    values = np.arange(n**sides, dtype=float)
    manifold = np.zeros((3, sides))
    axes = maps.heat([("NAIGN", values), ("exact", values)], limits, "drift", manifold, scale=(0, 9)).axes
    if sides == 1:
        assert axes[0].lines[-1].get_xdata().tolist() == [-0.75, -0.25, 0.25, 0.75]
        assert axes[0].lines[-1].get_ydata().tolist() == values.tolist() and axes[0].get_ylim() == (0, 9)
    else:
        assert axes[0].images[0].get_array().tolist() == values.reshape(n, n).tolist()
    start = np.linspace(-1, 1, 3 * sides).reshape(3, sides)
    (ax,) = [a for a in maps.arrows([("f", start, 0.5 * start)], manifold, columns=1).axes if a.get_title()]
    assert ax.get_title() == "f" and len(ax.collections) == 3


def test_the_table_of_balance_by_hand():
    def run(kl, seconds):
        scores = {"modes": 25, "high_quality": 0.9, "reverse_kl": kl, "coverage": 0.8}
        return {"fz": scores, "ffz": scores, "data": scores, "rec": 0.01, "gap": 0.02}, {"seconds": seconds}

    lines = tables.balance_table({"balanced": [run(0.1, 100), run(0.3, 120)]}).splitlines()
    cells = [c.strip().replace("\u00a0", " ") for c in lines[2].strip("|").split("|")]
    assert cells[0] == "balanced" and cells[3] == "0.200 ± 0.141" and cells[-1] == "110 ± 14"
    assert lines[-1].startswith("| fresh data |")
    assert lines[0].count("|") == lines[2].count("|") == lines[-1].count("|")


def test_the_table_of_classes_by_hand():
    true = [0.1] * 10
    skewed = [0.2, 0.0] + [0.1] * 8
    scores = {"fld": 10.0, "coverage": 0.7, "density": 1.0}
    run = {"fz": scores, "ffz": scores, "classes": skewed, "data": {"classes": true}, "rec": 0.01, "gap": 0.02}
    cells = [c.strip() for c in tables.image_balance_table({"a": [(run, {"seconds": 9})]}).splitlines()[2].split("|")]
    assert cells[6] == f"{0.2 * np.log(2):.3f}" and cells[7] == "10.0"
