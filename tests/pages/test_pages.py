"""Every built page in a browser, wide and narrow, light and dark: nothing overflows, is wordless or asks outside.

The chapters are executed once in a test run, at the quick profile; NAIGN_PAGES=_build/html looks at a built
book instead.
"""

import os
import re
import shutil
from pathlib import Path

import pytest
from chapters import BUILT, CHAPTERS, PAGES, executed
from filelock import FileLock

from naign.pages import book

ROOT = book.ROOT
KNOWN = ("THEBE_JS_URL",)  # the theme's own script, which is loaded twice
THEME = "document.documentElement.dataset.theme"
SIZES = {"wide": (1300, 900), "phone": (390, 844)}
LOOK = """(wide) => {
  const ELSEWHERE = ".headerlink, mjx-assistive-mml, .naign-live svg, details:not([open]) > *:not(summary)"
  const faults = [], seen = e => e.checkVisibility({visibilityProperty: true}) && e.getBoundingClientRect().width > 1
  const name = e => `${e.tagName.toLowerCase()}.${e.className} ${(e.id || e.textContent).trim().slice(0, 50)}`
  const column = document.querySelector("article.bd-article"), edge = column.getBoundingClientRect().right + 1
  const scrolls = e => ["auto", "scroll"].includes(getComputedStyle(e).overflowX)
  const within = e => { for (; e && e !== column; e = e.parentElement) if (scrolls(e)) return e }
  if (document.documentElement.scrollWidth > innerWidth) faults.push("the page scrolls sideways")
  for (const e of column.querySelectorAll("*")) {
    const over = e.getBoundingClientRect().right > edge, more = wide && e.scrollWidth > e.clientWidth + 1
    if (!over && !more || !seen(e) || e.closest(ELSEWHERE)) continue
    if (over && !within(e)) faults.push("too wide: " + name(e))
    if (more && scrolls(e)) faults.push("cut off: " + name(e))
  }
  for (const e of document.querySelectorAll("article img"))
    if ((e.alt || "").length < 20 || /\\.(png|svg)$/.test(e.alt)) faults.push("no alternative text: " + e.src)
  for (const e of document.querySelectorAll("article figure:not(.naign-live figure)")) {
    const kind = e.querySelector("table:not(.naign-live table)") ? "Table " : "Fig. "
    const said = e.querySelector(".caption-number")
    if (!said || !said.textContent.startsWith(kind)) faults.push(`not numbered as ${kind}: ${e.id}`)
  }
  for (const e of document.querySelectorAll(".xref.std-numref, .xref.std-ref, .problematic, .system-message"))
    faults.push("not resolved: " + name(e))
  return faults
}"""


@pytest.fixture(scope="module")
def pages():
    """The folder of a built book, built by whoever asks first in this test run."""
    if built := os.environ.get("NAIGN_PAGES"):
        return Path(built).resolve()
    made = {page: executed(page) for page in CHAPTERS}
    with FileLock(BUILT / "pages.lock"):
        if not (BUILT / "html").exists():
            source = BUILT / "source"
            shutil.copytree(ROOT / "book", source, ignore=shutil.ignore_patterns(*(page.name for page in made)))
            for notebook in made.values():
                shutil.copy(notebook, source)
            assert book.html(source, BUILT) == 0  # a reference that is not resolved is a warning, and an error
    return BUILT / "html"


def faults(chromium, page, size):
    """What is wrong with a page as it is loaded, wide in the light and narrow in the dark, and once that is changed."""
    width, height = SIZES[size]
    themes = ["light", "dark"] if size == "wide" else ["dark", "light"]
    context = chromium.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    context.add_init_script(f"localStorage.mode = localStorage.theme = '{themes[0]}'")
    tab, found = context.new_page(), []
    tab.on("pageerror", lambda error: found.append(f"script: {error}"))
    tab.on("console", lambda line: line.type == "error" and found.append(f"console: {line.text}"))
    tab.on("request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or found.append(f"asked for {r.url}"))
    tab.goto(page.as_uri())
    tab.wait_for_function("!window.MathJax || !MathJax.startup || MathJax.startup.promise.then(() => true)")
    for theme in themes:
        if tab.evaluate(THEME) != theme:
            found.append(f"the theme is not {theme}")
        found += tab.evaluate(LOOK, size == "wide")
        for _ in range(3):  # the button goes through light, dark and as the machine has it
            if tab.evaluate(THEME) != themes[1]:
                tab.evaluate("document.querySelector('button.theme-switch-button').click()")
    context.close()
    return [one for one in found if not any(known in one for known in KNOWN)]


@pytest.mark.parametrize("size", SIZES)
def test_pages_are_whole(chromium, pages, size):
    names = [page.stem for page in PAGES]
    found = {name: wrong for name in names if (wrong := faults(chromium, pages / f"{name}.html", size))}
    assert not found, "\n".join(f"{name}: {one}" for name, wrong in found.items() for one in wrong)


def test_tables_and_figures_are_numbered_once(pages):
    texts = [(pages / f"{p.stem}.html").read_text() for p in PAGES]
    numbers = [number for text in texts for number in re.findall(r'class="caption-number">([^<]+)<', text)]
    assert len(numbers) == len(set(numbers)) > 100


BROKEN = {
    "too wide": "<p style='width: 3000px'>x</p>",
    "no alternative text": "<img src='data:,' alt='a.png'>",
    "not numbered as Table": "<figure id='t'><table></table><figcaption><span class='caption-number'>Fig. 1</span>",
    "not resolved": "<code class='xref std std-numref'>tab-none</code>",
    "cut off": "<div style='overflow-x: auto'><pre style='width: 3000px'>x</pre></div>",
    "console": "<script>console.error('!')</script>",
    "asked for": "<img src='http://127.0.0.1:9/a.png' alt='a picture from somewhere else'>",
    "script": "<script>nothing()</script>",
}


@pytest.mark.parametrize("fault", BROKEN)
def test_the_check_finds_what_is_broken(chromium, pages, fault):
    page = pages / "rerun.html"
    broken = page.with_name(f"broken-{os.getpid()}.html")
    text = page.read_text()
    at = text.index("<article")
    at = text.index(">", at) + 1
    broken.write_text(text[:at] + BROKEN[fault] + text[at:])
    try:
        assert any(one.startswith(fault) for one in faults(chromium, broken, "wide"))
    finally:
        broken.unlink()
