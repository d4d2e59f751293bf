"""The record of chapter 5: how well networks on digits tell what is no digit."""

import time
from pathlib import Path

import torch

from naign.data.others import strangers
from naign.evaluate import outsiders
from naign.study import plan, records
from naign.study.provenance import provenance


def record(profile: str) -> Path:
    """Measure and write, with where and when."""
    began, result = time.monotonic(), _measure(profile)
    origin = provenance(torch.device("cpu"), time.monotonic() - began)
    return records.note(f"ood-{profile}", result | {"provenance": origin})


def load_or_measure(profile: str) -> dict:
    """The record of a profile, else `naign.evaluate.outsiders.measure` of the plan's detectors, trained if need be."""
    return records.noted(f"ood-{profile}") or _measure(profile)


def _measure(profile: str) -> dict:
    rows = plan.detectors(profile)
    models = {row.label: row.load(profile, weights=True)[0].f for row in rows}
    data = rows[0].experiment(profile).data.load()
    others = {} if profile == "quick" else strangers(data.shape[-1], outsiders.COUNT)
    found = outsiders.measure(models, data, {name: images for name, (images, _) in others.items()})
    of = {name: f"{len(images):,} of {what}" for name, (images, what) in others.items()}
    return found | {"profile": profile, "others": of}
