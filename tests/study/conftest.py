"""Records and local runs of a test's own."""

import pytest

from naign.study import records


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("NAIGN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(records, "records_root", lambda: tmp_path / "records")
