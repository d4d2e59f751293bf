"""Batches in, a trained f and its history out."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from naign import files
from naign.loop import Loop
from naign.methods import Method
from naign.settings import Schedule
from naign.sources import Sampler

COLLAPSED = 0.25  # spread below which f(x) is called constant


@dataclass
class Trace:
    """What a training leaves besides f.

    history : column -> list, one row for `log_every` steps, each term's mean over them
    seconds : training time, that before an interruption included
    snapshots : step -> the parameters of f after that many steps
    probes : step -> what `probe` found after that many steps, and the seconds of training until then
    """

    history: dict[str, list[float]]
    seconds: float
    snapshots: dict[int, dict[str, Tensor]]
    probes: dict[int, dict[str, float]]


def fit(
    f: nn.Module,
    source: nn.Module,
    data: Sampler,
    method: Method,
    schedule: Schedule,
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: bool = True,
    probe: Callable[[nn.Module], dict[str, float]] | None = None,
) -> Trace:
    """Train f in place.

    Parameters
    ----------
    f, source : on the device to train on
    data : anything with `sample(n, generator)`, which returns x, (n, *D)
    method : `naign.methods.NAIGN` or `IGN`
    seed : decides every draw of the loop
    checkpoint : a directory; the loop saves its state there and, if one is found,
        continues from it exactly as if it had never stopped
    probe : scores f after the steps of `schedule.probes`; its time is not training time

    Raises
    ------
    NonFiniteLoss
        If a term becomes NaN or infinite. f is put back to the last good state.
    KeyboardInterrupt
        On Ctrl-C, after saving the state to `checkpoint`.

    Warns
    -----
    UserWarning
        If f ends up nearly constant: idempotence alone is content with that.
    """
    if checkpoint:
        files.writable_directory(checkpoint)
    loop = Loop(f, source, data, method, schedule, seed, checkpoint, probe)
    loop.resume()
    try:
        loop.run(progress)
    except KeyboardInterrupt:
        loop.rewind()
        if checkpoint:
            loop.save(checkpoint)
            print(f"\nstopped after step {loop.step} of {schedule.steps}; the same call continues.", file=sys.stderr)
        raise
    spread = loop.history.get("spread", [1.0])[-1]
    if spread < COLLAPSED and schedule.batch_size > 1:
        warnings.warn(
            f"f is nearly constant, its outputs vary {spread:.2f} times as much as the data: "
            "lower w_idem, or train longer on reconstruction first (warm_start).",
            stacklevel=2,
        )
    return Trace(loop.history, loop.seconds(), loop.snapshots, loop.probes)
