"""How fast a step is, against Algorithm 1 taken literally, IGN, and the machine's matrix rate.

What is compared is timed in turn within one run, and the medians over the rounds are given.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from naign import matching
from naign.base.settings import changed
from naign.data.toys import Grid
from naign.losses import distance
from naign.methods import make
from naign.models import MLP, seeded
from naign.optim import Schedule
from naign.sources import StandardNormal
from naign.study.experiment import Experiment, build
from naign.study.provenance import device_name
from naign.study.runs import load
from naign.training import Training

WIDTH, DEPTH, N, CANDIDATES = 512, 3, 512, 10  # the paper's size in 2D
BLOCK = 16  # steps that one pool of `Balanced` serves, 20 where a quarter of each batch is matched otherwise
FOR_EVER = 10**6


def _where(device: str | None) -> torch.device:
    return torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))


def _seconds(cases: dict[str, Callable[[], object]], rounds: int, device: torch.device) -> dict[str, float]:
    """Median seconds of each case; two rounds more warm up."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds + 2):
        for name, step in cases.items():
            if device.type == "cuda":
                torch.cuda.synchronize()
            start = time.perf_counter()
            step()
            if device.type == "cuda":
                torch.cuda.synchronize()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(t[2:]) for name, t in times.items()}


def _stepper(training: Training) -> Callable[[], None]:
    return training.captured() if training.device.type == "cuda" else training.one_step


def literal_step(
    f: nn.Module, optimiser: torch.optim.Optimizer, data: Grid, source: nn.Module, generator: torch.Generator
) -> None:
    """Algorithm 1 as printed: a copy of f, and autograd through all M candidates."""
    frozen = copy.deepcopy(f).requires_grad_(False)
    x = data.sample(N, generator)
    rec = distance(x, f(x)).mean()
    candidates = f(source.sample(CANDIDATES * N, generator))
    imle = torch.cdist(x, candidates).min(1).values.mean()
    fz = f(source.sample(N, generator))
    idem = distance(fz, frozen(fz)).mean()
    optimiser.zero_grad()
    (rec + imle + idem).backward()
    optimiser.step()


def naign_flops(f: nn.Module) -> int:
    """Arithmetic of our step with plain idempotence, of the linear layers alone.

    Candidates: one forward. Data, winners and z: forward and twice that backward. The frozen f: twice.
    """
    forward = sum(2 * m.weight.numel() for m in f.modules() if isinstance(m, nn.Linear))
    return forward * (CANDIDATES * N + 3 * 3 * N + 2 * N)


def measure(rounds: int = 15, device: str | None = None) -> dict:
    """Median seconds of each step by name, and of plain idempotence the ratios "speedup" (literal / NAIGN), "cost"
    (NAIGN / IGN) and "rate" (achieved / plain fp32 matrix product), with the faster search and with fp32 throughout.
    """
    where, toy, source = _where(device), Grid(), StandardNormal((2,))

    def network() -> nn.Module:
        return seeded(lambda: MLP(toy.shape, WIDTH, DEPTH), 0).to(where)

    def ours(method: str, **options: object) -> Callable[[], None]:
        return _stepper(Training(network(), source, toy, make(method, **options), Schedule(FOR_EVER, N)))

    f, generator = network(), torch.Generator(where).manual_seed(0)
    optimiser = torch.optim.AdamW(f.parameters(), lr=1e-4)
    a, b = torch.randn(matching.CHUNK, WIDTH, device=where), torch.randn(WIDTH, WIDTH, device=where)
    cases = {
        "Algorithm 1, literal": lambda: literal_step(f, optimiser, toy, source, generator),
        "NAIGN, plain idempotence": ours("naign", idempotence="plain"),
        "NAIGN, modified idempotence": ours("naign"),
        "NAIGN, plain, fp32 search": ours("naign", idempotence="plain", candidate_dtype="float32"),
        "NAIGN-": ours("naign-minus"),
        "IGN": ours("ign"),
        "matrix product": lambda: [a @ b for _ in range(20)],
    }
    median = _seconds(cases, rounds, where)
    work, rate = naign_flops(f), 20 * 2 * matching.CHUNK * WIDTH**2 / median["matrix product"]

    def ratios(seconds: float) -> dict[str, float]:
        speedup, cost = median["Algorithm 1, literal"] / seconds, seconds / median["IGN"]
        return {"speedup": speedup, "cost": cost, "rate": work / seconds / rate}

    plain = median["NAIGN, plain idempotence"]
    return {
        "device": device_name(where),
        "threads": torch.get_num_threads(),
        "seconds": median,
        **ratios(plain),
        "gflops": work / plain / 1e9,
        "fp32": ratios(median["NAIGN, plain, fp32 search"]),
        "search": "bf16" if matching.fast_in_half_precision(where.type) else "fp32",
    }


