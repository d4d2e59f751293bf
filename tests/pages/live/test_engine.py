"""The engine of the live figures against PyTorch, without a browser."""

import base64
import json

import pytest
import torch
import wasmtime
from pages.live.v8 import V8

from naign import models, sources
from naign.evaluate import lenet
from naign.pages.live import networks, page
from naign.study import records

NETWORKS = {
    "line": ((1,), lambda: models.MLP((1,), 256, 3)),
    "plane": ((2,), lambda: models.MLP((2,), 33, 2)),
    "flat images": ((1, 8, 8), lambda: models.MLP((1, 8, 8), 20, 2)),
    "group norm": ((1, 32, 32), lambda: models.ConvAutoencoder((1, 32, 32), 16, "group")),
    "batch norm": ((3, 16, 16), lambda: models.ConvAutoencoder((3, 16, 16), 5, "batch")),
    "colour": ((3, 64, 64), lambda: models.ConvAutoencoder((3, 64, 64), 8, "group")),
    "LeNet": ((1, 32, 32), lenet.LeNet),
}
RECORDED = sorted(p.parent for p in records.records_root().glob("*/model.safetensors"))


def trained(make):
    """A network as after a training: every weight of half precision, and a batch norm with statistics."""
    f = models.seeded(make, 0)
    generator = torch.Generator().manual_seed(1)
    for module in f.modules():
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.GroupNorm):
            module.weight.data.normal_(0.5, 0.2, generator=generator)
            module.bias.data.normal_(0, 0.1, generator=generator)
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    for weight in f.parameters():
        weight.data = weight.data.half().float()
    return f.eval()


