"""How fast a step is, against Algorithm 1 taken literally, IGN, and the machine's matrix rate.

What is compared is timed in turn within one run, and the medians over the rounds are given. On a GPU our steps are
timed as they come, as the literal one is, and once more captured into a graph where `Training.fit` captures them; the
ratios are those of steps as they come.
"""

import copy
import functools
import statistics
from collections.abc import Callable

import torch
from torch import nn
from torch.utils.benchmark import timer  # which waits for a GPU
from torch.utils.flop_counter import FlopCounterMode

from naign import matching
from naign.base import capture
from naign.base.settings import changed
from naign.losses import distance
from naign.methods import METHODS
from naign.study import flow
from naign.study.experiment import Experiment, get
from naign.study.provenance import device_name, device_of
from naign.study.runs import load_or_fit
from naign.training import Training

WIDTH, SIZE = 512, "512 x 3, N = 512, M = 5120"  # the paper's in 2D
LITERAL, PLAIN, FP32 = "Algorithm 1, literal", "NAIGN, plain idempotence", "NAIGN, plain, fp32 search"
PRODUCT, PRODUCTS = "matrix product", 20  # so many at once
BLOCK = 16  # steps that one pool of `Balanced` serves
AUTO = {"candidate_dtype": "auto"}  # the faster search
EXACT = {"candidate_dtype": "float32"}
STEPS = {  # at the paper's size
    PLAIN: ("grid-naign", {"idempotence": "plain"} | AUTO),
    "NAIGN, modified idempotence": ("grid-naign", AUTO),
    FP32: ("grid-naign", {"idempotence": "plain"} | EXACT),
    "NAIGN-": ("grid-naign-minus", AUTO),
    "IGN": ("grid-ign", {}),
}
ADAMW, MUON = {"optimiser": "adamw", "lr": 1e-4}, {"optimiser": "muon", "lr": 1e-4}
MATCHINGS = {  # at the size of the profile `cpu`
    "NAIGN: nearest of 10 N": ("grid-naign", ADAMW | AUTO),
    "exact assignment, pool of 4 N": ("grid-naign-balanced", ADAMW),
    "NAIGN- (nearest, no idempotence)": ("grid-naign-minus", ADAMW | AUTO),
    "exact assignment, pool of N, once": ("grid-naign-balanced", ADAMW | {"pool": 1, "reuse": 1}),
    "NAIGN with Muon": ("grid-naign", MUON | AUTO),
    "exact assignment, pool of 4 N, Muon": ("grid-naign-balanced", MUON),
}
FIELD, OF_N = "field", {"width": 32, "batch_size": 256}
BESIDE_FIELD = {  # on digits, at the field's width; the last is what chapter 7 trains
    "IGN": ("mnist-ign", OF_N),
    FIELD: ("mnist-naign-field", OF_N | {"generated": 1.0, "reconstructed": 1.0}),
    "field, 256 moved by 4,096 data": ("mnist-naign-field", {}),
}
Step = Callable[[], object]


