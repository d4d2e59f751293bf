"""The loop: exact resume, seeds, interrupts and losses that blow up."""

import re
import warnings

import pytest
import torch
from interrupting import Interrupting
from torch import nn

from naign import beyond, methods
from naign.base import files
from naign.base.loop import NonFiniteLoss
from naign.base.settings import changed
from naign.data.samples import TensorData
from naign.data.toys import Grid, TwoMoons
from naign.models import MLP, ConvAutoencoder, seeded
from naign.optim import Schedule
from naign.sources import StandardNormal
from naign.training import Training

METHODS = [methods.NAIGN(), methods.NAIGN(idempotence="plain"), methods.NAIGNMinus(), methods.IGN(clamp=1.5)]
METHODS += [methods.DAE(level=0.5), beyond.Balanced(pool=2, reuse=3)]
METHODS += [beyond.ByField(w_idem=0.1, w_imle=0.3, generated=0.5)]


def train(method, steps=40, seed=0, checkpoint=None, data=None, **schedule):
    toy = data or Grid()
    f = seeded(lambda: MLP(toy.shape, 16, 2), seed)
    options = {"batch_size": 16, "lr": 1e-2, "decay": "cosine", "snapshots": (0.0, 0.5)} | schedule
    return f, fit(f, StandardNormal(toy.shape), toy, method, Schedule(steps, **options), seed, checkpoint)


def fit(*arguments):
    training = Training(*arguments)
    training.fit(progress=False)
    return training


