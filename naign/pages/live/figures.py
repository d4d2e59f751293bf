"""A live figure of runs: what its scripts are given, its still, and the ways to show it."""

from __future__ import annotations

import base64
import copy
import html
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from naign.base import files
from naign.data.samples import TensorData
from naign.evaluate.clouds import each_snapshot
from naign.methods import METHODS
from naign.pages.live import contents, networks, page
from naign.study.records import Run

Runs = Run | Sequence[Run] | dict[str, Run]


@dataclass(repr=False)
class Live:
    """A figure that answers in a browser; where scripts do not run, its still.

    A notebook shows it by itself, with or without a kernel.
    """

    figure: dict  # what the script of its kind is given, with its `kind` and `name`
    payloads: dict[str, dict]  # the networks it may ask for, by key
    still: bytes  # a PNG
    text: str  # what the still shows, in a sentence

    def html(self) -> str:
        """All of it as a part of a page."""
        picture = base64.b64encode(self.still).decode()
        given = {"figure": self.figure} | {f"network='{key}'": payload for key, payload in self.payloads.items()}
        parts = [f"<script type='application/json' data-{what}>{_json(part)}</script>" for what, part in given.items()]
        still = f"<img alt='{html.escape(self.text, quote=True)}' src='data:image/png;base64,{picture}'>"
        inside = "\n".join([still, *parts])
        return f"<div class='naign-live' data-name='{self.figure['name']}'>\n{inside}\n</div>\n{page.assets()}"

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        return {"text/html": self.html(), "image/png": self.still, "text/plain": self.text}

    def save(self, path: str | Path) -> Path:
        """Write one HTML file that needs nothing else; ValueError if it ends otherwise or cannot be written."""
        path = Path(path)
        if path.suffix not in (".html", ".htm"):
            raise ValueError(f"{path} does not end in .html: a live figure is saved as a page.")
        files.writable_directory(path.parent)
        whole = (page.HERE / "page.html").read_text().replace("@TITLE@", html.escape(self.text))
        path.write_text(whole.replace("@BODY@", self.html()))
        return path


def live(runs: Runs, data: object = None, kind: str = "", name: str = "", shown: int = 2) -> Live:
    """A live figure of one or more runs with weights.

    Parameters
    ----------
    runs : of samples of one shape; as a dictionary, with the labels to show
    data : the samples they were trained on, as a toy or a data set, or (n, *D); images are shown as inputs
    kind : "line", "plane", "gallery" (new images and walks) or "repair" (damage and restoration), by default the
        first that fits the shape
    name : what the address of a page calls the figure, in small letters, digits and hyphens
    shown : so many runs are shown at first, and only their weights loaded

    Raises
    ------
    ValueError
        If a run has no weights, the runs do not belong together, or the figure does not fit them.
    """
    given = runs if isinstance(runs, dict) else _labelled([runs] if isinstance(runs, Run) else list(runs))
    shape = _checked(given)
    fitting = contents.fitting(shape)
    kind = kind or next(iter(fitting), "")
    if kind not in fitting:
        raise ValueError(
            f"kind is {kind!r} for samples of shape {shape}: give line for (1,), plane for (2,), "
            "gallery or repair for square images."
        )
    first = next(iter(given.values()))
    name = name or f"{first.config['name']}-{kind}".lower()
    if not re.fullmatch(r"[a-z0-9-]+", name):
        raise ValueError(f"name is {name!r}: give small letters, digits and hyphens.")
    payloads: dict[str, dict] = {}
    methods = [_method(label, run, payloads, kind) for label, run in given.items()]
    steps = sorted({one["step"] for method in methods for one in method["networks"]})
    some = dict(list(given.items())[:shown])
    figure = {"kind": kind, "name": name, "shown": len(some), "steps": steps, "methods": methods}
    data = TensorData(data) if isinstance(data, Tensor) else data
    content, still, text = contents.KINDS[kind](given, some, data, payloads)
    still.savefig(picture := io.BytesIO(), facecolor="white", bbox_inches="tight")
    return Live(figure | content, payloads, picture.getvalue(), text)


def _labelled(runs: list[Run]) -> dict[str, Run]:
    labels = [METHODS[run.config["method"]].label for run in runs]
    seeds = [f"{label} {run.config['seed']}" for label, run in zip(labels, runs, strict=True)]
    found = dict(zip(labels if len(set(labels)) == len(runs) else seeds, runs, strict=True))
    if len(found) < len(runs):
        raise ValueError("two runs have one method and one seed: give a dictionary, label -> run.")
    return found


def _checked(runs: dict[str, Run]) -> tuple[int, ...]:
    """The shape of their samples."""
    if not runs:
        raise ValueError("no run is given: give one with weights, as naign.fit and naign.load return.")
    for label, run in runs.items():
        if run.f is None:
            raise ValueError(f"{label} has no weights, only its numbers were kept: train it again with naign.fit.")
        if "," in label:
            raise ValueError(f"the label {label!r} has a comma: give one without.")
    shapes = {tuple(run.config["shape"]) for run in runs.values()}
    if len(shapes) > 1:
        raise ValueError(f"the runs have samples of shapes {sorted(shapes)}: give runs of one shape.")
    return shapes.pop()


def _method(label: str, run: Run, payloads: dict[str, dict], kind: str) -> dict:
    """A run as a figure knows it; its networks go into `payloads`."""
    shape = tuple(run.config["shape"])
    moments = {run.config["parameters"]["steps"]: run.f}
    if kind in ("line", "plane"):
        moments |= {step: copy.deepcopy(f) for step, f in each_snapshot(run.f, run.snapshots)}
    keys = {step: networks.enter(payloads, f, shape, run.source) for step, f in sorted(moments.items())}
    found = [{"step": step, "network": key} for step, key in keys.items()]
    fourier = networks.source(run.source) is not None
    return {"label": label, "colour": METHODS[run.config["method"]].colour, "networks": found, "fourier": fourier}


def _json(content: object) -> str:
    """JSON that can stand in a script tag."""
    return json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")
