"""The record of chapter 5: how well networks on digits tell what is no digit."""

from __future__ import annotations

import json
import time
from pathlib import Path

import torch

from naign.base import files
from naign.evaluate import outsiders
from naign.study import plan, records
from naign.study.provenance import provenance


def path(profile: str) -> Path:
    """Where the record of a profile lies."""
    return records.records_root() / f"ood-{profile}.json"


def measure(profile: str) -> dict:
    """`naign.evaluate.outsiders.measure` of the plan's detectors, trained now where their weights are not at hand."""
    rows = plan.detectors(profile)
    models = {row.label: row.load(profile, weights=True)[0].f for row in rows}
    return outsiders.measure(models, rows[0].experiment(profile).data.load()) | {"profile": profile}


def record(profile: str) -> Path:
    """Measure and write, with where and when."""
    began = time.monotonic()
    result = measure(profile)
    result["provenance"] = provenance(torch.device("cpu"), time.monotonic() - began)
    files.write_json(path(profile), result)
    return path(profile)


def load_or_measure(profile: str) -> dict:
    """The record of a profile, else what is measured now."""
    return json.loads(path(profile).read_text()) if path(profile).exists() else measure(profile)
