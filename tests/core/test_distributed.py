"""Several processes that train as one: the same weights, and refusals of what they cannot divide."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from core import together

from naign import beyond, methods
from naign.base import distributed, files
from naign.data import toys
from naign.models import MLP, ConvAutoencoder

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node")
SCRIPT = Path(together.__file__)


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """Where one process and where two left what they trained."""
    one, two = (tmp_path_factory.mktemp(name) for name in ("one", "two"))
    subprocess.run([sys.executable, SCRIPT, one], check=True, capture_output=True)
    subprocess.run([*TORCHRUN, "2", SCRIPT, two], check=True, capture_output=True)
    return one, two


@pytest.mark.parametrize("digits", [32, 64])
@pytest.mark.parametrize("case", together.CASES)
def test_two_processes_end_where_one_does(case, digits, ended):
    close = {32: 1e-6, 64: 1e-12}[digits]
    if digits == 32:  # Muon's steps are made in half precision; a norm divides by what may be small
        close = {"muon": 1e-4, "images": 1e-5}.get(case, close)
    one, two = (files.load_tensors(place / f"{case}-{digits}.safetensors")[0] for place in ended)
    assert one["outputs"].dtype == getattr(torch, f"float{digits}")
    # A bias before a norm has no effect and no gradient but rounding, which Adam makes a step of: of images f counts.
    for name in ["outputs"] if case == "images" else one:
        torch.testing.assert_close(two[name], one[name], rtol=10 * close, atol=close)
    first, second = (json.loads((place / f"{case}-{digits}.json").read_text()) for place in ended)
    for column in first.keys() - {"spread"}:  # that is the mean of the processes' own
        assert second[column] == pytest.approx(first[column], rel=100 * close, abs=10 * close)


def test_what_two_began_one_ends(ended):
    torch.set_default_dtype(torch.float64)
    toys._on_device.cache_clear()
    try:
        rest = together.training("naign", 20, ended[1] / "half")
        rest.resume()
        assert rest.step == 10
        rest.fit(progress=False)
    finally:
        torch.set_default_dtype(torch.float32)
        toys._on_device.cache_clear()
    whole = files.load_tensors(ended[0] / "naign-64.safetensors")[0]
    for name, p in rest.f.state_dict().items():
        torch.testing.assert_close(p, whole[name], rtol=1e-11, atol=1e-12)


def test_parts_cover_all_once(monkeypatch):
    for n, processes in ((15, 2), (3, 5), (64, 8)):
        monkeypatch.setattr(distributed, "world", lambda count=processes: count)
        found = []
        for rank in range(processes):
            monkeypatch.setattr(distributed, "rank", lambda own=rank: own)
            found += range(n)[distributed.part(n)]
        assert found == list(range(n))


@pytest.mark.parametrize(
    ("method", "f", "n", "words"),
    [
        (methods.DAE(), MLP((2,), 8, 1), 8, "cannot be trained by 4 processes.* choose one of naign, naign-minus, ign"),
        (methods.IGN(clamp=1.5), MLP((2,), 8, 1), 8, "IGN.*clamp=1.5.*cannot be trained by 4 processes"),
        (beyond.ByField(), MLP((2,), 8, 1), 8, "ByField.*cannot be trained by 4 processes"),
        (methods.NAIGN(), ConvAutoencoder((1, 8, 8), 8, "batch"), 8, "norm is 'batch'.* give group"),
        (methods.NAIGN(), MLP((2,), 8, 1), 3, "batch_size is 3: give at least one sample for each of 4 processes"),
    ],
)
def test_what_cannot_be_divided_is_refused(method, f, n, words, monkeypatch):
    monkeypatch.setattr(distributed, "world", lambda: 4)
    with pytest.raises(ValueError, match=words):
        methods.divide(method, f, n)
