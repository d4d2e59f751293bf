"""The rows of the book's tables, and which profile is shown."""

import pytest

from naign import campaign, profiles, records
from naign.experiments import get


def test_every_row_can_be_built_and_no_run_is_asked_for_twice():
    for profile in profiles.PROFILES:
        rows = campaign.every(profile)
        names = [records.directory_name(get(r.name, profile, 0, **r.changes)) for r in rows]
        assert len(set(names)) == len(names)
        assert {r.name.partition("-")[0] for r in rows} >= {*profiles.TOYS, "mnist"}


def test_recorded_means_the_largest_profile_with_every_record(monkeypatch, tmp_path):
    monkeypatch.setattr(records, "records_root", lambda: tmp_path)

    def wanted(profile):
        return [campaign.Row("a", "grid-naign", {}, 3), campaign.Row("b", "grid-ign", {"clamp": 1.5}, 3)]

    def record(name, seed, **changes):
        (tmp_path / records.directory_name(get(name, "cpu", seed, **changes))).mkdir()

    assert campaign.resolve("recorded", wanted) == "quick"
    for seed in range(3):
        record("grid-naign", seed)
        record("grid-ign", seed)
        assert campaign.resolve("recorded", wanted) == "quick"
    for seed in range(3):
        assert campaign.resolve("recorded", wanted) == "quick"
        record("grid-ign", seed, clamp=1.5)
    assert campaign.resolve("recorded", wanted) == "cpu"
    with pytest.raises(ValueError, match="unknown profile 'big'"):
        campaign.resolve("big", wanted)
