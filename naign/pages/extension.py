"""What the book asks of Sphinx: tables numbered as such, words for every image, and buttons that open a chapter."""

import os
from pathlib import Path
from typing import Any

from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.writers.html5 import HTML5Translator

from naign.pages.style import WIDEST


class scores(nodes.figure):  # docutils calls the visitor by this name
    """A captioned table, which a notebook's cell can only make as a figure."""


class Captioned(SphinxTransform):
    """Turn figures with a table inside into `scores`; an image without alternative text takes its caption's."""

    default_priority = 500

    def apply(self, **_: Any) -> None:
        for figure in list(self.document.findall(nodes.figure)):
            for image in figure.findall(nodes.image):
                if not image.get("alt"):
                    image["alt"] = "".join(caption.astext() for caption in figure.findall(nodes.caption))
                if inches := _inches(self.env.relfn2path(image["uri"])[1]):
                    image["width"] = f"{inches / WIDEST:.1%}"
            if next(figure.findall(nodes.table), None):
                table = scores(figure.rawsource, *figure.children, **figure.attributes)
                figure.replace_self(table)
                self.document.ids |= dict.fromkeys(table["ids"], table)
                for text in list(table.findall(nodes.Text)):  # where a table is too wide, its spreads go below
                    text.parent.replace(text, nodes.Text(text.replace("\u00a0±", " ±")))


def _inches(path: str) -> float:
    """How wide a figure of matplotlib is; 0 of another picture."""
    if not path.endswith(".png"):
        return 0
    with Image.open(path) as picture:
        return picture.width / picture.info["dpi"][0] if "dpi" in picture.info else 0


def opened(app: Sphinx, page: str, _: str, context: dict, __: Any) -> None:
    """Buttons for Binder and Colab on a chapter of a book that is published on GitHub, as $NAIGN_PUBLISHED says.

    Binder opens the text notebook of the repository, Colab the executed one that the branch gh-pages has of this book.
    """
    published = os.environ.get("NAIGN_PUBLISHED", "")
    if not published or Path(app.env.doc2path(page)).suffix != ".ipynb":
        return
    links = {
        "Binder": f"https://mybinder.org/v2/gh/{published}/HEAD?urlpath=lab/tree/book/{page}.md%3Ffactory%3DNotebook",
        "Colab": f"https://colab.research.google.com/github/{published}/blob/gh-pages/_sources/{page}.ipynb",
    }
    buttons = [
        {"type": "link", "url": url, "text": name, "tooltip": f"Open in {name}", "icon": "fas fa-play"}
        for name, url in links.items()
    ]
    group = {"type": "group", "tooltip": "Open this chapter", "icon": "fas fa-rocket", "label": "launch-buttons"}
    context["header_buttons"].append(group | {"buttons": buttons})


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("html-page-context", opened, priority=502)  # the theme starts its list of buttons before
    app.add_enumerable_node(scores, "table", html=(HTML5Translator.visit_figure, HTML5Translator.depart_figure))
    app.add_transform(Captioned)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
