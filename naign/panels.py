"""Controls beside a figure, for JupyterLab."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

if TYPE_CHECKING:
    import ipywidgets


def png(figure: Figure) -> bytes:
    """A figure as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    return buffer.getvalue()


def panel(show: Callable[..., Figure], **controls: ipywidgets.ValueWidget) -> ipywidgets.VBox:
    """The figure `show(**values)` of the controls' values, drawn again when one changes.

    An image widget rather than `ipywidgets.interact`, whose output capture can wait
    forever where a notebook runs without a front end.
    """
    import ipywidgets

    def draw() -> bytes:
        return png(show(**{name: control.value for name, control in controls.items()}))

    picture = ipywidgets.Image(value=draw(), format="png")

    def redraw(_: object) -> None:
        picture.value = draw()

    for name, control in controls.items():
        control.description = control.description or name
        control.observe(redraw, "value")
    return ipywidgets.VBox([ipywidgets.HBox(list(controls.values())), picture])
