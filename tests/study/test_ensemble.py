"""Stacked trainings are the separate ones, member by member."""

import pytest
import torch

from naign import beyond, methods
from naign.base.loop import NonFiniteLoss
from naign.data import toys
from naign.models import MLP, seeded
from naign.optim import Schedule
from naign.sources import StandardNormal
from naign.study.stacked import Ensemble
from naign.training import Training

DATA = [toys.Grid(), toys.TwoMoons(), toys.EightGaussians(), toys.Grid()]
SEEDS = [0, 1, 2, 5]
METHODS = [methods.NAIGN(), methods.NAIGNMinus(), methods.IGN()]
METHODS += [methods.NAIGN(idempotence="plain", distance="l1-squared")]


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    toys._on_device.cache_clear()
    yield
    torch.set_default_dtype(torch.float32)
    toys._on_device.cache_clear()


def networks():
    return [seeded(lambda: MLP((2,), 16, 2), seed) for seed in SEEDS]


def stacked(method, schedule, checkpoint=None, data=DATA):
    own = zip(networks(), data, SEEDS, strict=True)
    return Ensemble([Training(f, StandardNormal((2,)), x, method, schedule, seed) for f, x, seed in own], checkpoint)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_every_member_is_a_training_of_its_own(method, double):
    schedule = Schedule(60, 16, lr=1e-3, decay="cosine", warm_start=5, snapshots=(0.0, 0.5, 1.0))
    ensemble = stacked(method, schedule)
    ensemble.fit(progress=False)
    for k, (f, data, seed) in enumerate(zip(networks(), DATA, SEEDS, strict=True)):
        alone = Training(f, StandardNormal((2,)), data, method, schedule, seed)
        alone.fit(progress=False)
        state, history, snapshots = ensemble.of_member(k)
        for name, p in f.state_dict().items():
            torch.testing.assert_close(state[name], p, rtol=1e-9, atol=1e-12)
        assert history.keys() == alone.history.keys() and history["step"] == alone.history["step"]
        for name, column in alone.history.items():
            assert history[name] == pytest.approx(column, rel=1e-6, abs=1e-9)
        assert snapshots.keys() == alone.snapshots.keys()
        assert all(torch.allclose(v, snapshots[30][name]) for name, v in alone.snapshots[30].items())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_in_single_precision_they_differ_by_rounding(dtype):
    schedule, method = Schedule(20, 16, lr=1e-3, dtype=dtype), methods.NAIGN(candidate_dtype=dtype)
    ensemble = stacked(method, schedule)
    ensemble.fit(progress=False)
    alone = Training(networks()[1], StandardNormal((2,)), DATA[1], method, schedule, SEEDS[1])
    alone.fit(progress=False)
    close = 1e-5 if dtype == "float32" else 2e-2
    for name, p in alone.f.state_dict().items():
        torch.testing.assert_close(ensemble.of_member(1)[0][name], p, rtol=close, atol=close)


def test_an_interrupted_ensemble_resumes_bit_for_bit(tmp_path):
    class Interrupted(toys.Grid):
        def sample(self, n, generator):
            if torch.equal(generator.get_state(), stop[0]):
                raise KeyboardInterrupt
            return super().sample(n, generator)

    schedule, stop = Schedule(60, 16, lr=1e-3), [torch.zeros(1)]
    whole = stacked(methods.NAIGN(), schedule)
    for _ in range(30):
        whole.advance(whole.one_step)
    stop[0] = whole.generators[3].get_state()
    whole = stacked(methods.NAIGN(), schedule)
    whole.fit(progress=False)
    with pytest.raises(KeyboardInterrupt):
        broken = stacked(methods.NAIGN(), schedule, tmp_path, [*DATA[:3], Interrupted()])
        broken.fingerprint = whole.fingerprint
        broken.fit(progress=False)
    again = stacked(methods.NAIGN(), schedule, tmp_path)
    again.resume()
    assert again.step == 30
    again.fit(progress=False)
    assert all(torch.equal(a, b) for a, b in zip(whole.f.parameters(), again.f.parameters(), strict=True))
    assert again.history == whole.history


def test_one_member_that_blows_up_is_named_by_its_term():
    class Poisoned(toys.Grid):
        def sample(self, n, generator):
            return super().sample(n, generator) * float("inf")

    with pytest.raises(NonFiniteLoss, match="'rec' became NaN or infinite at step 1:"):
        stacked(methods.NAIGN(), Schedule(60, 16), None, [*DATA[:3], Poisoned()]).fit(progress=False)


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        (beyond.Balanced(), {}, "Balanced cannot be stacked, since its method has a memory"),
        (methods.DAE(), {}, "DAE cannot be stacked, since its method"),
        (methods.NAIGN(), {"replay": 0.5}, "NAIGN cannot be stacked, since its replay is above 0"),
        (methods.NAIGN(), {"optimiser": "muon"}, "its optimiser is muon: train its runs one by one"),
    ],
)
def test_what_cannot_be_stacked_is_refused(method, options, words):
    with pytest.raises(ValueError, match=words):
        stacked(method, Schedule(60, 16, **options))
