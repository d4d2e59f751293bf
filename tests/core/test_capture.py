"""Steps as graphs, by stand-ins where no GPU is: what they hold, that they never ask the host, and how they fail."""

import contextlib

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from naign import beyond, matching, methods
from naign.base import capture
from naign.data.samples import TensorData
from naign.data.toys import Grid
from naign.models import MLP, ConvAutoencoder, seeded
from naign.optim import Optimiser, Schedule
from naign.sources import StandardNormal
from naign.training import Training

METHODS = {
    "naign": (methods.NAIGN(), {}),
    "replayed": (methods.NAIGN(candidate_dtype="bfloat16"), {"replay": 0.5, "dtype": "bfloat16"}),
    "ign": (methods.IGN(clamp=1.5), {"optimiser": "muon", "decay": "cosine"}),
    "dae": (methods.DAE(), {}),
    "balanced": (beyond.Balanced(pool=2, reuse=3), {"optimiser": "muon"}),
    "field": (beyond.ByField(w_idem=0.1), {}),
}


def training(case, steps=40, checkpoint=None):
    method, options = METHODS[case]
    f = seeded(lambda: MLP((2,), 16, 3), 0)
    return Training(f, StandardNormal((2,)), Grid(), method, Schedule(steps, 16, 1e-2, **options), 0, checkpoint)


@pytest.fixture
def streams(monkeypatch):
    """Stand-ins for what capture asks of CUDA before it begins."""

    class Nothing:
        def __getattr__(self, _):
            return lambda *a, **k: None

    for name in ("Stream", "current_stream", "CUDAGraph"):
        monkeypatch.setattr(torch.cuda, name, lambda *a, **k: Nothing())
    monkeypatch.setattr(torch.cuda, "stream", lambda _: contextlib.nullcontext())


@pytest.mark.parametrize("case", METHODS)
def test_a_captured_training_is_the_uncaptured_one(case, streams, monkeypatch):
    # A graph that does what was asked at its capture: what must change from step to step must lie in place.
    monkeypatch.setattr(capture, "_graph", lambda _, step: step)
    loop, plain = training(case), training(case)
    step = capture.captured(loop)
    assert loop.step == capture.WARM_UP  # the steps that warm up are real ones
    while loop.step < 40:
        loop.advance(step)
    plain.fit(progress=False)
    assert all(torch.equal(a, b) for a, b in zip(loop.f.parameters(), plain.f.parameters(), strict=True))


@pytest.mark.parametrize("case", METHODS)
def test_what_is_captured_never_asks_the_host(case):
    with FakeTensorMode(allow_non_fake_inputs=True):  # whose tensors have no values to ask for
        loop = training(case)
        pairs = (*torch.zeros(3, 16, 2), torch.ones(()))
        held = pairs if loop.memory else loop.find()
        for _ in range(2):
            loop.learn(*held)
        with pytest.raises(Exception, match="_local_scalar_dense"):
            loop.sums.sum().item()


def test_images_with_the_norm_of_ours_never_ask_the_host():
    data, f = TensorData(torch.rand(40, 1, 8, 8) * 2 - 1), ConvAutoencoder((1, 8, 8), 8, "group")
    schedule = Schedule(9, 4, dtype="bfloat16")
    loop = Training(f, StandardNormal((1, 8, 8)), data, methods.NAIGN(distance="l1"), schedule)
    with FakeTensorMode(allow_non_fake_inputs=True):
        loop.terms(*loop.find())["total"].backward()


