"""How the cost of a NAIGN step grows: seconds measured against N, M, D and processes, beside counted arithmetic.

A step with the modified idempotence passes M candidates and 16 N samples through f, counted in forward passes: x, z*, z
and f(z) with their gradients, 3 each, and the frozen f on two halves, 2 each. The search compares N M pairs.
"""

import math
import os
import statistics
import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from naign.base import distributed, interrupts
from naign.data.samples import TensorData
from naign.methods import NAIGN
from naign.models import ConvAutoencoder
from naign.optim import Schedule
from naign.sources import StandardNormal
from naign.study.provenance import device_name
from naign.training import Training

WIDTH, BASE = 16, {"n": 32, "m": 320, "size": 32}  # grey images of size x size
POINTS = [{}, {"n": 16}, {"n": 64}, {"m": 80}, {"m": 160}, {"m": 640}, {"m": 1280}, {"size": 16}, {"size": 64}]
PAIR = 3  # operations for each number of a pair of images: difference, absolute value, sum
STEPS, WARM_UP = 7, 2


def forward(width: int, shape: tuple[int, ...]) -> tuple[int, int]:
    """Operations of one sample's pass through a `ConvAutoencoder`, and its parameters."""
    with torch.device("meta"):
        f, x = ConvAutoencoder(shape, width, "group"), torch.empty(1, *shape)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        f(x)
    return counter.get_total_flops(), sum(p.numel() for p in f.parameters())


def operations(n: int, m: int, numbers: int, passed: int) -> dict[str, int]:
    """Of one step on samples of so many numbers, where one pass costs `passed`: by part."""
    return {"search": m * passed, "terms": 16 * n * passed, "pairs": PAIR * n * m * numbers}


def training(n: int, m: int, size: int) -> Training:
    """NAIGN on noise in the shape of images."""
    generator = torch.Generator().manual_seed(0)
    data = TensorData(torch.rand(256, 1, size, size, generator=generator) * 2 - 1)
    method = NAIGN(distance="l1", candidates=m / n, candidate_dtype="float32")
    f = ConvAutoencoder(data.shape, WIDTH, "group")
    return Training(f, StandardNormal(data.shape), data, method, Schedule(10**6, n))


def measured(points: list[dict[str, int]]) -> list[dict[str, float]]:
    """Of a step at each point, all in turn: the median "processor" seconds of this process, and the least "seconds" by
    the clock. Others may use the machine, which the processor's time feels least.
    """
    torch.set_num_threads(1)
    times = [[] for _ in points]
    with distributed.group():
        trainings = [training(**point) for point in points]
        for _ in range(WARM_UP + STEPS):
            for one, found in zip(trainings, times, strict=True):
                began = time.process_time(), time.perf_counter()
                one.one_step()
                found.append((time.process_time() - began[0], time.perf_counter() - began[1]))
    kept = [list(zip(*found[WARM_UP:], strict=True)) for found in times]
    return [{"processor": statistics.median(own), "seconds": min(clock)} for own, clock in kept]


def measure() -> dict:
    """Seconds and operations of a step at every point by one process of one thread, and at the first by more."""
    rows, points = [], [BASE | change for change in POINTS]
    for point, times in zip(points, _by(1, points), strict=True):
        passed, _ = forward(WIDTH, (1, point["size"], point["size"]))
        counted = operations(point["n"], point["m"], point["size"] ** 2, passed)
        rows.append(point | {"processes": 1, "operations": counted} | times)
    for processes in range(2, (os.cpu_count() or 1) + 1):
        rows.append(rows[0] | {"processes": processes} | _by(processes, [BASE])[0])
    return {"device": device_name(torch.device("cpu")), "width": WIDTH, "rows": rows}


def _by(processes: int, points: list[dict[str, int]]) -> list[dict[str, float]]:
    """`measured` in so many processes of one thread each, started as torchrun does."""
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    here = {"run_id": __name__, "rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0", "start_method": "spawn"}
    with interrupts.restored():  # torchelastic leaves its own handlers, and SIGTERM would no longer save a training
        return elastic_launch(LaunchConfig(1, 1, processes, **here), measured)(points)[0]


def predicted(size: int, data: int, gpus: int, assumed: dict) -> dict[str, float]:
    """Seconds of a step on colour images, by part, and hours of a run, on GPUs as fast as is `assumed`.

    assumed : width of f, n, m as a multiple of it, epochs; rate (operations a second that f reaches), pairs (likewise
        of the distances), memory, near and far (bytes a second: of a GPU's memory, between GPUs of one machine, beyond
        it), and machine (GPUs that it has)
    """
    shape, n = (3, size, size), assumed["n"]
    (passed, parameters), m, numbers = forward(assumed["width"], shape), assumed["m"] * n, math.prod(shape)
    work = operations(n, m, numbers, passed)
    link = assumed["near"] if gpus <= assumed["machine"] else assumed["far"]
    parts = {
        "network": (work["search"] + work["terms"]) / gpus / assumed["rate"],
        "pairs": work["pairs"] / gpus / assumed["pairs"],
        "draws": 4 * (m + 2 * n) * numbers / assumed["memory"],  # every process draws all
        "gradients": 2 * 4 * parameters * (gpus - 1) / gpus / link,
    }
    step = sum(parts.values())
    return parts | {"step": step, "hours": step * assumed["epochs"] * data / n / 3600}


def report(r: dict) -> str:
    """The measurements as lines of text; work and rate are those of one process."""
    lines = [f"a NAIGN step on grey images, width {r['width']}, on {r['device']}, one thread a process"]
    lines += ["     N     M  pixels  processes  processor ms  clock ms  GFLOP  GFLOP/s"]
    for row in r["rows"]:
        work = sum(row["operations"].values()) / row["processes"] / 1e9
        sizes = f"{row['n']:>6}{row['m']:>6}{row['size']:>5}²{row['processes']:>11}"
        times = f"{1e3 * row['processor']:>14.1f}{1e3 * row['seconds']:>10.1f}"
        lines.append(f"{sizes}{times}{work:>7.2f}{work / row['processor']:>9.1f}")
    return "\n".join(lines)
