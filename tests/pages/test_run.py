"""The strict papermill wrapper: refusals before a kernel starts, parameters that arrive."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jupytext
import pytest
from chapters import NOTEBOOK

from naign.base import files
from naign.pages import book


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "chapter.md"
    path.write_text(NOTEBOOK)
    return path


def test_parameters_arrive_typed(notebook, tmp_path):
    book.run(notebook, tmp_path / "out.ipynb", {"profile": "quick", "seed": "41", "share": 2})
    cells = jupytext.read(tmp_path / "out.ipynb").cells
    assert cells[-1].outputs[0].text == "quick 42 4.0\n"
    assert not (tmp_path / "out.source.ipynb").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sede": 1}, "has no parameter 'sede': it knows profile, seed, share"),
        ({"seed": "one"}, "seed is 'one': give a valid integer"),
        ({"seed": 1.5}, "seed is 1.5: give a valid integer"),
        ({"share": "inf"}, "share is 'inf': give a finite number"),
        ({"profile": "quik"}, "unknown profile 'quik': choose one of recorded, quick, cpu, paper."),
    ],
)
def test_unknown_and_ill_typed_parameters_are_refused_before_a_kernel_starts(
    notebook, tmp_path, monkeypatch, given, words
):
    import papermill

    monkeypatch.setattr(papermill, "execute_notebook", lambda *a, **k: pytest.fail("a kernel was started"))
    with pytest.raises(ValueError, match=words):
        book.run(notebook, tmp_path / "out.ipynb", given)
    assert not (tmp_path / "out.ipynb").exists()


def test_a_failing_cell_fails_and_leaves_the_partial_notebook(notebook, tmp_path):
    notebook.write_text(NOTEBOOK.replace("print(profile", "1 / 0\nprint(profile"))
    with pytest.raises(ValueError, match="ZeroDivisionError: division by zero .partial notebook"):
        book.run(notebook, tmp_path / "out.ipynb")
    assert not (tmp_path / "out.ipynb").exists()
    assert "ZeroDivisionError" in (tmp_path / "out.failed.ipynb").read_text()


def test_what_is_there_already_stays(notebook, tmp_path):
    for name in ("out.ipynb", "o.source.ipynb"):
        (tmp_path / name).write_text("mine")
    with pytest.raises(ValueError, match="out.ipynb exists already: choose another name or remove it"):
        book.run(notebook, tmp_path / "out.ipynb")
    book.run(notebook, tmp_path / "o.ipynb")
    assert (tmp_path / "out.ipynb").read_text() == (tmp_path / "o.source.ipynb").read_text() == "mine"


@pytest.mark.parametrize("cell", ["seed = 0", "seed: int = 1 +", "seed: list = []", "print(1)", "seed: int = len('a')"])
def test_a_cell_of_parameters_that_cannot_be_read_is_refused(notebook, tmp_path, cell):
    notebook.write_text(NOTEBOOK.replace("seed: int = 0", cell))
    with pytest.raises(ValueError, match="has a cell of parameters that cannot be read .*write lines like") as error:
        book.run(notebook, tmp_path / "out.ipynb")
    assert "\n" not in str(error.value)


def test_a_kernel_that_dies_is_one_sentence(notebook, tmp_path):
    notebook.write_text(NOTEBOOK.replace("print(profile", "import os; os._exit(1)\nprint(profile"))
    with pytest.raises(ValueError, match="could not be executed .*kernel") as error:
        book.run(notebook, tmp_path / "out.ipynb")
    assert "\n" not in str(error.value) and not (tmp_path / "out.ipynb").exists()


def test_missing_notebooks_and_odd_outputs_are_refused(notebook, tmp_path):
    for page in (tmp_path / "no.md", book.ROOT / "README.md", tmp_path):
        with pytest.raises(ValueError, match="is no text notebook: give one such as"):
            book.run(page, tmp_path / "out.ipynb")
    with pytest.raises(ValueError, match="must end in .ipynb"):
        book.run(notebook, tmp_path / "out.html")


def elsewhere(monkeypatch, root):
    monkeypatch.setattr(book, "ROOT", root)
    monkeypatch.setattr(book, "BUILT", root / "_build")
    monkeypatch.setattr(files, "PACKAGE", root / "naign")


def test_the_stamp_of_a_chapter_depends_on_what_it_reads(tmp_path, monkeypatch):
    elsewhere(monkeypatch, tmp_path)
    for name in ("naign/a.py", "data/records/r/metrics.json", "constraints.txt", "book/01.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    first = book.stamp(tmp_path / "book/01.md", "quick")
    assert book.stamp(tmp_path / "book/01.md", "quick") == first
    assert book.stamp(tmp_path / "book/01.md", "cpu") != first
    for name in ("naign/a.py", "data/records/r/metrics.json", "constraints.txt", "book/01.md"):
        (tmp_path / name).write_text("2")
        assert book.stamp(tmp_path / "book/01.md", "quick") != first
        (tmp_path / name).write_text("1")
    assert book.stamp(tmp_path / "book/01.md", "quick") == first


def test_the_book_executes_what_changed_only_and_clears_what_is_gone(tmp_path, monkeypatch):
    elsewhere(monkeypatch, tmp_path)
    for name in ("naign/a.py", "constraints.txt", "book/_toc.yml", "book/plain.md", "_config.yml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    for name in ("one.md", "two.md"):
        (tmp_path / "book" / name).write_text("---\nkernelspec: {}\n---\n\n```{code-cell} ipython3\n```\n")
    failing = []

    def run(page, output, parameters):  # in a process of its own
        with open(tmp_path / "log", "a") as log:
            log.write(f"{page.name}\n")
        if page.name in failing:
            raise ValueError("a cell failed")
        output.write_text(page.read_text())

    monkeypatch.setattr(book, "run", run)
    monkeypatch.setattr(book, "html", lambda *_: 0)

    def executed():
        names = sorted((tmp_path / "log").read_text().split()) if (tmp_path / "log").exists() else []
        (tmp_path / "log").unlink(missing_ok=True)
        return names

    assert book.build() == 0
    assert executed() == ["one.md", "two.md"]
    book.build()
    assert executed() == []
    (tmp_path / "book" / "two.md").write_text((tmp_path / "book" / "two.md").read_text() + "changed")
    (tmp_path / "book" / "plain.md").unlink()
    book.build()
    assert executed() == ["two.md"]
    (tmp_path / "naign" / "a.py").write_text("2")
    book.build()
    assert executed() == ["one.md", "two.md"]
    assert {p.name for p in (tmp_path / "_build" / "src").iterdir()} == {"one.ipynb", "two.ipynb", "_toc.yml"}
    # A chapter that fails and is taken back is executed again: what it left behind is not taken for it.
    failing.append("one.md")
    good = (tmp_path / "book" / "one.md").read_text()
    (tmp_path / "book" / "one.md").write_text(good + "1 / 0")
    with pytest.raises(ValueError, match="a cell failed"):
        book.build()
    (tmp_path / "book" / "one.md").write_text(good)
    failing.clear()
    book.build()
    assert executed() == ["one.md", "one.md"]
    assert (tmp_path / "_build" / "src" / "one.ipynb").read_text() == good


@pytest.mark.skipif((os.cpu_count() or 1) < 2 or not os.path.isdir("/proc/self"), reason="two cores, and /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_book_that_is_ended_takes_its_chapters_with_it(tmp_path, number):
    (tmp_path / "naign").mkdir()
    (tmp_path / "book").mkdir()
    (tmp_path / "constraints.txt").write_text("")
    for name in ("one", "two"):
        text = NOTEBOOK.replace("print(profile", f"import os, time; open('{name}.pid', 'w').write(str(os.getpid()))\n")
        (tmp_path / "book" / f"{name}.md").write_text(text.replace(", seed + 1, share * 2)", "time.sleep(100)"))
    code = (
        "from pathlib import Path; from naign.base import files; from naign.pages import book, command; "
        f"book.ROOT = Path({str(tmp_path)!r}); book.BUILT = book.ROOT / '_build'; files.PACKAGE = book.ROOT / 'naign'; "
        "import sys; sys.exit(command.main(['book']))"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    pids = [tmp_path / f"{name}.pid" for name in ("one", "two")]
    deadline = time.monotonic() + 120
    while not all(p.exists() and p.read_text() for p in pids):
        assert time.monotonic() < deadline and process.poll() is None, "the chapters do not run side by side"
        time.sleep(0.1)
    process.send_signal(number)
    assert process.wait(60) == (143 if number == signal.SIGTERM else -number)
    while any(Path(f"/proc/{p.read_text()}").exists() for p in pids):
        assert time.monotonic() < deadline, "a kernel lives"
        time.sleep(0.1)