def equal(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


class Shifted(StandardNormal):
    """Another source of the same shape."""

    def sample(self, n, generator):
        return super().sample(n, generator) + 1


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_interrupted_and_resumed_equals_uninterrupted_bit_for_bit(method, tmp_path, capsys):
    whole, trace = train(method, steps=600)
    with pytest.raises(KeyboardInterrupt):
        train(method, steps=600, checkpoint=tmp_path, data=Interrupting(401, KeyboardInterrupt()))
    assert re.search(r"stopped after step 3\d\d of 600", capsys.readouterr().err)  # a pool draws data too
    resumed, again = train(method, steps=600, checkpoint=tmp_path)
    assert equal(whole, resumed)
    assert trace.history == again.history
    assert trace.snapshots.keys() == again.snapshots.keys() == {0, 300}
    for step in trace.snapshots:
        for k, v in trace.snapshots[step].items():
            assert torch.equal(v, again.snapshots[step][k])


def test_the_time_before_an_interruption_counts(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(methods.IGN(), checkpoint=tmp_path, data=Interrupting(20, KeyboardInterrupt()))
    path = tmp_path / "checkpoint.safetensors"
    tensors, meta = files.load_tensors(path)
    files.save_tensors(path, tensors, meta | {"seconds": "1000.0"})
    _, trace = train(methods.IGN(), checkpoint=tmp_path)
    assert 1000 < trace.seconds() < 1100


def test_same_seed_same_weights_and_another_seed_others():
    a, b, c = (train(methods.NAIGN(), seed=s)[0] for s in (5, 5, 6))
    assert equal(a, b)
    assert not equal(a, c)


def test_the_caller_s_random_stream_does_not_matter():
    torch.manual_seed(1)
    a, _ = train(methods.NAIGN())
    torch.manual_seed(2)
    state = torch.random.get_rng_state()
    b, _ = train(methods.NAIGN())
    assert equal(a, b)
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_history_has_every_term_and_falls(method):
    _, trace = train(method, steps=600)
    assert set(trace.history) == {"step", *method.columns}
    assert trace.history["step"] == list(range(3, 601, 3))
    assert sum(trace.history["rec"][-20:]) < 0.5 * sum(trace.history["rec"][:20])


def test_history_holds_means_of_the_terms_by_hand():
    # One step a row: each row is that step's loss, recomputed here from the same draws.
    method, toy = methods.IGN(), Grid()
    f = seeded(lambda: MLP((2,), 16, 2), 0)
    g = torch.Generator().manual_seed(0)
    first = method.terms(f, toy.sample(16, g), StandardNormal((2,)), g)
    _, trace = train(method, steps=5)
    for name in method.columns:
        assert trace.history[name][0] == pytest.approx(first[name].item(), rel=1e-6)


def test_a_row_is_the_mean_over_its_steps():
    def training():
        f = seeded(lambda: MLP((2,), 16, 2), 0)
        return Training(f, StandardNormal((2,)), Grid(), methods.IGN(), Schedule(600, 16, 1e-2))

    whole, single, rows = training(), training(), []
    whole.fit(progress=False)
    for _ in range(3):
        single.advance(single.one_step)
        rows.append(single.log()["rec"])
    assert whole.history["step"][0] == 3 and whole.history["rec"][0] == pytest.approx(sum(rows) / 3)


def test_the_total_is_the_weighted_sum():
    _, trace = train(methods.NAIGN(w_rec=2.0, w_imle=0.5, w_idem=3.0), steps=5)
    h = trace.history
    for rec, imle, idem, total in zip(h["rec"], h["imle"], h["idem"], h["total"], strict=True):
        assert total == pytest.approx(2 * rec + 0.5 * imle + 3 * idem, rel=1e-5)


def test_tightness_is_clamped_as_in_ign():
    toy, source, f = Grid(), StandardNormal((2,)), seeded(lambda: MLP((2,), 16, 2), 0)
    free = methods.IGN().terms(f, *draw(toy, source))
    bound = methods.IGN(clamp=0.01).terms(f, *draw(toy, source))
    limit = 0.01 * free["rec"]
    assert bound["tight"].item() == pytest.approx((torch.tanh(free["tight"] / limit) * limit).item(), rel=1e-5)
    assert abs(bound["tight"]) <= limit < abs(free["tight"])


def draw(toy, source):
    g = torch.Generator().manual_seed(0)
    return toy.sample(64, g), source, g


def test_a_non_finite_loss_stops_and_keeps_the_last_good_state(tmp_path):
    class Poisoned(Interrupting):
        def sample(self, n, generator):
            try:
                return super().sample(n, generator)
            except ZeroDivisionError:
                return torch.full((n, 2), float("nan"))

    toy = Poisoned(10, ZeroDivisionError())
    f = seeded(lambda: MLP((2,), 16, 2), 0)
    schedule = Schedule(600, 16, 1e-2)
    with pytest.raises(NonFiniteLoss, match="'rec' became NaN or infinite at step 11: .* after step 9;"):
        fit(f, StandardNormal((2,)), toy, methods.IGN(), schedule, 0, tmp_path)
    assert all(torch.isfinite(p).all() for p in f.parameters())
    # The state on disk is whole: the training goes on from it, exactly as if nothing had happened.
    fit(f, StandardNormal((2,)), Grid(), methods.IGN(), schedule, 0, tmp_path)
    whole = seeded(lambda: MLP((2,), 16, 2), 0)
    fit(whole, StandardNormal((2,)), Grid(), methods.IGN(), schedule, 0)
    assert equal(f, whole)


def test_an_unwritable_checkpoint_is_refused_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot write to the directory"):
        train(methods.IGN(), checkpoint=tmp_path / "file" / "checkpoint", data=Interrupting(0, AssertionError()))


def test_a_non_finite_gradient_of_a_finite_loss_does_not_pass_for_a_good_state():
    class Sharp:
        """Zero everywhere, with a gradient of NaN from the fifth batch on."""

        columns, calls = ("total",), 0

        def terms(self, f, x, source, generator):
            self.calls += 1
            fx = f(x)
            return {"total": fx.square().mean() if self.calls < 5 else (0 * fx).square().sum().sqrt()}

    f = seeded(lambda: MLP((2,), 16, 2), 0)
    with pytest.raises(NonFiniteLoss, match="a gradient became NaN or infinite by step 5: .* after step 4;"):
        fit(f, StandardNormal((2,)), Grid(), Sharp(), Schedule(100, 16, 1e-2))
    assert all(torch.isfinite(p).all() for p in f.parameters())


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(methods.NAIGN(), checkpoint=tmp_path, data=Interrupting(20, KeyboardInterrupt()))
    with pytest.raises(ValueError, match="other settings"):
        train(methods.NAIGN(), checkpoint=tmp_path, seed=1)


def test_a_checkpoint_of_other_data_is_refused(tmp_path):
    mine, other = (TensorData(torch.randn(50, 2, generator=torch.Generator().manual_seed(s))) for s in (0, 1))
    f, settings = seeded(lambda: MLP((2,), 16, 2), 0), (methods.IGN(), Schedule(9, 4), 0, tmp_path)
    first = Training(f, StandardNormal((2,)), mine, *settings)
    first.save()
    again = Training(first.f, first.source, other, *settings)
    with pytest.raises(ValueError, match="other settings"):
        again.resume()


OTHERS = [(Grid(spacing=1.0), StandardNormal((2,))), (TwoMoons(), StandardNormal((2,))), (Grid(), Shifted((2,)))]


@pytest.mark.parametrize(("data", "source"), OTHERS, ids=["another grid", "the moons", "another source"])
def test_a_checkpoint_of_another_toy_or_source_is_refused(data, source, tmp_path):
    def training(data, source):
        f = seeded(lambda: MLP((2,), 16, 2), 0)
        return Training(f, source, data, methods.IGN(), Schedule(9, 4), 0, tmp_path)

    training(Grid(), StandardNormal((2,))).save()
    training(Grid(), StandardNormal((2,))).resume()
    with pytest.raises(ValueError, match="other settings"):
        training(data, source).resume()


def test_a_truncated_checkpoint_is_refused(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(methods.NAIGN(), checkpoint=tmp_path, data=Interrupting(20, KeyboardInterrupt()))
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        train(methods.NAIGN(), checkpoint=tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"snapshots": (99,)}, "snapshots is .*: give shares of the run, from 0 to 1"),
        ({"warm_start": 11}, "warm_start is 11: it must lie between 0 and steps = 10"),
    ],
)
def test_impossible_schedules_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        changed(Schedule(10, 4), **change)


