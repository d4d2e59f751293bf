"""Clouds and mean terms of maps that are known."""

import numpy as np
import pytest
import torch
from torch import nn

from naign.data import toys
from naign.evaluate.clouds import at_snapshots, five_columns, mean_terms
from naign.methods import NAIGN
from naign.sources import StandardNormal

SOURCE = StandardNormal((2,))


def half():
    f = nn.Linear(2, 2)
    f.load_state_dict({"weight": torch.eye(2) / 2, "bias": torch.zeros(2)})
    return f


def test_the_five_columns_are_what_their_names_say():
    x, fx, z, fz, ffz = five_columns(half(), SOURCE, toys.Grid(), n=50)
    assert x.shape == z.shape == (50, 2)
    assert np.array_equal(fx, x / 2) and np.array_equal(fz, z / 2) and np.array_equal(ffz, z / 4)
    assert toys.Grid().is_high_quality(torch.from_numpy(x)).float().mean() > 0.9


def test_a_snapshot_is_applied_and_f_stays_as_it_is():
    f, z = half(), torch.randn(9, 2)
    one = {"weight": torch.eye(2), "bias": torch.ones(2)}
    found = at_snapshots(f, {20: f.state_dict(), 5: one}, z, applications=2)
    assert list(found) == [5, 20]
    assert np.allclose(found[5], z + 2) and np.allclose(found[20], z / 4)
    assert torch.equal(f.weight, torch.eye(2) / 2)


def test_the_mean_terms_of_the_identity():
    identity = nn.Identity()
    terms = mean_terms(identity, SOURCE, toys.Grid(), NAIGN(candidate_dtype="float32"), n=20, batches=4)
    assert terms["rec"] == terms["idem"] == 0
    assert terms["total"] == pytest.approx(terms["imle"])
    assert terms["spread"] == pytest.approx(1)
    one = mean_terms(identity, SOURCE, toys.Grid(), NAIGN(candidate_dtype="float32"), n=20, batches=1)
    assert terms["imle"] != one["imle"]  # of several batches it is no longer that of the first