def report(r: dict) -> str:
    """The measurements as lines of text."""
    lines = [f"{WIDTH} x {DEPTH}, N = {N}, M = {CANDIDATES * N}, on {r['device']} ({r['threads']} threads)"]
    lines += [f"  {name:<30}{1e3 * s:9.2f} ms" for name, s in r["seconds"].items()]
    for search, one in ((f"{r['search']} search", r), ("fp32 search", r["fp32"])):
        lines.append(
            f"NAIGN, plain idempotence, {search}: {one['speedup']:.2f} times as fast as Algorithm 1 taken literally, "
            f"{one['cost']:.2f} times an IGN step, at {one['rate']:.0%} of the rate of a plain fp32 matrix product"
        )
    return "\n".join(lines)


def measure_step(experiment: Experiment, rounds: int = 20, device: str | None = None) -> dict:
    """Seconds of one training step of an experiment, its arithmetic (as PyTorch counts it), and its share of the
    rate of large square matrix products in the experiment's precision.
    """
    where = _where(device)
    f, source = (module.to(where) for module in build(experiment.config()))
    data = experiment.data.load()
    data = data.to(where) if hasattr(data, "to") else data
    schedule = changed(experiment.schedule, steps=FOR_EVER, warm_start=0, snapshots=())
    training = Training(f, source, data, experiment.method, schedule)
    with FlopCounterMode(display=False) as counter:
        training.one_step()
    side = 8192 if where.type == "cuda" else 1024
    a = torch.randn(side, side, device=where, dtype=getattr(torch, schedule.dtype))
    median = _seconds({"step": _stepper(training), "product": lambda: a @ a}, rounds, where)
    work = counter.get_total_flops()
    return {
        "experiment": f"{experiment.name}, {experiment.profile}",
        "device": device_name(where),
        "threads": torch.get_num_threads(),
        "seconds": median["step"],
        "gflops": work / 1e9,
        "rate": work / median["step"] * median["product"] / (2 * side**3),
    }


def report_step(r: dict) -> str:
    """One line of text."""
    return (
        f"{r['experiment']} on {r['device']} ({r['threads']} threads): {1e3 * r['seconds']:.2f} ms a step of "
        f"{r['gflops']:.1f} GFLOP, {r['rate']:.0%} of the rate of a matrix product"
    )


def measure_matchings(rounds: int = 9, device: str | None = None) -> dict:
    """Seconds a step of every matching and both optimisers on the grid at its `cpu` size.

    Each time is that of 16 steps, over 16, since a pool is matched once in so many. All start
    from the recorded NAIGN, since an assignment is the harder the more alike its candidates are.
    """
    where, trained, balanced, muon = _where(device), load("grid-naign").f, "naign-balanced", {"optimiser": "muon"}
    cases = {
        "NAIGN: nearest of 10 N": ("naign", {}, {}),
        "rejection, nearest of the rest": ("naign-rejection", {}, {}),
        "exact assignment, pool of 4 N": (balanced, {}, {}),
        "entropic, pool of 4 N": ("naign-entropic", {}, {}),
        "NAIGN- (nearest, no idempotence)": ("naign-minus", {}, {}),
        "exact assignment, pool of N, once": (balanced, {"pool": 1, "reuse": 1}, {}),
        "the pool of 4 N, a quarter by rejection": (balanced, {"rejection": 0.25}, {}),
        "NAIGN with Muon": ("naign", {}, muon),
        "exact assignment, pool of 4 N, Muon": (balanced, {}, muon),
    }

    def steps(method: str, options: dict, optimiser: dict) -> Callable[[], object]:
        schedule = Schedule(FOR_EVER, 256, 1e-4, **optimiser)
        f = copy.deepcopy(trained).to(where)
        training = Training(f, StandardNormal((2,)), Grid(), make(method, **options), schedule)
        return lambda: [training.one_step() for _ in range(BLOCK)]

    median = _seconds({name: steps(*case) for name, case in cases.items()}, rounds, where)
    seconds = {name: s / BLOCK for name, s in median.items()}
    return {"device": device_name(where), "threads": torch.get_num_threads(), "seconds": seconds}


def report_matchings(r: dict) -> str:
    """The measurements as lines of text, each beside the nearest."""
    first = next(iter(r["seconds"].values()))
    lines = [f"a step on the grid, 256 x 3, N = 256, on {r['device']} ({r['threads']} threads), beside the first"]
    return "\n".join(lines + [f"  {k:<40}{1e3 * s:8.2f} ms{s / first:7.2f}" for k, s in r["seconds"].items()])