def timed(what: str, cases: dict[str, Step], rounds: int, device: torch.device) -> dict:
    """Median seconds of each case, all called in turn, with what they are of and where; two rounds more warm up."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds + 2):
        for name, call in cases.items():
            start = timer()
            call()
            times[name].append(timer() - start)
    return _of(what, device, {name: statistics.median(t[2:]) for name, t in times.items()})


def _of(what: str, device: torch.device, seconds: dict[str, float]) -> dict:
    return {"of": what, "device": device_name(device), "threads": torch.get_num_threads(), "seconds": seconds}


def endless(experiment: Experiment, device: torch.device, f: nn.Module | None = None) -> Training:
    """The training of an experiment, without a warm start or an end; from the weights of f if one is given."""
    schedule = changed(experiment.schedule, steps=10**6, warm_start=0, snapshots=())
    training = changed(experiment, schedule=schedule).training(device)
    if f is not None:
        training.f.load_state_dict(f.state_dict())
    return training


def steps(experiments: dict[str, Experiment], device: torch.device, f: nn.Module | None = None) -> dict[str, Step]:
    """A step of each; on a GPU also a captured one of those that `Training.fit` captures."""
    cases: dict[str, Step] = {}
    for name, experiment in experiments.items():
        training = endless(experiment, device, f)
        cases[name] = training.one_step
        if capture.suits(training):
            cases[f"{name}, captured"] = capture.captured(endless(experiment, device, f))
    return cases


def measure_capture(profile: str) -> dict:
    """Seconds of a step of every method, as it comes and captured, and what capture changes and takes.

    "differences" are those of the weights after 60 steps, relative to their norm; "memory" is the most that was held,
    in bytes. On a CPU there is none of these.
    """
    device, seconds, differences, memory = device_of(), {}, {}, {}
    for name in [f"grid-{method}" for method in METHODS] + ["mnist-naign", "mnist-ign", "ffhq100-naign"]:
        experiment = get(name, profile)
        eager, seconds[name], memory[name] = _sixty(experiment, device, graph=False)
        if capture.suits(endless(experiment, device)):
            own = f"{name}, captured"
            captured, seconds[own], memory[own] = _sixty(experiment, device, graph=True)
            differences[name] = ((captured - eager).norm() / eager.norm()).item()
    more = {"differences": differences, "memory": memory} if device.type == "cuda" else {}
    return _of(f"a step, profile {profile}", device, seconds) | more


def _sixty(experiment: Experiment, device: torch.device, graph: bool) -> tuple[torch.Tensor, float, int]:
    """The weights after 60 steps, seconds of each of the last 40, and the bytes held at most on a GPU."""
    training, gpu = endless(experiment, device), device.type == "cuda"
    if gpu:
        torch.cuda.reset_peak_memory_stats()
    step = capture.captured(training) if graph else training.one_step
    for last in (20, 60):
        began, first = timer(), training.step
        while training.step < last:
            training.advance(step)
    seconds = (timer() - began) / (last - first)
    weights = torch.cat([p.detach().flatten() for p in training.f.parameters()])
    return weights, seconds, torch.cuda.max_memory_allocated() if gpu else 0


def literal_step(training: Training) -> None:
    """Algorithm 1 as printed: a copy of f, and autograd through all M candidates."""
    f, n, generator = training.f, training.schedule.batch_size, training.generator
    frozen = copy.deepcopy(f).requires_grad_(False)
    x = training.data.sample(n, generator)
    rec = distance(x, f(x)).mean()
    candidates = f(training.source.sample(training.method.count(n), generator))
    imle = torch.cdist(x, candidates).min(1).values.mean()
    fz = f(training.source.sample(n, generator))
    idem = distance(fz, frozen(fz)).mean()
    training.optimiser.step(rec + imle + idem)


def flops(training: Training) -> int:
    """Arithmetic of one step, as PyTorch counts it."""
    with FlopCounterMode(display=False) as counter:
        training.one_step()
    return counter.get_total_flops()


def measure(rounds: int = 15) -> dict:
    """Seconds of each step by name, and of plain idempotence the ratios "speedup" (literal / NAIGN), "cost"
    (NAIGN / IGN) and "rate" (achieved / plain fp32 matrix product), with the faster search and with fp32 throughout.
    """
    device, fp32 = device_of(), {"dtype": "float32"}  # terms as those of the literal step
    ours = {name: get(of, "paper", **fp32 | options) for name, (of, options) in STEPS.items()}
    a, b = torch.randn(matching.CHUNK, WIDTH, device=device), torch.randn(WIDTH, WIDTH, device=device)
    cases = {LITERAL: functools.partial(literal_step, endless(ours[PLAIN], device))} | steps(ours, device)
    result = timed(SIZE, cases | {PRODUCT: lambda: [a @ b for _ in range(PRODUCTS)]}, rounds, device)
    seconds, work = result["seconds"], flops(endless(ours[PLAIN], device))
    peak = PRODUCTS * 2 * len(a) * WIDTH**2 / seconds[PRODUCT]

    def ratios(own: float) -> dict[str, float]:
        return {"speedup": seconds[LITERAL] / own, "cost": own / seconds["IGN"], "rate": work / own / peak}

    search = "bf16" if matching.fast_in_half_precision(device.type) else "fp32"
    more = {"gflops": work / seconds[PLAIN] / 1e9, "fp32": ratios(seconds[FP32]), "search": search}
    return result | ratios(seconds[PLAIN]) | more


def measure_step(experiment: Experiment, rounds: int = 15) -> dict:
    """Seconds of a training step of an experiment, its arithmetic, "gflop", and the "share" that its fastest form
    reaches of the rate of large square matrix products in the experiment's precision.
    """
    device = device_of()
    side = 8192 if device.type == "cuda" else 1024
    half = experiment.schedule.dtype == "bfloat16"
    a = torch.randn(side, side, device=device, dtype=torch.bfloat16 if half else torch.float32)
    cases = steps({"step": experiment}, device) | {PRODUCT: lambda: a @ a}
    result = timed(f"{experiment.name}, {experiment.profile}", cases, rounds, device)
    *forms, product = result["seconds"].values()
    work = flops(endless(experiment, device))
    return result | {"gflop": work / 1e9, "share": work / min(forms) * product / (2 * side**3)}


def measure_field(rounds: int = 15) -> dict:
    """Seconds a step of the field, IGN and flow matching on digits; "cost" is the field's over IGN's at equal N."""
    device, compared = device_of(), {name: get(of, "cpu", **given) for name, (of, given) in BESIDE_FIELD.items()}
    cases = steps(compared, device) | {"flow matching": flow.training("cpu", 0)[0].one_step}
    result = timed("a step on digits, width 32, N = 256", cases, rounds, device)
    return result | {"cost": result["seconds"][FIELD] / result["seconds"]["IGN"]}


def measure_matchings(rounds: int = 15) -> dict:
    """Seconds a step of every matching and both optimisers on the grid at its `cpu` size.

    Each time is that of 16 steps, over 16, since a pool is matched once in so many. All start
    from the recorded NAIGN, since an assignment is the harder the more alike its candidates are.
    """
    device, compared = device_of(), {name: get(of, "cpu", **options) for name, (of, options) in MATCHINGS.items()}
    cases = steps(compared, device, load_or_fit(get("grid-naign", "cpu"), weights=True).f)
    blocks = {name: lambda step=step: [step() for _ in range(BLOCK)] for name, step in cases.items()}
    result = timed("a step on the grid, 256 x 3, N = 256", blocks, rounds, device)
    return result | {"seconds": {name: s / BLOCK for name, s in result["seconds"].items()}}


def report(r: dict) -> str:
    """The measurements of any of these as lines of text."""
    width = max(30, *(len(name) + 2 for name in r["seconds"]))
    lines = [f"{r.get('of', SIZE)}, on {r['device']} ({r['threads']} threads)"]
    lines += [f"  {name:<{width}}{1e3 * s:9.2f} ms" for name, s in r["seconds"].items()]
    if "share" in r:
        lines.append(f"{r['gflop']:.1f} GFLOP a step, {r['share']:.0%} of the rate of a matrix product")
    lines += [f"  {name}: captured weights differ by {gap:.1e}" for name, gap in r.get("differences", {}).items()]
    lines += [f"  {name}: {held / 2**20:,.0f} MiB" for name, held in r.get("memory", {}).items()]
    for search, one in {f"{r['search']} search": r, "fp32 search": r["fp32"]}.items() if "fp32" in r else ():
        lines.append(
            f"NAIGN, plain idempotence, {search}: {one['speedup']:.2f} times as fast as Algorithm 1 taken literally, "
            f"{one['cost']:.2f} times an IGN step, at {one['rate']:.0%} of the rate of a plain fp32 matrix product"
        )
    return "\n".join(lines)
