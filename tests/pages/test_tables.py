"""Tables say what the numbers are."""

import ast
from pathlib import Path

import jupytext
import numpy as np
import pandas as pd
from IPython.display import Markdown

from naign.data.corruptions import CORRUPTIONS
from naign.evaluate import shares
from naign.pages import columns, tables
from naign.study import plan, table
from naign.study.plan import PAPERS
from naign.study.records import Run
from naign.study.table import tidy

BOOK = Path(__file__).resolve().parent.parent.parent / "book"


def made(groups, seconds=(1.0, 1.0)):
    """Runs of some metrics, by label."""

    def run(seed, metrics):
        return Run({"name": "a-b", "data": "a", "method": "b", "seed": seed}, {}, metrics, {"seconds": seconds[seed]})

    return {label: [run(seed, m) for seed, m in enumerate(some)] for label, some in groups.items()}


def frame(groups, seconds=(1.0, 1.0)):
    """Their tidy table."""
    return tidy(made(groups, seconds))


def shown(chapter, name, before=0, **given):
    """The table called `name` that a cell of a chapter, and so many before it, make of what is given."""
    cells = [c for c in jupytext.read(BOOK / f"{chapter}.md").cells if c.cell_type == "code"]
    (at,) = (i for i, c in enumerate(cells) if c.metadata.get("mystnb", {}).get("figure", {}).get("name") == name)
    *body, last = ast.parse("\n".join(c.source for c in cells[at - before : at + 1])).body
    names = {"np": np, "columns": columns, "plan": plan, "shares": shares, "table": table, "tables": tables}
    names |= {"Markdown": Markdown, **given}
    exec(compile(ast.Module(body, []), chapter, "exec"), names)
    return eval(compile(ast.Expression(last.value), chapter, "eval"), names).data


def cells(text):
    """Lines of cells, spaces plain; without the line under the head."""
    lines = [[c.strip().replace("\u00a0", " ") for c in line.split("|")[1:-1]] for line in text.splitlines()]
    assert len({len(line) for line in lines}) == 1
    return [lines[0], *lines[2:]]


def test_mean_and_spread_are_those_of_numpy():
    assert tables.mean_spread([1, 3], 2) == "2.00\u00a0±\u00a01.41"
    assert tables.mean_spread([0.5]) == "0.500"


def test_what_a_run_lacks_counts_for_nothing():
    assert tables.mean_spread([1, np.nan, 3], 2) == tables.mean_spread([1, 3], 2)
    assert tables.mean_spread([np.nan, 0.5]) == "0.500"
    assert tables.mean_spread([np.nan]) == ""


def test_a_table_is_markdown():
    assert tables.table(["a", "b"], [[1, "x"]]).splitlines() == ["| a | b |", "| --- | --- |", "| 1 | x |"]


def test_the_score_table_has_each_method_twice_and_fresh_data():
    scores = {"modes": 3, "high_quality": 0.5, "reverse_kl": 0.1, "coverage": 0.9, "density": 1.0}
    metrics = [{"fz": scores, "ffz": scores | {"modes": 2}, "data": scores, "rec": 0.1, "gap": 0.2}]
    head, *lines = cells(tables.score_table(frame({"NAIGN": metrics, "IGN": metrics})))
    assert [line[0] for line in lines] == [
        *("NAIGN (1): f(z)", "NAIGN (1): f(f(z))", "IGN (1): f(z)", "IGN (1): f(f(z))", "fresh data"),
    ]
    modes, rec = head.index("modes hit ↑"), head.index("rec ↓")
    assert [line[modes] for line in lines] == ["3.0", "2.0", "3.0", "2.0", "3.0"]
    assert [line[rec] for line in lines] == ["0.100", "", "0.100", "", "0"]
    assert "W1 ↓" not in head  # not on the plane


def image_metrics(fld):
    scores = {"fld": fld, "coverage": 0.5, "density": 0.6, "pixel_coverage": 0.7, "pixel_density": 0.8}
    fixed = {"once": 0.1, "twice": 0.2, "damaged": 0.9, "literal": 0.3, "changed": 0.04, "changed_damaged": 0.05}
    repairs = {name: fixed | {"once": 0.1 * i} for i, name in enumerate(sorted(CORRUPTIONS))}  # as JSON sorts them
    floor = {"train": scores | {"fld": 0.9}, "halves": 0.5}
    return {"fz": scores, "ffz": scores, "data": floor, "restoration": repairs, "rec": 0.01, "gap": 0.02}


NAMES = [f"{m}{end}" for end in ("", PAPERS) for m in ("NAIGN", "IGN")]
IMAGES = frame({name: [image_metrics(50.0 if "NAIGN" in name else 100.0)] * 2 for name in NAMES})


