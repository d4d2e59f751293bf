"""How fast a step is, against Algorithm 1 taken literally, IGN, and the machine's matrix rate."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from naign import experiments, matching, toys
from naign.balanced import make
from naign.experiment import Experiment, build
from naign.loop import Loop
from naign.losses import distance
from naign.methods import IGN, NAIGN, Method
from naign.models import MLP, seeded
from naign.provenance import device_name
from naign.settings import Schedule
from naign.sources import StandardNormal

WIDTH, DEPTH, N, CANDIDATES = 512, 3, 512, 10  # the paper's size in 2D


def literal_step(
    f: nn.Module, optimiser: torch.optim.Optimizer, data: toys.Mixture, source: nn.Module, generator: torch.Generator
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


def _flops_per_sample(f: nn.Module) -> int:
    return sum(2 * m.weight.numel() for m in f.modules() if isinstance(m, nn.Linear))


def naign_flops(f: nn.Module) -> int:
    """Arithmetic of our step with plain idempotence: products of the linear layers alone.

    Candidates: one forward. Data, winners and z: forward and twice that backward.
    The frozen f at f(z): forward and the gradient of its input.
    """
    forward = _flops_per_sample(f)
    return forward * (CANDIDATES * N + 3 * 3 * N + 2 * N)


def _stepper(method: Method, device: torch.device) -> Callable[[], None]:
    toy = toys.grid()
    f = seeded(lambda: MLP(toy.shape, WIDTH, DEPTH), 0).to(device)
    loop = Loop(f, StandardNormal(toy.shape), toy, method, Schedule(10**6, N))
    return loop.captured() if device.type == "cuda" else loop.one_step


def _literal(device: torch.device) -> Callable[[], None]:
    toy, generator = toys.grid(), torch.Generator(device).manual_seed(0)
    f = seeded(lambda: MLP(toy.shape, WIDTH, DEPTH), 0).to(device)
    optimiser = torch.optim.AdamW(f.parameters(), lr=1e-4)
    source = StandardNormal(toy.shape)
    return lambda: literal_step(f, optimiser, toy, source, generator)


def _matrix(device: torch.device) -> Callable[[], Tensor]:
    a = torch.randn(matching.CHUNK, WIDTH, device=device)
    b = torch.randn(WIDTH, WIDTH, device=device)
    return lambda: [a @ b for _ in range(20)]


def measure(rounds: int = 15, device: str | None = None) -> dict:
    """Median seconds of each step, all timed in turn within one run, and their ratios.

    Returns
    -------
    dict with "seconds" by name and, for plain idempotence and the precision of the search
    that is faster here, the ratios "speedup" (literal / NAIGN), "cost" (NAIGN / IGN) and
    "rate" (achieved / plain fp32 matrix product); under "fp32" the same in fp32 throughout
    """
    where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    steps = {
        "Algorithm 1, literal": _literal(where),
        "NAIGN, plain idempotence": _stepper(NAIGN(idempotence="plain"), where),
        "NAIGN, modified idempotence": _stepper(NAIGN(), where),
        "NAIGN, plain, fp32 search": _stepper(NAIGN(idempotence="plain", candidate_dtype="float32"), where),
        "NAIGN-": _stepper(NAIGN(w_idem=0.0), where),
        "IGN": _stepper(IGN(), where),
        "matrix product": _matrix(where),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for i in range(rounds + 2):
        for name, step in steps.items():
            seconds = _time(step, where)
            if i >= 2:  # the first two warm up
                times[name].append(seconds)
    median = {name: statistics.median(t) for name, t in times.items()}
    ours = median["NAIGN, plain idempotence"]
    fp32 = median["NAIGN, plain, fp32 search"]
    f = MLP((2,), WIDTH, DEPTH)
    matrix_rate = 20 * 2 * matching.CHUNK * WIDTH**2 / median["matrix product"]
    return {
        "device": device_name(where),
        "threads": torch.get_num_threads(),
        "seconds": median,
        "speedup": median["Algorithm 1, literal"] / ours,
        "cost": ours / median["IGN"],
        "rate": naign_flops(f) / ours / matrix_rate,
        "gflops": naign_flops(f) / ours / 1e9,
        "fp32": {
            "speedup": median["Algorithm 1, literal"] / fp32,
            "cost": fp32 / median["IGN"],
            "rate": naign_flops(f) / fp32 / matrix_rate,
        },
        "search": "bf16" if matching.fast_in_half_precision(where.type) else "fp32",
    }


def measure_step(experiment: Experiment, rounds: int = 20, device: str | None = None) -> dict:
    """Seconds of one training step of an experiment, its arithmetic, and its share of the matrix rate.

    The arithmetic is that of all convolutions and matrix products, forward and backward, as
    PyTorch counts it; the rate to compare with is that of large square matrices in the
    precision of the experiment.
    """
    where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    f, source = (module.to(where) for module in build(experiment.config()))
    data = experiment.load_data()
    data = data.to(where) if hasattr(data, "to") else data
    schedule = Schedule(**(experiment.schedule | {"steps": 10**6, "warm_start": 0, "snapshots": (), "probes": ()}))
    loop = Loop(f, source, data, make(experiment.method, **experiment.method_options), schedule)
    with FlopCounterMode(display=False) as counter:
        loop.one_step()
    step = loop.captured() if where.type == "cuda" else loop.one_step
    side = 8192 if where.type == "cuda" else 1024
    a = torch.randn(side, side, device=where, dtype=getattr(torch, schedule.dtype))
    times = [(_time(step, where), _time(lambda: a @ a, where)) for _ in range(rounds + 2)][2:]
    seconds, product = (statistics.median(t) for t in zip(*times, strict=True))
    work, rate = counter.get_total_flops(), 2 * side**3 / product
    return {
        "experiment": f"{experiment.name}, {experiment.profile}",
        "device": device_name(where),
        "threads": torch.get_num_threads(),
        "seconds": seconds,
        "gflops": work / 1e9,
        "rate": work / seconds / rate,
    }


BLOCK = 16  # steps that one pool of `Balanced` serves, 20 where a quarter of each batch is matched otherwise


def measure_matchings(rounds: int = 9, device: str | None = None) -> dict:
    """Seconds a step of every matching and both optimisers on the grid at its `cpu` size, timed in turn.

    Each time is that of 16 steps, over 16, since a pool is matched once in so many; median over rounds. All start
    from the recorded NAIGN, since an assignment is the harder the more alike its candidates are.
    """
    where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    methods = {"NAIGN: nearest of 10 N": "naign", "rejection, nearest of the rest": "naign-rejection"}
    methods |= {"exact assignment, pool of 4 N": "naign-balanced", "entropic, pool of 4 N": "naign-entropic"}
    methods |= {"learned prices, 2,500 points": "naign-priced", "NAIGN- (nearest, no idempotence)": "naign-minus"}
    settings = {"batch_size": 256, "steps": 10**6, "lr": 1e-4}
    cases = {name: (make(m), Schedule(**settings)) for name, m in methods.items()}
    cases["exact assignment, pool of N, once"] = (make("naign-balanced", pool=1, reuse=1), Schedule(**settings))
    cases["the pool of 4 N, a quarter by rejection"] = (make("naign-balanced", rejection=0.25), Schedule(**settings))
    cases["NAIGN with Muon"] = (make("naign"), Schedule(**settings, optimiser="muon"))
    cases["exact assignment, pool of 4 N, Muon"] = (make("naign-balanced"), Schedule(**settings, optimiser="muon"))
    trained, loops = experiments.load("grid-naign").f, {}
    for name, (method, schedule) in cases.items():
        f = copy.deepcopy(trained).to(where)
        loops[name] = Loop(f, StandardNormal((2,)), toys.grid(), method, schedule)
    times: dict[str, list[float]] = {name: [] for name in loops}
    for i in range(rounds + 1):
        for name, loop in loops.items():
            seconds = _time(lambda loop=loop: [loop.one_step() for _ in range(BLOCK)], where)
            if i:  # the first warms up
                times[name].append(seconds / BLOCK)
    median = {name: statistics.median(t) for name, t in times.items()}
    return {"device": device_name(where), "threads": torch.get_num_threads(), "seconds": median}


def report_matchings(r: dict) -> str:
    """The measurements as lines of text, each beside the nearest."""
    first = next(iter(r["seconds"].values()))
    lines = [f"a step on the grid, 256 x 3, N = 256, on {r['device']} ({r['threads']} threads), beside the first"]
    return "\n".join(lines + [f"  {k:<40}{1e3 * s:8.2f} ms{s / first:7.2f}" for k, s in r["seconds"].items()])


def report_step(r: dict) -> str:
    """One line of text."""
    return (
        f"{r['experiment']} on {r['device']} ({r['threads']} threads): {1e3 * r['seconds']:.2f} ms a step of "
        f"{r['gflops']:.1f} GFLOP, {r['rate']:.0%} of the rate of a matrix product"
    )


def _time(step: Callable, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def report(result: dict) -> str:
    """The measurements as lines of text."""
    lines = [f"{WIDTH} x {DEPTH}, N = {N}, M = {CANDIDATES * N}, on {result['device']} ({result['threads']} threads)"]
    lines += [f"  {name:<30}{1e3 * s:9.2f} ms" for name, s in result["seconds"].items()]
    for search, r in ((f"{result['search']} search", result), ("fp32 search", result["fp32"])):
        lines.append(
            f"NAIGN, plain idempotence, {search}: {r['speedup']:.2f} times as fast as Algorithm 1 taken literally, "
            f"{r['cost']:.2f} times an IGN step, at {r['rate']:.0%} of the rate of a plain fp32 matrix product"
        )
    return "\n".join(lines)