def test_a_step_that_cannot_be_captured_saves_and_says_how_to_go_on(streams, monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise RuntimeError("no capture here")

    monkeypatch.setattr(torch.cuda, "graph", refuse)
    monkeypatch.setattr(capture, "suits", lambda _: True)
    with pytest.raises(capture.CaptureFailed, match="no capture here.*NAIGN_CAPTURE=0"):
        training("naign", checkpoint=tmp_path).fit(progress=False)
    monkeypatch.setattr(capture, "suits", lambda _: False)
    again, plain = training("naign", checkpoint=tmp_path), training("naign")
    again.resume()
    assert (tmp_path / "checkpoint.safetensors").exists()
    for one in (again, plain):
        one.fit(progress=False)
    assert all(torch.equal(a, b) for a, b in zip(again.f.parameters(), plain.f.parameters(), strict=True))


def test_a_graph_is_for_one_gpu_and_can_be_switched_off(monkeypatch):
    loop = training("balanced")
    assert not capture.suits(loop)
    loop.device = torch.device("cuda")
    assert capture.suits(loop)
    monkeypatch.setenv("NAIGN_CAPTURE", "0")
    assert not capture.suits(loop)
    monkeypatch.delenv("NAIGN_CAPTURE")
    monkeypatch.setattr(capture.distributed, "world", lambda: 2)
    assert not capture.suits(loop)


@pytest.mark.parametrize("kind", ["mlp", "conv"])
def test_muon_at_a_fixed_rate_takes_the_steps_of_a_changing_one(kind):
    shape = (2,) if kind == "mlp" else (1, 16, 16)
    schedule = Schedule(100, 8, lr=0.01, weight_decay=0.1, optimiser="muon", decay="cosine")
    make = (lambda: MLP(shape, 32, 3)) if kind == "mlp" else (lambda: ConvAutoencoder(shape, 8, "group"))
    nets = [seeded(make, 0) for _ in "ab"]
    plain, fixed = (Optimiser(f, schedule) for f in nets)
    fixed.share = torch.ones(())  # as on CUDA
    generator = torch.Generator().manual_seed(0)
    for step in range(100):
        gradients = [torch.randn(p.shape, generator=generator) for p in nets[0].parameters()]
        for f, optimiser in zip(nets, (plain, fixed), strict=True):
            optimiser.set_lr(schedule.lr_at(step))
            optimiser.step(sum((p * g).sum() for p, g in zip(f.parameters(), gradients, strict=True)))
    assert fixed.parts[1].param_groups[0]["lr"] == 0.01 and plain.parts[1].param_groups[0]["lr"] < 1e-4
    a, b = (torch.cat([p.detach().flatten() for p in f.parameters()]) for f in nets)
    assert (a - b).norm() < 1e-5 * a.norm()


def test_the_search_leaves_no_weights_without_a_gradient_behind(monkeypatch):
    """Before its release 2.11 or so torch kept casts that were made without a gradient; this network does so too."""
    cache = {}
    monkeypatch.setattr(torch, "clear_autocast_cache", cache.clear)

    class Casting(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.eye(2) + 0.1)

        def forward(self, x):
            return (x.bfloat16() @ cache.setdefault("weight", self.weight.bfloat16())).float()

    source, generator = StandardNormal((2,)), torch.Generator().manual_seed(0)
    x = torch.randn(16, 2, generator=generator)
    for search in (lambda f: methods.NAIGN(w_idem=0.0).terms(f, x, source, generator), lambda f: held(f, x, generator)):
        f = Casting()
        search(f)["total"].backward()
        assert f.weight.grad.abs().max() > 0


def held(f, x, generator):
    method = beyond.Balanced(pool=2, w_idem=0.0)
    pool = method.searcher(Grid(), len(x))
    return method.terms(f, x, StandardNormal((2,)), generator, pool.search(f, x, StandardNormal((2,)), generator))


def test_weights_in_half_precision_learn_after_a_search():
    with torch.autocast("cpu", torch.bfloat16):
        f, g = MLP((2,), 16, 3), torch.Generator().manual_seed(0)
        x, z = torch.randn(16, 2, generator=g), torch.randn(160, 2, generator=g)
        winner = matching.nearest(f, x, z)
        loss = (f(z[winner]) - x).square().mean()
    loss.backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in f.parameters())


def test_tf32_is_for_the_terms_alone():
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    seen = {"search": set(), "terms": set(), "backward": set()}

    def now():
        return matmul.fp32_precision, cudnn.allow_tf32

    class Watched(methods.NAIGN):
        def search(self, *inputs):
            seen["search"].add(now())
            return super().search(*inputs)

        def terms(self, *inputs):
            seen["terms"].add(now())
            found = super().terms(*inputs)
            found["total"].register_hook(lambda _: seen["backward"].add(now()))
            return found

    before, exact, rounded = now(), {("ieee", False)}, {("tf32", True)}
    for dtype, terms in (("tf32", rounded), ("float32", exact)):
        for places in seen.values():
            places.clear()
        f = seeded(lambda: MLP((2,), 16, 2), 0)
        Training(f, StandardNormal((2,)), Grid(), Watched(), Schedule(3, 16, dtype=dtype)).fit(progress=False)
        assert seen == {"search": exact, "terms": terms, "backward": terms}
    assert before[1]  # torch's own way with convolutions
    assert now() == before


def test_on_cuda_the_plane_is_searched_in_one_pass_and_images_in_many():
    with FakeTensorMode():
        plane, images = (torch.empty(5120, *shape, device="cuda") for shape in ((2,), (1, 64, 64)))
    assert matching._chunk(plane) >= 5120
    assert matching._chunk(images) == 1024
    assert matching._chunk(torch.empty(3, 1, 64, 64)) == 256  # on a CPU


def test_the_compiled_l1_search_is_cdist(monkeypatch):
    kernels = []

    def compiled(function):
        kernels.append(function)
        return lambda x, y: function(x.cpu(), y.cpu())

    monkeypatch.setattr(torch, "compile", compiled)
    monkeypatch.setattr(torch, "zeros", lambda *shape, device: torch.ones(shape))
    matching._fused_l1.cache_clear()
    x, y = torch.randn(7, 30, generator=torch.Generator().manual_seed(0)), torch.randn(9, 30)
    torch.testing.assert_close(matching._fused_l1()(x, y), torch.cdist(x, y, p=1))
    assert len(kernels) == 1
    matching._fused_l1.cache_clear()


def test_without_a_compiler_l1_is_slow_and_says_so(monkeypatch):
    def refuse(x, y):
        raise RuntimeError("no compiler\nhere")

    monkeypatch.setattr(torch, "compile", lambda _: refuse)
    monkeypatch.setattr(torch, "zeros", lambda *shape, device: torch.ones(shape))
    matching._fused_l1.cache_clear()
    x, y = torch.randn(2, 7, 30).unbind()
    with pytest.warns(UserWarning, match="not compiled and slow: no compiler"):
        assert torch.equal(matching._fused_l1()(x, y), torch.cdist(x, y, p=1))
    matching._fused_l1.cache_clear()