def test_the_table_of_generation_stands_beside_the_papers_in_the_same_order():
    head, *lines = cells(shown("03-mnist", "tab-mnist-generation", before=1, frame=IMAGES))
    ratio = head.index("FLD / IGN's")
    assert [line[ratio] for line in lines[:8]] == ["0.50"] * 2 + ["1.00"] * 2 + ["0.50"] * 2 + ["1.00"] * 2
    assert [line[1] for line in lines[8:10]] == ["0.9", "0.5"]
    paper = {line[0]: line[1:] for line in lines[10:]}
    assert paper["*the paper: NAIGN: f(z)*"] == ["279 ± 40", "0.58 ± 0.01", "0.52 ± 0.02", "", "", "0.78"]
    assert paper["*the paper: NAIGN: f(f(z))*"][-1] == "0.56"


def test_the_table_of_restoration_stands_beside_the_papers_in_the_same_order():
    head, *lines = cells(tables.restoration_table(IMAGES))
    assert head[1:] == list(CORRUPTIONS) == ["blur", "noise", "salt and pepper", "lines"]
    assert [v.split()[0] for v in lines[0][1:]] == ["0.000", "0.200", "0.300", "0.100"]
    assert lines[4] == ["nothing done", *["0.900"] * 4]
    assert lines[6] == ["*the paper: NAIGN*", "0.15 ± 0.01", "0.21 ± 0.03", "0.22 ± 0.03", "0.11 ± 0.00"]
    assert "nothing done" not in tables.restoration_table(IMAGES, "literal")
    assert cells(tables.restoration_table(IMAGES, "changed"))[5] == ["nothing done", *["0.050"] * 4]
    assert tables.summary(IMAGES, columns.CHOICES).count("\n") == 1 + len(NAMES)


def test_the_line_on_images_counts_every_run_once():
    p = {"norm": "group", "width": 16, "steps": 600, "batch_size": 64, "lr": 0.002, "decay": "cosine"}
    origin = {"seconds": 90.0, "device": "a machine", "threads": 1}
    runs = [
        Run({"profile": "cpu", "data": "mnist", "seed": s, "parameters": p | more}, {}, {}, origin)
        for s, more in ((0, {}), (1, {}), (0, {}), (0, {"norm": "batch", "steps": 3000}))
    ]
    line = tables.provenance_line(runs)
    assert "3 runs (seeds 0, 1) of 600 or 3,000 steps" in line
    assert "4 minutes" in line


def test_the_table_of_balance_by_hand():
    def metrics(kl):
        scores = {"modes": 25, "high_quality": 0.9, "reverse_kl": kl, "coverage": 0.8}
        return {"fz": scores, "ffz": scores, "data": scores, "rec": 0.01, "gap": 0.02}

    found = tables.balance_table(frame({"balanced": [metrics(0.1), metrics(0.3)]}, (100, 120)))
    (_, once, fresh), (_, twice, also) = map(cells, found.split("\n\n"))
    assert once[0] == twice[0] == "balanced (2)" and once[3] == "0.200 ± 0.141" and twice[-1] == "110 ± 14"
    assert fresh == ["fresh data", "25.0", "0.900", "0.100", "0.80"]
    assert also == ["fresh data", "0.900", "0.100", "0", "0", ""]


def test_the_table_of_classes_by_hand():
    true = [0.1] * 10
    skewed = [0.2, 0.0] + [0.1] * 8
    scores = {"fld": 10.0, "coverage": 0.7, "density": 1.0}
    run = {"fz": scores, "ffz": scores, "classes": skewed, "data": {"classes": true}, "rec": 0.01, "gap": 0.02}
    found = shown("appendix-matchings", "tab-balanced-mnist", digits=made({"a": [run]}, (9,)))
    line = cells(found.split("\n\n")[1])[1]
    assert line[1] == f"{0.2 * np.log(2):.3f}" and line[2] == "10.0"
    assert line[-1] == "9"


def test_the_text_is_told_means_and_spreads_by_name(monkeypatch):
    found = {}
    monkeypatch.setattr(tables, "glue", lambda name, value: found.update({name: value}))
    frame = pd.DataFrame({"label": ["a", "a", "b"], "score": [1.0, 3.0, 5.0]})
    tables.told(frame, {"both": ("a", "score", 1), "one": ("b", "score", 0), "none": ("c", "score", 1)})
    assert found == {"both": "2.0 ± 1.4", "one": "5", "none": ""}
    tables.told(frame, {"nowhere": ("a", "other", 1)})
    assert found["nowhere"] == ""


def test_a_value_is_glued_as_myst_glues_it(monkeypatch):
    import myst_nb

    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *given, **options: shown.append((given, options)))
    monkeypatch.setattr("myst_nb.ext.glue.ipy_display", lambda *given, **options: shown.append((given, options)))
    for value in ("0.3 ± 0.1", 7):
        tables.glue("name", value)
        myst_nb.glue("name", value, display=False)
    assert shown[0] == shown[1] != shown[2] == shown[3]
