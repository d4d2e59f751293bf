"""What the book asks of Sphinx: a figure that holds a table is a table, and every image has words in its place."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxTranslator


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
            if next(figure.findall(nodes.table), None):
                table = scores(figure.rawsource, *figure.children, **figure.attributes)
                figure.replace_self(table)
                self.document.ids |= dict.fromkeys(table["ids"], table)
                for text in list(table.findall(nodes.Text)):  # where a table is too wide, its spreads go below
                    text.parent.replace(text, nodes.Text(text.replace("\u00a0±", " ±")))


def _open(self: SphinxTranslator, node: nodes.Element) -> None:
    self.visit_figure(node)


def _close(self: SphinxTranslator, node: nodes.Element) -> None:
    self.depart_figure(node)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_enumerable_node(scores, "table", html=(_open, _close))
    app.add_transform(Captioned)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