def test_the_cosine_decays_to_nothing():
    schedule = Schedule(100, 4, lr=1.0, decay="cosine")
    assert [schedule.lr_at(s) for s in (0, 50, 100)] == pytest.approx([1.0, 0.5, 0.0])
    assert Schedule(100, 4, lr=1.0).lr_at(99) == 1.0


def test_an_interrupted_network_with_batch_norm_resumes_bit_for_bit(tmp_path):
    images = TensorData(torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    schedule = Schedule(600, 8, 1e-2, warm_start=5, snapshots=(0.0, 0.3, 1.0))

    def run(data, checkpoint=None):
        f = seeded(lambda: ConvAutoencoder((1, 8, 8), 8, "batch"), 0)
        return f, fit(f, StandardNormal((1, 8, 8)), data, methods.NAIGN(), schedule, 0, checkpoint)

    whole, trace = run(images)
    with pytest.raises(KeyboardInterrupt):
        run(Interrupting(200, KeyboardInterrupt(), images), tmp_path)
    resumed, again = run(images, tmp_path)
    assert all(torch.equal(v, resumed.state_dict()[k]) for k, v in whole.state_dict().items())
    assert trace.history == again.history
    assert list(trace.snapshots) == list(again.snapshots) == list(again.clock) == [0, 180, 600]
    for step, parameters in trace.snapshots.items():
        assert all(torch.equal(v, again.snapshots[step][k]) for k, v in parameters.items())
    assert all(torch.equal(v, again.snapshots[600][k]) for k, v in resumed.state_dict().items())


def test_a_warm_start_minimises_reconstruction_alone():
    f, trace = train(methods.NAIGN(), steps=20, warm_start=12)
    autoencoder = seeded(lambda: MLP((2,), 16, 2), 0)
    loop = Training(autoencoder, StandardNormal((2,)), Grid(), methods.NAIGN(), Schedule(20, 16, 1e-2, "cosine"))
    for step in range(12):
        loop.optimiser.set_lr(loop.schedule.lr_at(step))
        x = loop.data.sample(16, loop.generator)
        loop.optimiser.step(methods.losses.reconstruction(x, autoencoder(x)))
    state = train(methods.NAIGN(), steps=20, warm_start=12, snapshots=(0.6,))[1].snapshots[12]
    assert all(torch.equal(p, state[k]) for k, p in autoencoder.state_dict().items())
    assert trace.history["imle"][:12] == [0.0] * 12
    assert min(trace.history["imle"][12:]) > 0


def test_spread_is_one_for_the_identity_and_zero_for_a_constant():
    x = torch.randn(50, 3)
    assert methods.spread(x, x).item() == pytest.approx(1)
    assert methods.spread(x, x * 0 + 7).item() == 0
    assert methods.spread(x[:1], x[:1]).item() == 0  # no NaN


def test_a_constant_f_ends_in_a_warning_and_a_good_one_does_not():
    pushed = methods.IGN(w_rec=0.0, w_tight=0.0)  # idempotence alone is content with a constant
    with pytest.warns(UserWarning, match="nearly constant, its outputs vary 0.*warm_start"):
        train(pushed, steps=20, lr=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(methods.NAIGN(), steps=300)


def test_half_precision_trains_like_single():
    _, single = train(methods.NAIGN(), steps=200)
    f, half = train(methods.NAIGN(), steps=200, dtype="bfloat16")
    assert all(p.dtype == torch.float32 for p in f.parameters())
    assert half.history["total"][0] != single.history["total"][0]
    assert half.history["total"][-1] == pytest.approx(single.history["total"][-1], rel=0.3)


class Counting(methods.NAIGN):
    """NAIGN that notes every search and every pair it trains on."""

    def search(self, f, x, source, generator):
        found = super().search(f, x, source, generator)
        self.__dict__.setdefault("searched", []).append((x.clone(), found[0].clone()))
        return found

    def terms(self, f, x, source, generator, found=None):
        self.__dict__.setdefault("trained", []).append((x.clone(), found and found[0].clone()))
        return super().terms(f, x, source, generator, found)


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
def test_replay_searches_in_one_minus_p_of_the_steps_and_replays_pairs_it_found(p):
    method = Counting()
    train(method, steps=400, replay=p, replay_batches=5, warm_start=20)
    trained, searched = method.trained, method.searched
    assert len(trained) == 380  # none in the warm start
    wanted = {0.0: 380, 1.0: 1}.get(p, 190)  # the very first must search
    assert len(searched) == wanted if p != 0.5 else abs(len(searched) - wanted) < 40
    found = [pair for pair in trained if pair[1] is not None]
    for x, z in found:
        assert any(torch.equal(x, a) and torch.equal(z, b) for a, b in searched)
    assert len(found) == 380


def test_replay_of_probability_one_trains_on_the_first_pair_for_ever():
    method = Counting()
    train(method, steps=30, replay=1.0)
    x, z = method.trained[0]
    assert all(torch.equal(x, a) and torch.equal(z, b) for a, b in method.trained)


def test_an_interrupted_training_resumes_with_its_replay_bit_for_bit(tmp_path):
    options = {"steps": 600, "replay": 0.5, "replay_batches": 7}
    whole, trace = train(methods.NAIGN(), **options)
    with pytest.raises(KeyboardInterrupt):
        train(methods.NAIGN(), checkpoint=tmp_path, data=Interrupting(201, KeyboardInterrupt()), **options)
    kept = files.load_tensors(tmp_path / "checkpoint.safetensors")[0]
    assert kept["replay.0"].shape == kept["replay.1"].shape == (7, 16, 2)
    assert kept["replay.stored"].item() > 100
    resumed, again = train(methods.NAIGN(), checkpoint=tmp_path, **options)
    assert equal(whole, resumed)
    assert trace.history == again.history


def test_replay_needs_a_method_with_winners():
    with pytest.raises(ValueError, match="replay is 0.5: IGN has no winners to replay, give 0"):
        train(methods.IGN(), replay=0.5)
