"""A small share of the campaign of `tests/bad_days.py`, with another seed."""

import random

import bad_days
import pytest

from naign.base import loop

FEW = {
    "killed at a write": 8,
    "SIGTERM at a write": 4,
    "disk full at a write": 4,
    "2 or 4 processes at one run": 2,
    "`naign record` killed in mid-training": 4,
    "2 or 4 times `naign record` at once": 2,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("area", bad_days.ATTACKS)
def test_a_bad_day_is_survived(area, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", loop.CHECKPOINT_SECONDS)  # which the attacks set
    attack, often = bad_days.ATTACKS[area]
    tried, failures = attack(FEW.get(area, often // 10), random.Random(1))
    assert tried >= 2 and not failures
