"""Every chapter runs at the quick profile, by nbval, and keeps the book's rules."""

import re
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest
import yaml
from chapters import CHAPTERS, PAGES, executed

ROOT = Path(__file__).resolve().parent.parent.parent
DRAWN = ("curves.", "plane.", "sheets.", "naign.live(")


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda p: p.stem)
def test_chapter_runs_from_scratch_at_the_quick_profile(page):
    for cell in jupytext.read(executed(page)).cells:
        if "figure" in cell.metadata.get("mystnb", {}):
            kinds = {kind for out in cell.outputs for kind in out.get("data", {})}
            assert kinds & {"image/png", "text/markdown"}, cell.source


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda p: p.stem)
def test_cells_are_short_and_every_picture_has_a_caption_and_a_name(page):
    cells = jupytext.read(page).cells
    code = [c for c in cells if c.cell_type == "code"]
    assert max(len(c.source.splitlines()) for c in code) <= 20
    assert [line for c in code for line in c.source.splitlines() if len(line) > 80] == []
    whole = re.findall(r"^```\{code-cell\}.*?^```$", page.read_text(), re.M | re.S)  # with the lines on its figure
    assert len(whole) == len(code) and [x for c in whole for x in c.splitlines() if len(x) > 88] == []
    for cell in code:
        last = cell.source.splitlines()[-1]
        if last.startswith(DRAWN) and not last.startswith("sheets.panel"):
            figure = cell.metadata["mystnb"]["figure"]
            assert len(figure["caption"]) > 20, cell.source
            assert figure["name"].startswith(("fig-", "tab-")), cell.source


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda p: p.stem)
def test_plumbing_is_folded(page):
    first = next(c for c in jupytext.read(page).cells if c.cell_type == "code")
    assert "remove-cell" in first.metadata["tags"]


def test_every_chapter_shows_pictures():
    for page in CHAPTERS:
        if page.stem[0].isdigit():
            last = [c.source.splitlines()[-1] for c in jupytext.read(page).cells if c.cell_type == "code"]
            wanted = 1 if page.stem == "00-one-page" else 3
            assert sum(line.startswith(DRAWN) for line in last) >= wanted, page


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda p: p.stem)
def test_notebook_code_passes_ruff(page):
    code = jupytext.writes(jupytext.read(page), "py:percent")
    rules = ["--ignore", "B018,E402,E501,ANN", "--stdin-filename", "chapter.py", "-"]
    command = [sys.executable, "-m", "ruff", "check", "-q", *rules]
    result = subprocess.run(command, input=code, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stdout


def test_every_page_is_in_the_table_of_contents():
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
    chapters = [chapter for part in toc["parts"] for chapter in part["chapters"]]
    named = [toc["root"], *(c["file"] for c in chapters if "file" in c)]
    found = [p.stem for c in chapters if "glob" in c for p in (ROOT / "book").glob(f"{c['glob']}.md")]
    assert sorted(named + found) == [p.stem for p in PAGES]  # each once


def test_chapters_open_with_a_question_and_end_with_a_recap():
    for page in CHAPTERS:
        if page.stem[0].isdigit():
            text = page.read_text()
            assert "} Question\n" in text[:1500], page
            assert text.rindex("\n## ") == text.index("\n## Recap"), page


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda p: p.stem)
def test_the_text_is_told_each_number_that_it_names(page):
    named = set(re.findall(r"{glue:text}`([^`:]+)[^`]*`", page.read_text()))
    outputs = [out for cell in jupytext.read(executed(page)).cells for out in cell.get("outputs", [])]
    assert {out.metadata["scrapbook"]["name"] for out in outputs if "scrapbook" in out.get("metadata", {})} == named
