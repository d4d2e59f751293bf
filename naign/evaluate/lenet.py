"""LeNet: the features of the Fréchet LeNet Distance (FLD), and a reader of digits."""

import json
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm.auto import tqdm

from naign import models
from naign.base import files
from naign.data.samples import TensorData

PATH = Path(__file__).with_name("lenet.safetensors")
BATCH = 1000


class LeNet(nn.Module):
    """LeNet-5 (LeCun et al. 1998) with ReLU and max pooling on 32 x 32 images in [-1, 1]."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(  # the 84 activations before the last layer
            *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(16, 120, 5), nn.ReLU(), nn.Flatten()),
            *(nn.Linear(120, 84), nn.ReLU()),
        )
        self.head = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


def features(net: LeNet, x: Tensor) -> Tensor:
    """The 84 features of images, (n, 1, 32, 32) -> (n, 84), both on any device, on the CPU."""
    return _by_parts(net.features, x)


def labels(net: LeNet, x: Tensor) -> Tensor:
    """The digits that images show, (n, 1, 32, 32) -> (n,) integers in [0, 10), on the CPU."""
    return _by_parts(net, x).argmax(1)


@torch.no_grad()
def _by_parts(net: nn.Module, x: Tensor) -> Tensor:
    device = next(net.parameters()).device
    return torch.cat([net(part.to(device)).cpu() for part in x.split(BATCH)])


def train(data: TensorData, epochs: int = 12, seed: int = 0, progress: bool = True) -> tuple[LeNet, dict]:
    """A LeNet for digits (n, 1, 32, 32) with labels, and its record, for which alone the test part serves.

    AdamW, batches of 128 shifted by up to two pixels, learning rate 2e-3 decayed along a cosine.
    """
    net = models.seeded(LeNet, seed)
    generator = torch.Generator().manual_seed(seed)
    steps = epochs * (len(data) // 128)
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, fused=True)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in tqdm(range(epochs), unit="epoch", disable=not progress):
        for index in torch.randperm(len(data), generator=generator).split(128)[: steps // epochs]:
            x, y = data.take(index), data.labels[index]
            shift = torch.randint(-2, 3, (2,), generator=generator).tolist()
            loss = functional.cross_entropy(net(x.roll(shift, (2, 3))), y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            decay.step()
    right = {}
    for name, part in (("train", data), ("test", data.test)):
        right[name] = (labels(net, part.take(slice(None))) == part.labels).float().mean().item()
    record = {"epochs": epochs, "seed": seed, "features": "84 activations before the last layer", "accuracy": right}
    return net.eval(), record


def save(net: LeNet, record: dict, path: Path = PATH) -> None:
    """Write a LeNet and its record to one file."""
    files.writable_directory(path.parent)
    files.save_tensors(path, net.state_dict(), {"record": json.dumps(record)})


def load(path: Path = PATH) -> tuple[LeNet, dict]:
    """The LeNet that comes with the package, and its record; ValueError if its file is missing or damaged."""
    tensors, meta = files.load_tensors(path)
    net = LeNet()
    net.load_state_dict(tensors)
    return net.eval(), json.loads(meta["record"])
