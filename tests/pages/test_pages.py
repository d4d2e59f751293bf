"""Every built page in a browser, wide and narrow, light and dark: nothing overflows, is wordless or asks outside.

The chapters are executed once in a test run, at the quick profile; NAIGN_PAGES=_build/html looks at a built
book instead.
"""

import os
import shutil
from pathlib import Path

import pytest
from chapters import executed

from naign.pages import book

ROOT = book.ROOT
KNOWN = ("THEBE_JS_URL",)  # the theme's own script, which is loaded twice
SIZES = {"wide": (1300, 900), "phone": (390, 844)}
LOOK = """(wide) => {
  const faults = [], seen = e => e.checkVisibility({visibilityProperty: true}) && e.getBoundingClientRect().width > 1
  const name = e => `${e.tagName.toLowerCase()}.${e.className} ${(e.id || e.textContent).trim().slice(0, 50)}`
  const column = document.querySelector("article.bd-article"), edge = column.getBoundingClientRect().right + 1
  const scrolls = e => ["auto", "scroll"].includes(getComputedStyle(e).overflowX)
  const within = e => { for (; e && e !== column; e = e.parentElement) if (scrolls(e)) return e }
  if (document.documentElement.scrollWidth > innerWidth) faults.push("the page scrolls sideways")
  for (const e of column.querySelectorAll("*")) {
    if (!seen(e) || e.closest(".headerlink, mjx-assistive-mml, .naign-live svg, details:not([open]) > *:not(summary)"))
      continue
    if (!within(e) && e.getBoundingClientRect().right > edge) faults.push("too wide: " + name(e))
    if (wide && scrolls(e) && e.scrollWidth > e.clientWidth + 1) faults.push("cut off: " + name(e))
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
def pages(tmp_path_factory):
    """The folder of a built book."""
    if built := os.environ.get("NAIGN_PAGES"):
        return Path(built).resolve()
    folder = tmp_path_factory.mktemp("pages")
    shutil.copytree(ROOT / "book", folder / "source")
    for page in sorted((folder / "source").glob("*.md")):
        if book.is_notebook(page):
            shutil.copy(executed(ROOT / "book" / page.name), page.with_suffix(".ipynb"))
            page.unlink()
    assert book.html(folder / "source", folder) == 0  # a reference that is not resolved is a warning, and an error
    return folder / "html"


def faults(chromium, page, size, theme):
    """What is wrong with a page."""
    width, height = SIZES[size]
    context = chromium.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    context.add_init_script(f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')")
    tab, found = context.new_page(), []
    tab.on("pageerror", lambda error: found.append(f"script: {error}"))
    tab.on("console", lambda line: line.type == "error" and found.append(f"console: {line.text}"))
    tab.on("request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or found.append(f"asked for {r.url}"))
    tab.goto(page.as_uri())
    tab.wait_for_function("!window.MathJax || !MathJax.startup || MathJax.startup.promise.then(() => true)")
    if tab.evaluate("document.documentElement.dataset.theme") != theme:
        found.append(f"the theme is not {theme}")
    found += tab.evaluate(LOOK, size == "wide")
    context.close()
    return [one for one in found if not any(known in one for known in KNOWN)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_whole(chromium, pages, size, theme):
    names = [p.stem for p in sorted((ROOT / "book").glob("*.md"))]
    found = {name: wrong for name in names if (wrong := faults(chromium, pages / f"{name}.html", size, theme))}
    assert not found, "\n".join(f"{name}: {one}" for name, wrong in found.items() for one in wrong)


def test_tables_and_figures_are_numbered_once(chromium, pages):
    tab = chromium.new_page()
    numbers = []
    for page in sorted(pages.glob("*.html")):
        tab.goto(page.as_uri())
        numbers += tab.locator("article .caption-number").all_inner_texts()
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
    broken = page.with_name("broken.html")
    text = page.read_text()
    at = text.index("<article")
    at = text.index(">", at) + 1
    broken.write_text(text[:at] + BROKEN[fault] + text[at:])
    try:
        assert any(one.startswith(fault) for one in faults(chromium, broken, "wide", "light"))
    finally:
        broken.unlink()
