"""The record of how well networks tell what is no digit."""

import torch
from torch import nn

from naign.data.samples import TensorData
from naign.evaluate import outsiders as measures
from naign.study import outsiders, plan, records


def test_a_recorded_measurement_is_read_and_another_is_made(monkeypatch, tmp_path):
    monkeypatch.setattr(records, "records_root", lambda: tmp_path)
    x = torch.rand(60, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = measures.measure({"blind": nn.Identity()}, TensorData(x[:30], test=TensorData(x[30:])))
    asked = []
    monkeypatch.setattr(
        measures, "measure", lambda models, data, others: asked.append((set(models), data.shape)) or found
    )

    def load(row, profile, weights):
        assert weights
        return [records.Run({}, {}, {}, {})]

    monkeypatch.setattr(plan.Row, "load", load)
    fresh = outsiders.load_or_measure("quick")
    assert fresh == found | {"profile": "quick", "others": {}} and "provenance" not in fresh
    assert outsiders.record("quick") == tmp_path / "ood-quick.json"
    assert asked == [({"NAIGN", "NAIGN-", "IGN", "balanced", "field", "DAE", "autoencoder"}, (1, 32, 32))] * 2
    again = outsiders.load_or_measure("quick")
    assert len(asked) == 2
    assert again["auroc"] == fresh["auroc"] and again["profile"] == "quick"
    assert {"commit", "device", "seconds"} <= again["provenance"].keys()
