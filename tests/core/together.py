"""What test_distributed.py runs, by one process or by several: short trainings, whose f and histories it saves."""

import json
import sys
from pathlib import Path

import torch

from naign import beyond, methods
from naign.base import distributed, files
from naign.data import toys
from naign.data.samples import TensorData
from naign.models import MLP, ConvAutoencoder, seeded
from naign.optim import Schedule
from naign.sources import StandardNormal
from naign.training import Training

N = 15  # which 2 does not divide
EXACT = {"candidate_dtype": "float32"}  # in bf16 two candidates may be equally near, and rounding decides
CASES = {
    "naign": (methods.NAIGN(**EXACT), {}),
    "naign-minus": (methods.NAIGNMinus(candidates=0.1, **EXACT), {}),  # M = 2: no candidate for most of many processes
    "replayed": (methods.NAIGN(idempotence="plain", **EXACT), {"replay": 0.5, "warm_start": 2}),
    "ign": (methods.IGN(), {}),
    "balanced": (beyond.Balanced(pool=2, reuse=3), {}),
    "muon": (methods.NAIGN(distance="l2-squared", **EXACT), {"optimiser": "muon"}),
    "images": (methods.NAIGN(distance="l1", **EXACT), {}),
}


def training(case: str, steps: int, checkpoint: Path | None = None) -> Training:
    method, options = CASES[case]
    data, dtype = toys.Grid(), torch.get_default_dtype()
    if case == "images":
        data = TensorData(torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    make = (lambda: ConvAutoencoder(data.shape, 8, "group")) if case == "images" else (lambda: MLP((2,), 16, 2))
    f = seeded(make, 0).to(dtype)
    schedule = Schedule(steps, N, lr=1e-3, decay="cosine", **options)
    return Training(f, StandardNormal(data.shape), data, method, schedule, 0, checkpoint)


def main(out: Path) -> None:
    for dtype in (torch.float32, torch.float64):
        torch.set_default_dtype(dtype)
        toys._on_device.cache_clear()
        for case in CASES:
            done = training(case, 20)
            done.fit(progress=False)
            if distributed.rank() == 0:
                name = f"{case}-{str(dtype)[-2:]}"
                probe = torch.randn(50, *done.data.shape, generator=torch.Generator().manual_seed(1))
                with torch.no_grad():
                    outputs = {"outputs": done.f(probe)}
                files.save_tensors(out / f"{name}.safetensors", done.f.state_dict() | outputs, {})
                (out / f"{name}.json").write_text(json.dumps(done.history))
    half = training("naign", 20, out / "half")
    for _ in range(10):
        half.advance(half.one_step)
    half.keep()
    (out / "half").mkdir(exist_ok=True)
    half.save()


if __name__ == "__main__":
    torch.set_num_threads(1)
    with distributed.group():
        main(Path(sys.argv[1]))
