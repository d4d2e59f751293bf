"""Trained networks and sources of noise as text that `engine.js` reads."""

import base64
import hashlib
import json

import numpy as np
import torch
from torch import Tensor, nn

from naign.evaluate.lenet import LeNet
from naign.models import MLP, ConvAutoencoder
from naign.sources import Fourier

KNOWN = (MLP, ConvAutoencoder, LeNet)


def encoded(values: Tensor, kind: str = "<f4") -> str:
    """Numbers of a NumPy type, by default float32 with the lowest byte first, in base64."""
    return base64.b64encode(np.ascontiguousarray(values.detach().cpu().numpy(), kind).tobytes()).decode()


def network(f: nn.Module, shape: tuple[int, ...]) -> dict:
    """A network for samples of a shape: its input, its layers, and their weights in the order of the layers.

    A layer's weights are in half precision where that loses nothing, as with those of the records, else in single.
    ValueError if a layer is not known.
    """
    if not isinstance(f, KNOWN):
        raise ValueError(
            f"f is a {type(f).__name__}: a live figure can run an {', '.join(kind.__name__ for kind in KNOWN)}."
        )
    layers, half, single = [], [torch.zeros(0)], [torch.zeros(0)]
    for module in (m for m in f.modules() if not list(m.children())):
        layer, weights = _layer(module)
        exact = all(torch.equal(w.half().float(), w) for w in weights)
        (half if exact else single).extend(w.flatten() for w in weights)
        layers += [layer | {"half": exact}] if layer else []
    if isinstance(f, ConvAutoencoder):
        layers.append({"kind": "tanh"})
    images = not isinstance(f, MLP)
    return {
        "input": [shape[0], shape[-1]] if images else [int(np.prod(shape)), 1],
        "layers": layers,
        "half": encoded(torch.cat(half), "<f2"),
        "single": encoded(torch.cat(single)),
    }


def _layer(module: nn.Module) -> tuple[dict, list[Tensor]]:
    """What the engine calls a layer, and its weights; {} if it changes nothing."""
    match module:
        case nn.Linear():
            layer = {"kind": "linear", "inputs": module.in_features, "outputs": module.out_features}
        case nn.Conv2d() | nn.ConvTranspose2d():
            kind = "convolution" if isinstance(module, nn.Conv2d) else "transposed"
            layer = {"kind": kind, "inputs": module.in_channels, "outputs": module.out_channels}
            layer |= {"kernel": module.kernel_size[0], "stride": module.stride[0], "padding": module.padding[0]}
        case nn.GroupNorm():
            layer = {"kind": "group", "channels": module.num_channels}
            layer |= {"groups": module.num_groups, "epsilon": module.eps}
        case nn.BatchNorm2d():
            scale = module.weight / (module.running_var + module.eps).sqrt()
            shift = module.bias - module.running_mean * scale
            return {"kind": "affine", "channels": module.num_features}, [scale, shift]
        case nn.ReLU() | nn.LeakyReLU():
            return {"kind": "rectifier", "slope": getattr(module, "negative_slope", 0.0)}, []
        case nn.MaxPool2d():
            return {"kind": "pool", "kernel": module.kernel_size}, []
        case nn.Flatten():  # of what is one pixel already
            return {}, []
        case _:
            raise ValueError(f"f has a layer {type(module).__name__}: a live figure cannot run it.")
    return layer, [module.weight, module.bias]


def source(z: nn.Module | None) -> dict | None:
    """A source of noise, None if it is standard normal."""
    if not isinstance(z, Fourier):
        return None
    return {"mean": encoded(z.mean), "deviation": encoded(z.deviation), "shape": list(z.shape)}


def enter(payloads: dict[str, dict], f: nn.Module, shape: tuple[int, ...], z: nn.Module | None = None) -> str:
    """The key under which a network with its source of noise, if any, then stands among some payloads."""
    payload = network(f, shape) | {"source": source(z)}
    key = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()[:16]
    payloads[key] = payload
    return key
