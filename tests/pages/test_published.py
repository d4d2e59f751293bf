"""A published book has buttons that open its chapters elsewhere, and notebooks that can be run there."""

from types import SimpleNamespace

import nbformat
import pytest

from naign.pages import book, extension

NAME = "someone/naign"


def buttons(page):
    """Those of a page, by what they say."""
    app, context = SimpleNamespace(env=SimpleNamespace(doc2path=lambda _: page)), {"header_buttons": []}
    extension.opened(app, page.partition(".")[0], "page.html", context, None)
    return {button["text"]: button["url"] for group in context["header_buttons"] for button in group["buttons"]}


def test_a_chapter_of_a_published_book_opens_on_binder_and_colab(monkeypatch):
    monkeypatch.setenv("NAIGN_PUBLISHED", NAME)
    found = buttons("02-modes.ipynb")
    assert found["Binder"].startswith(f"https://mybinder.org/v2/gh/{NAME}/HEAD?urlpath=lab/tree/book/02-modes.md")
    assert found["Colab"].endswith(f"/github/{NAME}/blob/gh-pages/_sources/02-modes.ipynb")
    assert (book.ROOT / "book" / "02-modes.md").exists() and (book.ROOT / "environment.yml").exists()
    assert buttons("rerun.md") == {}  # no notebook
    monkeypatch.delenv("NAIGN_PUBLISHED")
    assert buttons("02-modes.ipynb") == {}


@pytest.mark.parametrize("name", [NAME, ""])
def test_its_notebooks_begin_by_fetching_what_they_need(monkeypatch, tmp_path, name):
    monkeypatch.setenv("NAIGN_PUBLISHED", name)
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")]), tmp_path / "a.ipynb")
    book._fetching(tmp_path)
    *first, last = nbformat.read(tmp_path / "a.ipynb", as_version=4).cells
    assert last.source == "1 + 1" and len(first) == bool(name)
    assert all(f"https://github.com/{NAME} " in cell.source and "-e .[book]" in cell.source for cell in first)