def error(v8, f, shape, n=9, plain=False):
    """The largest error of the engine, relative to the largest value, at n samples."""
    x = torch.randn(n, *shape, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        y = f(x).flatten()
    assert y.abs().max() > 0.01 and (y.abs() == 1).float().mean() < 0.5  # or it would be an easy comparison
    found, kind = v8.run(networks.network(f, shape), x, plain)
    assert kind == ("javascript" if plain else "webassembly")
    assert found.shape == y.shape
    return ((found - y).abs().max() / y.abs().max()).item()


@pytest.mark.parametrize("plain", [False, True], ids=["webassembly", "plain"])
@pytest.mark.parametrize("n", [1, 9, 130])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_kind_of_network_agrees_with_torch(v8, name, n, plain):
    shape, make = NETWORKS[name]
    n = n if len(shape) == 1 else min(n, 9)
    assert error(v8, trained(make), shape, n, plain) < 1e-4


@pytest.mark.parametrize("path", RECORDED, ids=lambda p: p.name)
def test_every_recorded_network_agrees_with_torch(v8, path):
    run = records.load(path)
    shape = tuple(run.config["shape"])
    n = 3 if len(shape) == 3 else 64
    assert max(error(v8, run.f, shape, n, plain) for plain in (False, True)) < 1e-4


def test_the_reader_of_digits_agrees_with_torch(v8):
    net, _ = lenet.load()
    assert max(error(v8, net, (1, 32, 32), 9, plain) for plain in (False, True)) < 1e-4


PLACED = "const bias = memory.place(rows, take(outputs))"
WITHIN = "Math.floor(within / kernel), within % kernel"
MUTATIONS = {
    "exponents": ("2 ** 112", "2 ** 111"),
    "signs": ("0x8000) << 16", "0x8000) << 15"),
    "bias of a linear layer or a convolution": (PLACED, "take(outputs); const bias = memory.place(rows)"),
    "bias of a transposed convolution": ("heap.fill(bias[c]", "heap.fill(0 * bias[c]"),
    "patches overwrite": ("+= heap[from + small + t]", "= heap[from + small + t]"),
    "padding": ("const y = h * stride - padding + row", "const y = h * stride + row"),
    "stride": ("heap[from + large + t * stride];", "heap[from + large + t];"),
    "rows and columns of the kernel": (WITHIN, "within % kernel, Math.floor(within / kernel)"),
    "order of a transposed kernel": ("turned[j * inputs + i]", "turned[i * depth + j]"),
    "variance": ("squares / count + epsilon", "squares / (count - 1) + epsilon"),
    "size of a group": ("many = channels / groups", "many = channels"),
    "scale of a batch norm": ("heap[at] * scale[c] + shift[c]", "heap[at] + shift[c]"),
    "slope": ("heap[at] *= slope", "heap[at] = 0"),
    "tanh": ("Math.tanh(heap[at])", "heap[at]"),
    "largest of a pool": ("Math.max(largest,", "Math.min(Infinity,"),
    "samples in one go": ("Math.min(atOnce, n - first)", "Math.min(atOnce, n)"),
    "memory is cleared": ("heap.fill(0, at, top);", ""),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_of_the_engine_is_found(name):
    right, wrong = MUTATIONS[name]
    text = page.script("engine.js")
    assert right in text
    broken = V8(text.replace(right, wrong))
    errors = []
    for shape, make in NETWORKS.values():
        try:
            errors.append(error(broken, trained(make), shape))
        except AssertionError:
            raise
        except Exception:  # the engine itself stopped
            errors.append(1.0)
    assert not max(errors) < 1e-4


@pytest.mark.parametrize("plain", [False, True], ids=["webassembly", "plain"])
def test_a_mutation_of_the_product_is_found(plain):
    text = page.script("engine.js")
    if plain:
        broken = V8(text.replace("c21 += w2 * right", "c21 += w2 * left"))
    else:
        right, wrong = "offset=8 (local.get $to)", "offset=4 (local.get $to)"
        wat = (page.HERE / "product.wat").read_text()
        assert right in wat
        other = base64.b64encode(bytes(wasmtime.wat2wasm(wat.replace(right, wrong)))).decode()
        broken = V8(text.replace((page.HERE / "product.b64").read_text().strip(), other))
    shape, make = NETWORKS["plane"]
    assert error(broken, trained(make), shape, plain=plain) > 1e-4


def test_weights_too_many_or_too_few_are_refused(v8):
    payload = networks.network(trained(NETWORKS["plane"][1]), (2,))
    payload["layers"] = payload["layers"][:-1]
    with pytest.raises(Exception, match="the layers take"):
        v8.run(payload, torch.zeros(1, 2))


def test_other_networks_are_refused():
    with pytest.raises(ValueError, match="Sequential: a live figure can run an MLP"):
        networks.network(torch.nn.Sequential(torch.nn.Linear(2, 2)), (2,))
    odd = models.MLP((2,), 8, 2)
    odd.net[1] = torch.nn.GELU()
    with pytest.raises(ValueError, match="a layer GELU"):
        networks.network(odd, (2,))


def test_fourier_noise_agrees_with_torch(v8):
    z = sources.Fourier((3, 16, 16))
    z.estimate(torch.rand(50, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
    white = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(4))
    wanted = z.sample(2, torch.Generator().manual_seed(4))  # the same white noise, shaped
    payload = json.dumps(networks.source(z))
    found = v8(f'[...naignLive.source({payload})(naignLive.singles("{networks.encoded(white)}"))]')
    assert torch.allclose(torch.tensor(found), wanted.flatten(), atol=1e-5)
    assert networks.source(sources.StandardNormal((2,))) is None
    assert v8("naignLive.source(null)([1, 2])") == [1, 2]


def sections(binary):
    """A WebAssembly module without its custom sections, which hold names."""
    kept, at = binary[:8], 8
    while at < len(binary):
        kind, start, size, shift = binary[at], at + 1, 0, 0
        more = True
        while more:
            size |= (binary[start] & 127) << shift
            shift, more, start = shift + 7, binary[start] & 128, start + 1
        kept += binary[at : start + size] if kind else b""
        at = start + size
    return kept


def test_the_binary_is_the_text():
    text = bytes(wasmtime.wat2wasm((page.HERE / "product.wat").read_text()))
    assert sections(text) == base64.b64decode((page.HERE / "product.b64").read_text())
