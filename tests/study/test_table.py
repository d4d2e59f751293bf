"""The tidy table of runs by hand, and curves of scores during training."""

import math

import numpy as np

from naign.study import table
from naign.study.records import Run


def run(seed, metrics, seconds=1.0):
    return Run({"name": "a-b", "method": "b", "seed": seed}, {}, metrics, {"seconds": seconds})


def test_a_row_a_run_and_nested_scores_by_dotted_paths():
    one = {"rec": 0.5, "fz": {"modes": 3, "pixels": {"counts": [1, 2]}}, "restoration": {"salt and pepper": {"a": 1}}}
    frame = table.tidy({"second": [run(0, one, 9.5)], "first": [run(0, {"rec": 0.1}), run(1, {"rec": 0.2, "w": []})]})
    assert frame["label"].tolist() == ["second", "first", "first"]
    assert frame["seed"].tolist() == [0, 0, 1] and frame["seconds"].tolist() == [9.5, 1.0, 1.0]
    assert frame[["name", "method"]].drop_duplicates().to_numpy().tolist() == [["a-b", "b"]]
    assert frame["rec"].tolist() == [0.5, 0.1, 0.2]
    assert frame["fz.modes"][0] == 3 and frame["restoration.salt and pepper.a"][0] == 1
    assert frame["fz.pixels.counts"][0] == [1, 2] and frame["w"][2] == []  # lists stay lists
    assert all(math.isnan(v) for v in (*frame["fz.modes"][1:], *frame["fz.pixels.counts"][1:], frame["w"][0]))


def test_a_flat_row_has_numbers_every_modes_share_and_where_it_was_trained():
    one = run(3, {"rec": 0.5, "fz": {"w1": 1.5, "shares": [0.25, 0.75]}, "levels": [1, 2]})
    one.provenance |= {"commit": "abc", "device": "a CPU", "threads": 1}
    (row,) = table.flat("label", one).to_dict("records")
    assert row.pop("fz.w1") == 1.5 and row.pop("rec") == 0.5 and row.pop("seconds") == 1.0
    assert [row.pop(f"fz.shares.{mode}") for mode in (0, 1)] == [0.25, 0.75]
    of = {"label": "label", "name": "a-b", "method": "b", "seed": 3, "commit": "abc", "device": "a CPU"}
    assert row == of  # and no list


def test_the_labels_keep_their_order_and_what_none_has_is_left_out():
    frame = table.tidy({"z": [run(0, {"a": 1.0})], "y": [run(0, {"b": [2]}), run(1, {"b": [3]})]})
    assert [(label, len(rows)) for label, rows in table.by_label(frame)] == [("z", 1), ("y", 2)]
    assert table.lists(frame, "a") == {"z": [1.0]}
    assert table.lists(frame, "b") == {"y": [[2], [3]]}


def test_curves_are_a_score_against_steps_or_seconds():
    def probed(seed, *values):
        probes = {str(100 * i): {"fz": v, "seconds": i + seed} for i, v in enumerate(values)}
        return run(seed, {"probes": probes})

    groups = {"p": [probed(0, 9, 4, 1), probed(2, 8, 6, 2)], "q": [probed(0, 7, 5)], "no probes": [run(0, {"rec": 1})]}
    found = table.curves(table.tidy(groups), "fz")
    assert list(found) == ["p", "q"]
    assert found["p"][0] == [0, 100, 200] and found["q"][0] == [0, 100]
    assert np.array_equal(found["p"][1], [[9, 4, 1], [8, 6, 2]]) and np.array_equal(found["q"][1], [[7, 5]])
    assert table.curves(table.tidy(groups), "fz", "seconds")["p"][0] == [1, 2, 3]  # the mean over runs
    long = table.tidy({"p": [run(0, {"probes": {str(s): {"fz": s} for s in (0, 900, 1000)}})]})
    assert table.curves(long, "fz")["p"][0] == [0, 900, 1000]  # in the order of numbers, not of texts


def test_a_step_that_one_run_of_a_label_lacks_is_left_out_of_its_curve():
    runs = [run(s, {"probes": {str(k): {"fz": 1.0} for k in steps}}) for s, steps in enumerate(((0, 5), (0, 6)))]
    steps, values = table.curves(table.tidy({"p": runs}), "fz")["p"]
    assert steps == [0] and values.tolist() == [[1.0], [1.0]]
